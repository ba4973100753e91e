package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"frontdesk/config"
	"frontdesk/dialog"
	"frontdesk/fault"
	"frontdesk/session"
	"frontdesk/signaling/realtime"
	"frontdesk/signaling/webrtc"
	"frontdesk/tools"
	"frontdesk/web"
)

const (
	sweepEvery  = 10 * time.Minute
	requestTime = 5 * time.Second // that a stopping server gives requests under way
)

func serveCommand(ctx context.Context, args, environ []string, stderr io.Writer) error {
	c, err := settings("serve", args, environ, stderr)
	if err != nil {
		return err
	}
	log, err := newLog(c.Log.Level, stderr)
	if err != nil {
		return err
	}
	defer log.Sync() //nolint:errcheck // a terminal cannot be synced
	return serve(ctx, c, log)
}

func newLog(level string, w io.Writer) (*zap.Logger, error) {
	at, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, misuse{err}
	}
	e := zap.NewProductionEncoderConfig()
	e.TimeKey, e.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(e), zapcore.Lock(zapcore.AddSync(w)), at)), nil
}

// serve runs a node until ctx ends and its calls have finished.
func serve(ctx context.Context, c config.Config, log *zap.Logger) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	db, err := session.OpenDB(filepath.Join(c.Data, "frontdesk.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := session.OpenSQLite(ctx, db)
	if err != nil {
		return err
	}
	tokens, err := newTokens(c)
	if err != nil {
		return err
	}
	agents, err := openAgents(ctx, c, db, log)
	if err != nil {
		return err
	}
	defer agents.Close()

	metrics := web.NewMetrics()
	desk := session.NewDesk(session.Options{
		Store:   store,
		Tokens:  tokens,
		Agent:   agents.Find,
		Node:    nodeName(),
		Limits:  session.Limits{Calls: c.Limits.Calls, CallsPerAddress: c.Limits.CallsPerAddress, StartsPerMinute: c.Limits.StartsPerMinute, Duration: c.Limits.CallDuration},
		Life:    c.Limits.SessionLife,
		Records: filepath.Join(c.Data, "recordings"),

		Observer: metrics,
		Log:      log,
	})
	return listenAndServe(ctx, c, log, desk, tokens, agents, metrics, store)
}
