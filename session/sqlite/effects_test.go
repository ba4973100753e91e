package sqlite_test

import (
	"path/filepath"
	"testing"

	"frontdesk/internal/db"
	"frontdesk/internal/require"
	"frontdesk/session/sqlite"
	"frontdesk/session/storetest"
	"frontdesk/tools/gate"
)

func TestCounterConforms(t *testing.T) {
	storetest.RunCounter(t, func(t *testing.T) (one, two gate.Counter) {
		path := filepath.Join(t.TempDir(), "x.db")
		a, _ := open(t, path)
		b, _ := open(t, path)
		return a, b
	})
}

func TestCountsSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	conn, err := db.Open(path)
	require.NoError(t, err)
	store, err := sqlite.Open(t.Context(), conn)
	require.NoError(t, err)
	storetest.WantTaken(t, store, "a", 2, true)
	require.NoError(t, conn.Close())
	store, _ = open(t, path)
	storetest.WantTaken(t, store, "a", 2, true)
	storetest.WantTaken(t, store, "a", 2, false)
}

func TestWindowsAreBoundedAndDeleted(t *testing.T) {
	store, conn := open(t, filepath.Join(t.TempDir(), "x.db"))
	const full = 100_000
	_, err := conn.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO effects (key, count, ends) SELECT 'k' || i, 1, 9e15 FROM n`, full)
	require.NoError(t, err)
	storetest.WantTaken(t, store, "new", 9, false)
	_, err = conn.Exec(`UPDATE effects SET key = CAST('old' AS BLOB) WHERE key = 'k1'`)
	require.NoError(t, err)
	storetest.WantTaken(t, store, "old", 9, true)
	_, err = conn.Exec(`UPDATE effects SET ends = 1 WHERE key <> CAST('old' AS BLOB)`)
	require.NoError(t, err)
	storetest.WantTaken(t, store, "new", 9, true)
	var n int
	if err := conn.QueryRow(`SELECT count(*) FROM effects`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d windows are stored, error %v; want 2", n, err)
	}
}

func TestAClosedStoreCountsNothing(t *testing.T) {
	store, conn := open(t, filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, conn.Close())
	if ok, err := store.Take(t.Context(), "a", 1, 1); ok || err == nil {
		t.Errorf("counted %v, error %v; want an error", ok, err)
	}
}
