package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"frontdesk/internal/fault"
	"frontdesk/tools"
)

// OpenDB opens the SQLite database at path, making it and its folder where they are
// missing. Every commit is on the disk when it returns (WAL, synchronous=FULL), and
// what is deleted is overwritten. There is one connection: writers queue in this process, in order, instead of
// polling the file's lock. The database may be shared by stores of other packages.
func OpenDB(path string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700) // callers' words are in it
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the folder of the database cannot be made")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(3000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(ON)"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the database cannot be opened")
	}
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		db.Close()
		return nil, fault.Wrap(err, fault.Storage, "the database cannot be opened")
	}
	return db, nil
}

// A session is there while its life or its lease lasts, whichever is longer. Times
// are milliseconds since 1970.
const sqliteSchema = `
CREATE TABLE sessions (
	id           TEXT PRIMARY KEY,
	state        BLOB NOT NULL,
	owner        TEXT NOT NULL,
	nonce        TEXT NOT NULL,
	epoch        INTEGER NOT NULL,
	leased_until INTEGER NOT NULL,
	lives_until  INTEGER NOT NULL
);
CREATE INDEX sessions_by_end ON sessions (max(lives_until, leased_until));
CREATE TABLE entries (
	session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	turn    INTEGER NOT NULL,
	seq     INTEGER NOT NULL,
	kind    TEXT NOT NULL,
	at      TEXT NOT NULL,
	body    BLOB NOT NULL,
	UNIQUE (session, turn, seq)
);`

const callersSchema = `
CREATE TABLE callers (
	id          TEXT PRIMARY KEY,
	known       BLOB NOT NULL,
	lives_until INTEGER NOT NULL
);`

// SQLite is a Store in one file, for a single process.
type SQLite struct{ db *sql.DB }

// OpenSQLite makes a Store of a database opened by OpenDB. Closing db is the
// caller's to do.
func OpenSQLite(ctx context.Context, db *sql.DB) (*SQLite, error) {
	if err := tools.Migrate(ctx, db, "sessions", sqliteSchema); err != nil {
		return nil, storeFault(ctx, err)
	}
	if err := tools.Migrate(ctx, db, "callers", callersSchema); err != nil {
		return nil, storeFault(ctx, err)
	}
	return &SQLite{db: db}, nil
}

// Acquire implements Store.
func (s *SQLite) Acquire(ctx context.Context, session, owner string, ttl time.Duration, take bool) (Lease, error) {
	lease := Lease{Session: session, Owner: owner, Nonce: rand.Text(), Expires: expiry(ttl)}
	err := s.write(ctx, func(tx *sql.Tx, now int64) error {
		var holder string
		var epoch, leased, lives int64
		err := tx.QueryRowContext(ctx, `SELECT owner, epoch, leased_until, lives_until FROM sessions WHERE id = ?`, session).
			Scan(&holder, &epoch, &leased, &lives)
		if err != nil && err != sql.ErrNoRows {
			return err
		}
		if leased > now && holder != owner && !take {
			return fault.New(fault.Conflict, "this session is in use elsewhere").Retryable(time.Duration(leased-now) * time.Millisecond)
		}
		if max(leased, lives) <= now { // what may be left of an earlier life is gone
			if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = ?`, session); err != nil {
				return err
			}
		}
		lease.Epoch = max(epoch+1, now)
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions (id, state, owner, nonce, epoch, leased_until, lives_until)
			VALUES (?, '{}', ?, ?, ?, ?, 0) ON CONFLICT (id) DO UPDATE SET
			owner = excluded.owner, nonce = excluded.nonce, epoch = excluded.epoch, leased_until = excluded.leased_until`,
			session, owner, lease.Nonce, lease.Epoch, now+milliseconds(ttl))
		return err
	})
	if err != nil {
		return Lease{}, err
	}
	return lease, nil
}

// Renew implements Store.
func (s *SQLite) Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error) {
	l.Expires = expiry(ttl)
	err := s.write(ctx, func(tx *sql.Tx, now int64) error {
		if err := holds(ctx, tx, l, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET leased_until = ? WHERE id = ?`, now+milliseconds(ttl), l.Session)
		return err
	})
	if err != nil {
		return Lease{}, err
	}
	return l, nil
}

// Release implements Store. Giving up a lease that has run out is no error.
func (s *SQLite) Release(ctx context.Context, l Lease) error {
	return s.write(ctx, func(tx *sql.Tx, now int64) error {
		if err := holds(ctx, tx, l, -1); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET leased_until = 0 WHERE id = ?`, l.Session)
		return err
	})
}

