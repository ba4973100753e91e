// Package sqlite stores sessions in one SQLite file, for a single process. It imports
// session, internal/db and internal/fault. Open takes a database that db.Open opened and
// other parts may share.
package sqlite

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/session"
)

// The store keeps a session until lives_until or leased_until, whichever is later. Times
// are milliseconds since 1970.
const sessionsSchema = `
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

// Store is a session.Store, a session.CallerMemory and a gate.Counter in one file. Safe for concurrent use.
type Store struct{ db *sql.DB }

// Open returns the store in a database that db.Open opened. The caller closes conn.
func Open(ctx context.Context, conn *sql.DB) (*Store, error) {
	if err := db.Migrate(ctx, conn, "sessions", sessionsSchema); err != nil {
		return nil, storeFault(ctx, err)
	}
	if err := db.Migrate(ctx, conn, "callers", callersSchema); err != nil {
		return nil, storeFault(ctx, err)
	}
	if err := db.Migrate(ctx, conn, "effects", effectsSchema); err != nil {
		return nil, storeFault(ctx, err)
	}
	return &Store{db: conn}, nil
}

// Acquire implements session.Store.
func (s *Store) Acquire(ctx context.Context, id, owner string, ttl time.Duration, force bool) (session.Lease, error) {
	lease := session.Lease{Session: id, Owner: owner, Nonce: rand.Text(), Expires: session.LeaseExpiry(ttl)}
	err := s.write(ctx, func(tx *sql.Tx, now int64) error {
		var holder string
		var epoch, leased, lives int64
		err := tx.QueryRowContext(ctx, `SELECT owner, epoch, leased_until, lives_until FROM sessions WHERE id = ?`, id).
			Scan(&holder, &epoch, &leased, &lives)
		if err != nil && err != sql.ErrNoRows {
			return err
		}
		if leased > now && holder != owner && !force {
			return session.ErrLeaseHeld(time.Duration(leased-now) * time.Millisecond)
		}
		if max(leased, lives) <= now { // expired and not swept yet: begin with an empty session
			if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = ?`, id); err != nil {
				return err
			}
		}
		lease.Epoch = max(epoch+1, now)
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions (id, state, owner, nonce, epoch, leased_until, lives_until)
			VALUES (?, '{}', ?, ?, ?, ?, 0) ON CONFLICT (id) DO UPDATE SET
			owner = excluded.owner, nonce = excluded.nonce, epoch = excluded.epoch, leased_until = excluded.leased_until`,
			id, owner, lease.Nonce, lease.Epoch, now+session.Milliseconds(ttl))
		return err
	})
	if err != nil {
		return session.Lease{}, err
	}
	return lease, nil
}

// Renew implements session.Store.
func (s *Store) Renew(ctx context.Context, l session.Lease, ttl time.Duration) (session.Lease, error) {
	l.Expires = session.LeaseExpiry(ttl)
	err := s.write(ctx, func(tx *sql.Tx, now int64) error {
		if err := checkLease(ctx, tx, l, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET leased_until = ? WHERE id = ?`, now+session.Milliseconds(ttl), l.Session)
		return err
	})
	if err != nil {
		return session.Lease{}, err
	}
	return l, nil
}

// Release implements session.Store.
func (s *Store) Release(ctx context.Context, l session.Lease) error {
	return s.write(ctx, func(tx *sql.Tx, now int64) error {
		if err := checkLease(ctx, tx, l, -1); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET leased_until = 0 WHERE id = ?`, l.Session)
		return err
	})
}

// Commit implements session.Store.
func (s *Store) Commit(ctx context.Context, l session.Lease, entries []session.Entry, state session.State, ttl time.Duration) error {
	stateJSON, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	return s.write(ctx, func(tx *sql.Tx, now int64) error {
		if err := checkLease(ctx, tx, l, now); err != nil {
			return err
		}
		for _, e := range entries {
			if err := appendEntry(ctx, tx, l.Session, e); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET state = ?, lives_until = ?
			WHERE id = ? AND coalesce(state ->> 'version', 0) <= ?`,
			stateJSON, now+session.Milliseconds(ttl), l.Session, state.Version)
		return err
	})
}

// checkLease returns an error unless l is the session's lease and expires after now.
func checkLease(ctx context.Context, tx *sql.Tx, l session.Lease, now int64) error {
	var nonce string
	var leased int64
	err := tx.QueryRowContext(ctx, `SELECT nonce, leased_until FROM sessions WHERE id = ?`, l.Session).Scan(&nonce, &leased)
	switch {
	case err == sql.ErrNoRows:
		return session.ErrNoSession()
	case err != nil:
		return err
	case nonce != l.Nonce || leased <= now:
		return session.ErrLeaseLost()
	}
	return nil
}

