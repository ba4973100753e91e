package app

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"frontdesk/internal/config"
	"frontdesk/session"
)

const storeStart = 10 * time.Second // that a shared store has to answer at the start

// openData opens the data folder's database, and the store, which may be in it. close
// must be called.
func openData(ctx context.Context, c config.Config) (db *sql.DB, store session.Store, close func(), err error) {
	if db, err = session.OpenDB(filepath.Join(c.Data, "frontdesk.db")); err != nil {
		return nil, nil, nil, err
	}
	store, closeStore, err := openStore(ctx, c, db)
	if err != nil {
		_ = db.Close()
		return nil, nil, nil, err
	}
	return db, store, func() {
		closeStore()
		_ = db.Close()
	}, nil
}

// openStore opens the store that nodes share where the configuration names one, else
// the one in db. close must be called.
func openStore(ctx context.Context, c config.Config, db *sql.DB) (store session.Store, close func(), err error) {
	server, shared, err := c.SharedStore()
	if err != nil {
		return nil, nil, misuse{err}
	}
	if !shared {
		store, err := session.OpenSQLite(ctx, db)
		return store, func() {}, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeStart)
	defer cancel()
	o := session.ValkeyOptions{
		Addresses: server.Addresses, Username: server.Username, Password: server.Password, DB: server.DB, Sentinel: server.Sentinel,
		Replicas: c.Durability.Replicas, ReplicaWait: c.Durability.Wait, RequireReplicas: c.Durability.Require,
	}
	if server.TLS {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	v, err := session.OpenValkey(ctx, o)
	if err != nil {
		return nil, nil, fmt.Errorf("store at %s: %w", strings.Join(server.Addresses, ", "), err)
	}
	return v, v.Close, nil
}

// openGate makes the gate that keeps the limits: over all nodes where they share store.
func openGate(store session.Store, l session.Limits) (session.Gate, error) {
	if v, shared := store.(*session.Valkey); shared {
		return v.Gate(l)
	}
	return session.NewGate(l), nil
}

func sessionLimits(l config.Limits) session.Limits {
	return session.Limits{
		Calls: l.Calls, CallsTotal: l.CallsTotal, CallsPerAddress: l.CallsPerAddress,
		StartsPerMinute: l.StartsPerMinute, StartsPerSecond: l.StartsPerSecond,
		TokensPerHour: l.TokensPerHour, Duration: l.CallDuration,
	}
}