// Commit implements Store.
func (s *SQLite) Commit(ctx context.Context, l Lease, entries []Entry, state State, life time.Duration) error {
	stateJSON, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	return s.write(ctx, func(tx *sql.Tx, now int64) error {
		if err := holds(ctx, tx, l, now); err != nil {
			return err
		}
		for _, e := range entries {
			if err := appendEntry(ctx, tx, l.Session, e); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET state = ?, lives_until = ?
			WHERE id = ? AND coalesce(state ->> 'version', 0) <= ?`,
			stateJSON, now+milliseconds(life), l.Session, state.Version)
		return err
	})
}

// holds checks that l is the session's lease and runs longer than now.
func holds(ctx context.Context, tx *sql.Tx, l Lease, now int64) error {
	var nonce string
	var leased int64
	err := tx.QueryRowContext(ctx, `SELECT nonce, leased_until FROM sessions WHERE id = ?`, l.Session).Scan(&nonce, &leased)
	switch {
	case err == sql.ErrNoRows:
		return errNoSession()
	case err != nil:
		return err
	case nonce != l.Nonce || leased <= now:
		return fault.New(fault.Conflict, "the right to write this session was lost")
	}
	return nil
}

// appendEntry adds e unless it is there already.
func appendEntry(ctx context.Context, tx *sql.Tx, session string, e Entry) error {
	turn, seq, err := parseEntryID(e.ID)
	if err != nil {
		return err
	}
	if !json.Valid(e.Body) {
		return fault.New(fault.Invalid, "the body of entry %s is not JSON", e.ID)
	}
	added, err := tx.ExecContext(ctx, `INSERT INTO entries (session, turn, seq, kind, at, body)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS
		(SELECT 1 FROM entries WHERE session = ?1 AND (turn, seq) >= (?2, ?3))`,
		session, turn, seq, e.Kind, e.At.UTC().Format(time.RFC3339Nano), []byte(e.Body))
	if err != nil {
		return err
	}
	if n, err := added.RowsAffected(); n == 1 || err != nil {
		return err
	}
	var kind string
	var body []byte
	err = tx.QueryRowContext(ctx, `SELECT kind, body FROM entries WHERE session = ? AND turn = ? AND seq = ?`, session, turn, seq).
		Scan(&kind, &body)
	switch {
	case err == sql.ErrNoRows:
		return fault.New(fault.Conflict, "entry %s comes before one that is there already", e.ID)
	case err != nil:
		return err
	case kind != e.Kind || !bytes.Equal(body, e.Body):
		return fault.New(fault.Conflict, "entry %s is there already with other content", e.ID)
	}
	return nil
}

// parseEntryID reads "TURN-SEQ". The first id is 0-1, as in a Valkey stream.
func parseEntryID(id string) (turn, seq int64, err error) {
	before, after, _ := strings.Cut(id, "-")
	t, err1 := strconv.ParseUint(before, 10, 63)
	n, err2 := strconv.ParseUint(after, 10, 63)
	if err1 != nil || err2 != nil || t == 0 && n == 0 {
		return 0, 0, fault.New(fault.Invalid, "%q is not the id of an entry", id)
	}
	return int64(t), int64(n), nil
}

// Load implements Store.
func (s *SQLite) Load(ctx context.Context, session string) (State, []Entry, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return State{}, nil, storeFault(ctx, err)
	}
	defer tx.Rollback()
	state, entries, err := load(ctx, tx, session)
	if err != nil {
		return State{}, nil, storeFault(ctx, err)
	}
	return state, entries, nil
}

func load(ctx context.Context, tx *sql.Tx, session string) (State, []Entry, error) {
	var state State
	var stateJSON []byte
	err := tx.QueryRowContext(ctx, `SELECT state FROM sessions WHERE id = ? AND max(lives_until, leased_until) > ?`,
		session, time.Now().UnixMilli()).Scan(&stateJSON)
	if err == sql.ErrNoRows {
		return state, nil, errNoSession()
	}
	if err == nil {
		err = json.Unmarshal(stateJSON, &state)
	}
	if err != nil {
		return state, nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT turn, seq, kind, at, body FROM entries WHERE session = ? ORDER BY turn, seq`, session)
	if err != nil {
		return state, nil, err
	}
	defer rows.Close()
	var entries []Entry
	for rows.Next() {
		var turn, seq int64
		var at string
		var e Entry
		if err := rows.Scan(&turn, &seq, &e.Kind, &at, (*[]byte)(&e.Body)); err != nil {
			return state, nil, err
		}
		if e.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return state, nil, err
		}
		e.ID = fmt.Sprintf("%d-%d", turn, seq)
		entries = append(entries, e)
	}
	return state, entries, rows.Err()
}

// Remember implements Store.
func (s *SQLite) Remember(ctx context.Context, caller string, known []byte, life time.Duration) error {
	return s.write(ctx, func(tx *sql.Tx, now int64) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM callers WHERE id = ? OR lives_until <= ?`, caller, now); err != nil || len(known) == 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO callers (id, known, lives_until) VALUES (?, ?, ?)`, caller, known, now+milliseconds(life))
		return err
	})
}

