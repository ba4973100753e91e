package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
)

// keepIDs is how long the id of an event that is delivered everywhere is remembered, so that
// it is not published again.
const keepIDs = 7 * 24 * time.Hour

// outbox_deliveries has one row for each event and destination until it is delivered. The
// lease of a destination and topic says which node is sending.
const schema = `
CREATE TABLE outbox_events (
	seq  {serial},
	id   TEXT NOT NULL UNIQUE,
	body TEXT NOT NULL,
	at   BIGINT NOT NULL
);
CREATE INDEX outbox_events_by_time ON outbox_events (at);
CREATE TABLE outbox_deliveries (
	destination TEXT NOT NULL,
	seq         BIGINT NOT NULL REFERENCES outbox_events (seq),
	topic       TEXT NOT NULL,
	dead        INTEGER NOT NULL DEFAULT 0,
	attempts    INTEGER NOT NULL DEFAULT 0,
	tried       BIGINT NOT NULL DEFAULT 0,
	next        BIGINT NOT NULL,
	error       TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (destination, seq)
);
CREATE INDEX outbox_deliveries_by_topic ON outbox_deliveries (destination, dead, topic, seq);
CREATE INDEX outbox_deliveries_by_event ON outbox_deliveries (seq);
CREATE TABLE outbox_leases (
	destination TEXT NOT NULL,
	topic       TEXT NOT NULL,
	owner       TEXT NOT NULL,
	until       BIGINT NOT NULL,
	PRIMARY KEY (destination, topic)
);
CREATE TABLE outbox_refs (
	destination TEXT NOT NULL,
	topic       TEXT NOT NULL,
	ref         TEXT NOT NULL,
	PRIMARY KEY (destination, topic)
);`

// Store holds events until they are delivered. Safe for concurrent use, also by several
// processes.
type Store struct {
	db     *sql.DB
	routes []Route

	mu    sync.Mutex
	wakes []chan struct{} // of the dispatcher's workers
}

// Open opens the outbox in conn, SQLite or Postgres, which other parts may share. routes are
// the destinations; without any, nothing is stored. The caller closes conn.
func Open(ctx context.Context, conn *sql.DB, routes []Route) (*Store, error) {
	if err := db.Migrate(ctx, conn, "outbox", db.Dialect(conn, schema)); err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the outbox cannot be opened")
	}
	return &Store{db: conn, routes: routes}, nil
}

// Publish stores an event for the destinations that want it. When it returns nil, the event
// is durable. An event whose ID was published before is not published again.
func (s *Store) Publish(ctx context.Context, e Event) error {
	if len(s.routes) == 0 {
		return nil
	}
	err := s.inTx(ctx, func(tx *sql.Tx) error { return s.PublishIn(ctx, tx, e) })
	if err == nil {
		s.wake()
	}
	return err
}

// PublishIn does the same in a transaction of the same database: the event is published when
// the transaction commits.
func (s *Store) PublishIn(ctx context.Context, tx *sql.Tx, e Event) error {
	e, err := e.clean()
	if err != nil {
		return err
	}
	var names []string
	hasContent := false
	for _, r := range s.routes {
		if r.wants(e) {
			names = append(names, r.Name)
			hasContent = hasContent || r.Content
		}
	}
	if len(names) == 0 {
		return nil
	}
	if !hasContent {
		e.Data.Content = nil // what nobody gets is not stored
	}
	body, err := e.JSON()
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	var seq int64
	err = tx.QueryRowContext(ctx, `INSERT INTO outbox_events (id, body, at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING seq`,
		e.ID, string(body), now).Scan(&seq)
	if err == sql.ErrNoRows {
		return nil
	}
	for _, name := range names {
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO outbox_deliveries (destination, seq, topic, next) VALUES ($1, $2, $3, $4)`,
				name, seq, e.topic(), now)
		}
	}
	return storageFault(ctx, err)
}

// inTx runs do in a transaction.
func (s *Store) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return storageFault(ctx, err)
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return storageFault(ctx, err)
	}
	return storageFault(ctx, tx.Commit())
}

// storageFault turns an error of the database into a fault.Error.
func storageFault(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	case fault.From(err).Code != fault.Internal:
		return err
	}
	return fault.Wrap(fmt.Errorf("outbox: %w", err), fault.Storage, "the outbox failed").Retryable(0)
}

func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wakes {
		select {
		case w <- struct{}{}:
		default: // it is awake
		}
	}
}

func (s *Store) wakeChannel() <-chan struct{} {
	w := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakes = append(s.wakes, w)
	return w
}

// Ref returns what SetRef has stored: how the destination's own system names the topic, or "".
func (s *Store) Ref(ctx context.Context, destination, topic string) (ref string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT ref FROM outbox_refs WHERE destination = $1 AND topic = $2`, destination, topic).Scan(&ref)
	if err == sql.ErrNoRows {
		return "", nil
	}
	return ref, storageFault(ctx, err)
}