// appendEntry adds e to the log unless it is stored already with the same content.
func appendEntry(ctx context.Context, tx *sql.Tx, id string, e session.Entry) error {
	turn, seq, err := e.Position()
	if err != nil {
		return err
	}
	added, err := tx.ExecContext(ctx, `INSERT INTO entries (session, turn, seq, kind, at, body)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS
		(SELECT 1 FROM entries WHERE session = ?1 AND (turn, seq) >= (?2, ?3))`,
		id, turn, seq, e.Kind, e.At.UTC().Format(time.RFC3339Nano), []byte(e.Body))
	if err != nil {
		return err
	}
	if n, err := added.RowsAffected(); n == 1 || err != nil {
		return err
	}
	var kind string
	var body []byte
	err = tx.QueryRowContext(ctx, `SELECT kind, body FROM entries WHERE session = ? AND turn = ? AND seq = ?`, id, turn, seq).
		Scan(&kind, &body)
	switch {
	case err == sql.ErrNoRows:
		return session.ErrEntryTooLate(e.ID)
	case err != nil:
		return err
	case kind != e.Kind || !bytes.Equal(body, e.Body):
		return session.ErrEntryDiffers(e.ID)
	}
	return nil
}

// Load implements session.Store.
func (s *Store) Load(ctx context.Context, id string) (session.State, []session.Entry, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return session.State{}, nil, storeFault(ctx, err)
	}
	defer tx.Rollback()
	state, entries, err := load(ctx, tx, id)
	if err != nil {
		return session.State{}, nil, storeFault(ctx, err)
	}
	return state, entries, nil
}

func load(ctx context.Context, tx *sql.Tx, id string) (session.State, []session.Entry, error) {
	var state session.State
	var stateJSON []byte
	err := tx.QueryRowContext(ctx, `SELECT state FROM sessions WHERE id = ? AND max(lives_until, leased_until) > ?`,
		id, time.Now().UnixMilli()).Scan(&stateJSON)
	if err == sql.ErrNoRows {
		return state, nil, session.ErrNoSession()
	}
	if err == nil {
		err = json.Unmarshal(stateJSON, &state)
	}
	if err != nil {
		return state, nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT turn, seq, kind, at, body FROM entries WHERE session = ? ORDER BY turn, seq`, id)
	if err != nil {
		return state, nil, err
	}
	defer rows.Close()
	var entries []session.Entry
	for rows.Next() {
		var turn, seq int64
		var at string
		var e session.Entry
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

// SaveCaller implements session.CallerMemory.
func (s *Store) SaveCaller(ctx context.Context, caller string, memory []byte, ttl time.Duration) error {
	return s.write(ctx, func(tx *sql.Tx, now int64) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM callers WHERE id = ? OR lives_until <= ?`, caller, now); err != nil || len(memory) == 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO callers (id, known, lives_until) VALUES (?, ?, ?)`, caller, memory, now+session.Milliseconds(ttl))
		return err
	})
}

// LoadCaller implements session.CallerMemory.
func (s *Store) LoadCaller(ctx context.Context, caller string) (memory []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT known FROM callers WHERE id = ? AND lives_until > ?`, caller, time.Now().UnixMilli()).Scan(&memory)
	if err != nil && err != sql.ErrNoRows {
		return nil, storeFault(ctx, err)
	}
	return memory, nil
}

// ListCaller implements session.CallerMemory.
func (s *Store) ListCaller(ctx context.Context, known string) (callers []string, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id FROM callers WHERE instr(id, '/') > 0 AND substr(id, instr(id, '/') + 1) = ? AND lives_until > ? ORDER BY id`,
		known, time.Now().UnixMilli())
	if err != nil {
		return nil, storeFault(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, storeFault(ctx, err)
		}
		callers = append(callers, id)
	}
	if err := rows.Err(); err != nil {
		return nil, storeFault(ctx, err)
	}
	return callers, nil
}

// Watch implements session.Store. No other process takes leases, so it only waits.
func (s *Store) Watch(ctx context.Context, _ func(string)) error {
	<-ctx.Done()
	return nil
}

// List calls each with every stored session until each returns an error, and returns
// that error.
func (s *Store) List(ctx context.Context, each func(id string, state session.State) error) error {
	rows, err := s.db.QueryContext(ctx, `SELECT id, state FROM sessions WHERE max(lives_until, leased_until) > ?`, time.Now().UnixMilli())
	if err != nil {
		return storeFault(ctx, err)
	}
	found := make(map[string]session.State)
	for rows.Next() {
		var id string
		var text []byte
		var state session.State
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
	for id, state := range found { // now the only connection is free for each to use
		if err := each(id, state); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a session and all of its entries. Nothing of them stays in the file.
func (s *Store) Delete(ctx context.Context, l session.Lease) error {
	err := s.write(ctx, func(tx *sql.Tx, now int64) error {
		if err := checkLease(ctx, tx, l, now); err != nil {
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

// Sweep deletes the sessions that have expired and returns how many.
func (s *Store) Sweep(ctx context.Context) (int, error) {
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

// write runs fn in a transaction that is durable when write returns nil, and passes it the
// time in milliseconds. The error is a fault.Error.
func (s *Store) write(ctx context.Context, fn func(tx *sql.Tx, now int64) error) error {
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

// storeFault returns err as a fault.Error.
func storeFault(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if ctx.Err() != nil {
		return fault.From(ctx.Err())
	}
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		switch failure.Code() & 0xff { // the primary code
		case sqlite3.SQLITE_FULL:
			return fault.Wrap(err, fault.Storage, "the store is full").Retryable(0)
		case sqlite3.SQLITE_READONLY:
			return fault.Wrap(err, fault.Storage, "the store is read-only").Retryable(0)
		}
	}
	return fault.Wrap(err, fault.Storage, "the store failed").Retryable(0)
}