// Recall implements Store.
func (s *SQLite) Recall(ctx context.Context, caller string) (known []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT known FROM callers WHERE id = ? AND lives_until > ?`, caller, time.Now().UnixMilli()).Scan(&known)
	if err != nil && err != sql.ErrNoRows {
		return nil, storeFault(ctx, err)
	}
	return known, nil
}

// Watch implements Store: the one process knows.
func (s *SQLite) Watch(ctx context.Context, _ func(string)) error {
	<-ctx.Done()
	return nil
}

// List implements Store.
func (s *SQLite) List(ctx context.Context, each func(session string, s State) error) error {
	rows, err := s.db.QueryContext(ctx, `SELECT id, state FROM sessions WHERE max(lives_until, leased_until) > ?`, time.Now().UnixMilli())
	if err != nil {
		return storeFault(ctx, err)
	}
	found := make(map[string]State)
	for rows.Next() {
		var id string
		var text []byte
		var state State
		if err = rows.Scan(&id, &text); err == nil {
			err = json.Unmarshal(text, &state)
		}
		if err != nil {
			break
		}
		found[id] = state
	}
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return storeFault(ctx, err)
	}
	for id, state := range found { // the one connection is free again
		if err := each(id, state); err != nil {
			return err
		}
	}
	return nil
}

// Delete implements Store. Nothing of the session stays in the file.
func (s *SQLite) Delete(ctx context.Context, l Lease) error {
	err := s.write(ctx, func(tx *sql.Tx, now int64) error {
		if err := holds(ctx, tx, l, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = ?`, l.Session)
		return err
	})
	if err == nil {
		_, err = s.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	if err != nil {
		return storeFault(ctx, err)
	}
	return nil
}

// Sweep implements Store.
func (s *SQLite) Sweep(ctx context.Context) (int, error) {
	var swept int64
	err := s.write(ctx, func(tx *sql.Tx, now int64) error {
		deleted, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE max(lives_until, leased_until) <= ?`, now)
		if err == nil {
			swept, err = deleted.RowsAffected()
		}
		return err
	})
	return int(swept), err
}

// write runs fn in a transaction that is durable when write returns nil. fn gets the
// store's clock. The error is a fault.Error.
func (s *SQLite) write(ctx context.Context, fn func(tx *sql.Tx, now int64) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return storeFault(ctx, err)
	}
	defer tx.Rollback()
	if err := fn(tx, time.Now().UnixMilli()); err != nil {
		return storeFault(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		return storeFault(ctx, err)
	}
	return nil
}

// milliseconds rounds up, so that no time is too short to be seen.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// expiry is when a lease taken now is over for its holder: not after it is over in the
// store, which counts in whole milliseconds.
func expiry(ttl time.Duration) time.Time { return time.Now().Add(ttl - time.Millisecond) }

func errNoSession() error {
	return fault.New(fault.NotFound, "there is no such session, or its life is over")
}

// storeFault tells what a database's error means to a caller.
func storeFault(ctx context.Context, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if ctx.Err() != nil {
		return fault.From(ctx.Err())
	}
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		switch failure.Code() & 0xff { // the primary code
		case sqlite3.SQLITE_FULL:
			return fault.Wrap(err, fault.Storage, "the store is full").Retryable(0)
		case sqlite3.SQLITE_READONLY:
			return fault.Wrap(err, fault.Storage, "the store is read-only").Retryable(0)
		}
	}
	return fault.Wrap(err, fault.Storage, "the store failed").Retryable(0)
}