// SetRef stores how the destination's own system names a topic.
func (s *Store) SetRef(ctx context.Context, destination, topic, ref string) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO outbox_refs (destination, topic, ref) VALUES ($1, $2, $3)
		ON CONFLICT (destination, topic) DO UPDATE SET ref = excluded.ref`, destination, topic, ref)
	return storageFault(ctx, err)
}

// Letter is a dead letter: an event that could not be delivered.
type Letter struct {
	Destination string    `json:"destination"`
	ID          string    `json:"id"`
	Type        Type      `json:"type"`
	Topic       string    `json:"topic"` // the ticket or session
	At          time.Time `json:"timestamp"`
	Attempts    int       `json:"attempts"`
	Error       string    `json:"error"` // of the last attempt
}

// DeadLetters returns the dead letters, oldest first, at most limit.
func (s *Store) DeadLetters(ctx context.Context, limit int) (letters []Letter, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT d.destination, d.topic, d.attempts, d.error, e.id, e.body
		FROM outbox_deliveries d JOIN outbox_events e ON e.seq = d.seq WHERE d.dead = 1 ORDER BY d.seq, d.destination LIMIT $1`, limit)
	if err != nil {
		return nil, storageFault(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var l Letter
		var body string
		if err := rows.Scan(&l.Destination, &l.Topic, &l.Attempts, &l.Error, &l.ID, &body); err != nil {
			return nil, storageFault(ctx, err)
		}
		var e Event
		if json.Unmarshal([]byte(body), &e) == nil {
			l.Type, l.At = e.Type, e.At
		}
		letters = append(letters, l)
	}
	return letters, storageFault(ctx, rows.Err())
}

// Retry sends dead letters again: those of one event, or all if id is "", to one destination,
// or all if it is "". It returns how many there are.
func (s *Store) Retry(ctx context.Context, id, destination string) (int, error) {
	n, err := s.changeDead(ctx, `UPDATE outbox_deliveries SET dead = 0, attempts = 0, tried = 0, next = 0 WHERE dead = 1`, id, destination)
	s.wake()
	return n, err
}

// Drop deletes dead letters; see Retry.
func (s *Store) Drop(ctx context.Context, id, destination string) (int, error) {
	n, err := s.changeDead(ctx, `DELETE FROM outbox_deliveries WHERE dead = 1`, id, destination)
	if err == nil && n > 0 {
		_, err = s.db.ExecContext(ctx, `UPDATE outbox_events SET body = ''
			WHERE body != '' AND NOT EXISTS (SELECT 1 FROM outbox_deliveries d WHERE d.seq = outbox_events.seq)`)
	}
	return n, storageFault(ctx, err)
}

func (s *Store) changeDead(ctx context.Context, change, id, destination string) (int, error) {
	result, err := s.db.ExecContext(ctx, change+` AND ($1 = '' OR destination = $1)
		AND ($2 = '' OR seq IN (SELECT seq FROM outbox_events WHERE id = $2))`, destination, id)
	if err != nil {
		return 0, storageFault(ctx, err)
	}
	n, err := result.RowsAffected()
	return int(n), storageFault(ctx, err)
}

// Backlog is what waits for a destination.
type Backlog struct {
	Waiting, Dead int
	Oldest        time.Time // when the oldest waiting event was published; zero if none waits
}

