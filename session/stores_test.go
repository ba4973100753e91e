package session_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/require"
	"frontdesk/session/sqlite"
	"frontdesk/session/valkey"
)

// openSQLite opens a store in a new file, which belongs to the test.
func openSQLite(t testing.TB) (*sqlite.Store, *sql.DB) {
	t.Helper()
	conn, err := db.Open(filepath.Join(t.TempDir(), "frontdesk.db"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	store, err := sqlite.Open(t.Context(), conn)
	require.NoError(t, err)
	return store, conn
}

// openValkey connects to a store until the test ends.
func openValkey(t testing.TB, o valkey.Options) *valkey.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store, err := valkey.Open(ctx, o)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}
