package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/session/sqlite"
	"frontdesk/session/storetest"
)

// open opens the store in the file at path until the test ends.
func open(t testing.TB, path string) (*sqlite.Store, *sql.DB) {
	t.Helper()
	conn, err := db.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	store, err := sqlite.Open(t.Context(), conn)
	require.NoError(t, err)
	return store, conn
}

func TestStoreConforms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder?", "100%#.db") // characters that are special in a URL
	storetest.Run(t, func(t *testing.T) storetest.Store {
		store, _ := open(t, path)
		return store
	})
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the database is not at its path: %v", err)
	}
}

func TestCommitsAreDurable(t *testing.T) {
	_, conn := open(t, filepath.Join(t.TempDir(), "x.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := conn.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
}

func TestSweepDeletesEntriesToo(t *testing.T) {
	store, conn := open(t, filepath.Join(t.TempDir(), "x.db"))
	for i := range 3 {
		l := acquire(t, store, fmt.Sprint("s", i))
		require.NoError(t, store.Commit(t.Context(), l, []session.Entry{message(1, "x")}, session.State{}, 0))
		require.NoError(t, store.Release(t.Context(), l))
	}
	swept, err := store.Sweep(t.Context())
	if swept != 3 || err != nil {
		t.Fatalf("swept %d, error %v; want 3", swept, err)
	}
	for _, table := range []string{"sessions", "entries"} {
		var n int
		if err := conn.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s has %d rows, error %v; want 0", table, n, err)
		}
	}
}

func acquire(t testing.TB, store session.Store, id string) session.Lease {
	t.Helper()
	l, err := store.Acquire(t.Context(), id, "test", time.Minute, false)
	require.NoError(t, err)
	return l
}

func message(seq int64, text string) session.Entry {
	return session.Entry{ID: fmt.Sprint("0-", seq), Kind: "message", At: time.Unix(0, 0), Body: fmt.Appendf(nil, "%q", text)}
}

// fill commits until the store refuses, and returns the number of that commit and its error.
func fill(t *testing.T, store session.Store, l session.Lease) (int64, error) {
	t.Helper()
	text := strings.Repeat("x", 64<<10)
	for seq := int64(1); seq < 1000; seq++ {
		if err := store.Commit(t.Context(), l, []session.Entry{message(seq, text)}, session.State{Seq: int(seq)}, time.Minute); err != nil {
			return seq, err
		}
	}
	t.Fatal("the store did not get full")
	return 0, nil
}

// checkFull fills the store and checks that it reports that, loses nothing, and works again
// after makeRoom.
func checkFull(t *testing.T, store session.Store, makeRoom func()) {
	t.Helper()
	l := acquire(t, store, "s")
	seq, err := fill(t, store, l)
	if f := fault.From(err); f.Code != fault.Storage || !f.Retry {
		t.Fatalf("a full disk: got %v, want a retryable storage fault", err)
	}
	state, entries, err := store.Load(t.Context(), "s")
	if err != nil || len(entries) != int(seq-1) || state.Seq != int(seq-1) {
		t.Fatalf("after the refusal: got %d entries, state %+v, error %v; want %d entries", len(entries), state, err, seq-1)
	}
	makeRoom()
	if err := store.Commit(t.Context(), l, []session.Entry{message(seq, "fits now")}, session.State{}, time.Minute); err != nil {
		t.Fatalf("after making room: %v", err)
	}
}

func TestFullDatabaseIsAStorageFault(t *testing.T) {
	store, conn := open(t, filepath.Join(t.TempDir(), "x.db"))
	if _, err := conn.Exec("PRAGMA max_page_count = 300"); err != nil {
		t.Fatal(err)
	}
	checkFull(t, store, func() {
		if _, err := conn.Exec("PRAGMA max_page_count = 3000"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestReadOnlyDatabaseIsAStorageFault(t *testing.T) {
	store, conn := open(t, filepath.Join(t.TempDir(), "x.db"))
	l := acquire(t, store, "s")
	if _, err := conn.Exec("PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	err := store.Commit(t.Context(), l, []session.Entry{message(1, "x")}, session.State{}, time.Minute)
	if f := fault.From(err); f.Code != fault.Storage || !strings.Contains(f.Message, "read-only") {
		t.Errorf("a read-only store: got %v, want a storage fault", err)
	}
	if _, _, err := store.Load(t.Context(), "s"); err != nil {
		t.Errorf("a read-only store cannot be read: %v", err)
	}
}

func TestUnusableFileIsAStorageFault(t *testing.T) {
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "text.db")
	require.NoError(t, os.WriteFile(noDatabase, []byte(strings.Repeat("this is no database ", 500)), 0o600))
	for _, path := range []string{noDatabase, dir, filepath.Join(noDatabase, "below a file.db")} {
		conn, err := db.Open(path)
		if err == nil {
			_, err = sqlite.Open(t.Context(), conn)
			conn.Close()
		}
		if err == nil || fault.From(err).Code != fault.Storage {
			t.Errorf("%s: got %v, want a storage fault", filepath.Base(path), err)
		}
	}
	conn, err := db.Open(filepath.Join(dir, "closed.db"))
	require.NoError(t, err)
	conn.Close()
	if _, err := sqlite.Open(t.Context(), conn); fault.From(err).Code != fault.Storage {
		t.Errorf("a closed database: got %v, want a storage fault", err)
	}
}

func TestDatabaseOfANewerProgramIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	_, conn := open(t, path)
	if _, err := conn.Exec("UPDATE schema_version SET version = 99"); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), conn); fault.From(err).Code != fault.Storage {
		t.Errorf("got %v, want a storage fault", err)
	}
}

func BenchmarkCommit(b *testing.B) {
	store, _ := open(b, filepath.Join(b.TempDir(), "x.db"))
	text := strings.Repeat("x", 1000)
	b.Run("one call", func(b *testing.B) {
		l := acquire(b, store, "one")
		b.ReportAllocs()
		for seq := int64(1); b.Loop(); seq++ {
			commitOne(b, store, l, seq, text)
		}
	})
	b.Run("many calls", func(b *testing.B) {
		var next atomic.Int64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			l, err := store.Acquire(context.Background(), fmt.Sprint("many ", next.Add(1), b.N), "test", time.Hour, false)
			if err != nil {
				b.Error(err)
				return
			}
			for seq := int64(1); pb.Next(); seq++ {
				commitOne(b, store, l, seq, text)
			}
		})
	})
}

func commitOne(b *testing.B, store session.Store, l session.Lease, seq int64, text string) {
	if err := store.Commit(context.Background(), l, []session.Entry{message(seq, text)}, session.State{Seq: int(seq)}, time.Hour); err != nil {
		b.Error(err)
	}
}