// Backlogs returns what waits, by destination. It has the routes' destinations and those
// of former ones for which something is left.
func (s *Store) Backlogs(ctx context.Context) (map[string]Backlog, error) {
	found := make(map[string]Backlog)
	for _, r := range s.routes {
		found[r.Name] = Backlog{}
	}
	rows, err := s.db.QueryContext(ctx, `SELECT d.destination, sum(1 - d.dead), sum(d.dead), coalesce(min(CASE WHEN d.dead = 0 THEN e.at END), 0)
		FROM outbox_deliveries d JOIN outbox_events e ON e.seq = d.seq GROUP BY d.destination`)
	if err != nil {
		return nil, storageFault(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var b Backlog
		var oldest int64
		if err := rows.Scan(&name, &b.Waiting, &b.Dead, &oldest); err != nil {
			return nil, storageFault(ctx, err)
		}
		if oldest > 0 {
			b.Oldest = time.UnixMilli(oldest)
		}
		found[name] = b
	}
	return found, storageFault(ctx, rows.Err())
}

// Stored returns how many events about the tickets and sessions are still stored with what
// callers said.
func (s *Store) Stored(ctx context.Context, topics []string) (n int, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		bodies, err := bodiesOf(ctx, tx, topics)
		n = len(bodies)
		return err
	})
	return n, err
}

// Erase removes what callers said from the events about the tickets and sessions that are
// still stored, and returns how many there were. Their ids, which say nothing about a person,
// stay.
func (s *Store) Erase(ctx context.Context, topics []string) (erased int, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		bodies, err := bodiesOf(ctx, tx, topics)
		for seq, e := range bodies {
			e.Data.Content = nil
			if e.Data.Subject != "" {
				e.Data.Subject = erasedSubject
			}
			var body []byte
			if body, err = e.JSON(); err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE outbox_events SET body = $1 WHERE seq = $2`, string(body), seq)
			}
			if err != nil {
				return err
			}
			erased++
		}
		return err
	})
	return erased, err
}

// erasedSubject replaces the subject of a ticket that was erased.
const erasedSubject = "erased"

// bodiesOf returns the stored events about topics that have what callers said, by their number.
func bodiesOf(ctx context.Context, tx *sql.Tx, topics []string) (map[int64]Event, error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, body FROM outbox_events WHERE body != ''`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[int64]Event)
	for rows.Next() {
		var seq int64
		var body string
		var e Event
		if err := rows.Scan(&seq, &body); err != nil {
			return nil, err
		}
		if json.Unmarshal([]byte(body), &e) != nil {
			continue
		}
		hasWords := e.Data.Content != nil || e.Data.Subject != "" && e.Data.Subject != erasedSubject
		isAbout := func(topic string) bool { return topic != "" && slices.Contains(topics, topic) }
		if hasWords && (isAbout(e.Data.Session) || isAbout(e.Data.Ticket)) {
			found[seq] = e
		}
	}
	return found, rows.Err()
}

// Ref is how a destination's own system names a topic.
type Ref struct {
	Destination string `json:"destination"`
	Topic       string `json:"topic"` // the ticket
	Ref         string `json:"ref"`
}

// Refs returns what SetRef has stored for the topics.
func (s *Store) Refs(ctx context.Context, topics []string) (refs []Ref, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT destination, topic, ref FROM outbox_refs ORDER BY destination, topic`)
	if err != nil {
		return nil, storageFault(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Ref
		if err := rows.Scan(&r.Destination, &r.Topic, &r.Ref); err != nil {
			return nil, storageFault(ctx, err)
		}
		if slices.Contains(topics, r.Topic) {
			refs = append(refs, r)
		}
	}
	return refs, storageFault(ctx, rows.Err())
}

// Undelivered returns how many deliveries of a topic wait and how many are dead letters.
func (s *Store) Undelivered(ctx context.Context, topic string) (waiting, dead int, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT coalesce(sum(1 - dead), 0), coalesce(sum(dead), 0) FROM outbox_deliveries WHERE topic = $1`, topic).
		Scan(&waiting, &dead)
	return waiting, dead, storageFault(ctx, err)
}

// Sweep forgets the ids of events that were delivered long ago.
func (s *Store) Sweep(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM outbox_events WHERE at < $1
		AND NOT EXISTS (SELECT 1 FROM outbox_deliveries d WHERE d.seq = outbox_events.seq)`, time.Now().Add(-keepIDs).UnixMilli())
	return storageFault(ctx, err)
}
