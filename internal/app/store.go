package app

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"frontdesk/internal/archive"
	"frontdesk/internal/config"
	"frontdesk/internal/db"
	"frontdesk/session"
	"frontdesk/session/sqlite"
	"frontdesk/session/valkey"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

const connectTimeout = 10 * time.Second // for a shared store to answer when the program starts

// sessionStore is what the program needs of a session store.
type sessionStore interface {
	archive.Store
	session.CallerMemory
	gate.Counter
}

// sweeper is a store that does not delete expired records by itself.
type sweeper interface {
	// Sweep deletes expired records and returns how many.
	Sweep(ctx context.Context) (int, error)
}

// endedTickets are tickets that nobody needs any more after retention.
type endedTickets struct {
	tickets   *tools.Tickets
	retention time.Duration // 0 keeps them
}

// Sweep implements sweeper.
func (e endedTickets) Sweep(ctx context.Context) (int, error) {
	return e.tickets.Sweep(ctx, e.retention)
}

// openData opens the data folder's database and the session store, which may be in that
// database. The caller must call close.
func openData(ctx context.Context, c config.Config) (conn *sql.DB, s sessionStore, close func(), err error) {
	if conn, err = db.Open(filepath.Join(c.Data, "frontdesk.db")); err != nil {
		return nil, nil, nil, err
	}
	s, closeStore, err := openStore(ctx, c, conn)
	if err != nil {
		_ = conn.Close()
		return nil, nil, nil, err
	}
	return conn, s, func() {
		closeStore()
		_ = conn.Close()
	}, nil
}

// openStore opens the store that nodes share, if one is configured, else the store in
// conn. The caller must call close.
func openStore(ctx context.Context, c config.Config, conn *sql.DB) (s sessionStore, close func(), err error) {
	server, isShared, err := c.SharedStore()
	if err != nil {
		return nil, nil, misuse{err}
	}
	if !isShared {
		s, err := sqlite.Open(ctx, conn)
		return s, func() {}, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	o := valkey.Options{
		Addresses: server.Addresses, Username: server.Username, Password: server.Password, DB: server.DB, Sentinel: server.Sentinel,
		Replicas: c.Durability.Replicas, ReplicaWait: c.Durability.Wait, RequireReplicas: c.Durability.Require,
	}
	if server.TLS {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	v, err := valkey.Open(ctx, o)
	if err != nil {
		return nil, nil, fmt.Errorf("store at %s: %w", strings.Join(server.Addresses, ", "), err)
	}
	return v, v.Close, nil
}

// openShared opens the database of the tickets and events: the one that nodes share, if one
// is configured, else conn. The caller must call close.
func openShared(ctx context.Context, c config.Config, conn *sql.DB) (shared *sql.DB, close func(), err error) {
	if c.Database == "" {
		return conn, func() {}, nil
	}
	if shared, err = db.OpenPostgres(ctx, c.Database); err != nil {
		return nil, nil, fmt.Errorf("database: %w", err)
	}
	return shared, func() { _ = shared.Close() }, nil
}

// openLimiter returns a limiter whose limits hold for all nodes that share the store.
func openLimiter(s sessionStore, l session.Limits) (session.Limiter, error) {
	if shared, ok := s.(*valkey.Store); ok {
		return shared.Limiter(l)
	}
	return session.NewLimiter(l), nil
}

func sessionLimits(l config.Limits) session.Limits {
	return session.Limits{
		Calls: l.Calls, CallsTotal: l.CallsTotal, CallsPerAddress: l.CallsPerAddress,
		StartsPerMinute: l.StartsPerMinute, StartsPerSecond: l.StartsPerSecond,
		TokensPerHour: l.TokensPerHour, Duration: l.CallDuration,
	}
}
