package tools

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"frontdesk/internal/fault"
)

// Status is where a ticket stands.
type Status string

const (
	Open    Status = "open"    // somebody should act
	Waiting Status = "waiting" // the caller should
	Solved  Status = "solved"  // done, may be opened again
	Closed  Status = "closed"  // done for good
)

// follows says which status may come after which.
var follows = map[Status][]Status{
	Open:    {Waiting, Solved, Closed},
	Waiting: {Open, Solved, Closed},
	Solved:  {Open, Closed},
	Closed:  {},
}

// Priority is how urgent a ticket is.
type Priority string

const (
	Low    Priority = "low"
	Normal Priority = "normal"
	High   Priority = "high"
	Urgent Priority = "urgent"
)

const (
	maxLine  = 200  // bytes of a subject or contact
	maxStory = 8192 // bytes of a description or note
	maxList  = 200  // tickets in a list
)

// Ticket is something somebody has to look after.
type Ticket struct {
	ID          TicketID  `json:"-"`
	Subject     string    `json:"subject"`
	Description string    `json:"description,omitempty"`
	Contact     string    `json:"contact,omitempty"` // how to reach the caller
	Session     string    `json:"-"`                 // the session it was opened in
	Status      Status    `json:"status"`
	Priority    Priority  `json:"priority"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	Notes       []Remark  `json:"notes,omitempty"` // oldest first
}

// Remark is an entry in a ticket's history. Status is set where it changed.
type Remark struct {
	At     time.Time `json:"at"`
	Text   string    `json:"text,omitempty"`
	Status Status    `json:"status,omitempty"`
}

// Change is what Update does to a ticket; empty fields stay.
type Change struct {
	Note   string
	Status Status
}

// Ids grow from 1001 and are never used again. A call is remembered by its session
// and id, with a digest of what it asked for.
const ticketSchema = `
CREATE TABLE tickets (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	subject     TEXT NOT NULL,
	description TEXT NOT NULL,
	contact     TEXT NOT NULL,
	session     TEXT NOT NULL,
	status      TEXT NOT NULL,
	priority    TEXT NOT NULL,
	created     INTEGER NOT NULL,
	updated     INTEGER NOT NULL
);
INSERT INTO sqlite_sequence (name, seq) VALUES ('tickets', 1000);
CREATE INDEX tickets_by_status ON tickets (status, updated);
CREATE TABLE ticket_notes (
	ticket INTEGER NOT NULL REFERENCES tickets (id),
	at     INTEGER NOT NULL,
	text   TEXT NOT NULL,
	status TEXT NOT NULL
);
CREATE INDEX ticket_notes_by_ticket ON ticket_notes (ticket);
CREATE TABLE ticket_calls (
	session TEXT NOT NULL,
	call    TEXT NOT NULL,
	digest  BLOB NOT NULL,
	ticket  INTEGER NOT NULL REFERENCES tickets (id),
	PRIMARY KEY (session, call)
) WITHOUT ROWID;`

// Tickets keeps tickets in a database. Safe for concurrent use.
type Tickets struct{ db *sql.DB }

// OpenTickets keeps tickets in db, which may hold other things too and stays the
// caller's to close.
func OpenTickets(ctx context.Context, db *sql.DB) (*Tickets, error) {
	if err := Migrate(ctx, db, "tickets", ticketSchema); err != nil {
		return nil, ticketFault(ctx, err)
	}
	return &Tickets{db: db}, nil
}

type sessionKey struct{}

// WithSession names the session that tools are called in: calls of the same id in
// different sessions are different calls.
func WithSession(ctx context.Context, session string) context.Context {
	return context.WithValue(ctx, sessionKey{}, session)
}

// Caller is what is known of who calls, beside the conversation.
type Caller struct {
	Number   string // of their telephone, "" when there is none or it is hidden
	Connects bool   // they can be connected with a person now
}

type callerKey struct{}

// WithCaller tells tools who calls.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

func sessionOf(ctx context.Context) string {
	session, _ := ctx.Value(sessionKey{}).(string)
	return session
}

// Create opens a ticket with t's Subject, Description, Contact and Priority (Normal
// if empty). The same call never opens two: asked again it returns the first one,
// and fails with Conflict if it asks for something else. An empty call is always new.
func (s *Tickets) Create(ctx context.Context, call string, t Ticket) (Ticket, error) {
	t = Ticket{
		Subject: strings.TrimSpace(t.Subject), Description: strings.TrimSpace(t.Description),
		Contact: strings.TrimSpace(t.Contact), Priority: t.Priority, Session: sessionOf(ctx), Status: Open,
	}
	if t.Priority == "" {
		t.Priority = Normal
	}
	if err := t.check(); err != nil {
		return Ticket{}, err
	}
	digest := digestOf("create", t)
	return s.once(ctx, call, digest, func(tx *sql.Tx, now int64) (TicketID, error) {
		added, err := tx.ExecContext(ctx, `INSERT INTO tickets
			(subject, description, contact, session, status, priority, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			t.Subject, t.Description, t.Contact, t.Session, t.Status, t.Priority, now, now)
		if err != nil {
			return 0, err
		}
		id, err := added.LastInsertId()
		return TicketID(id), err
	})
}

func (t Ticket) check() error {
	switch {
	case t.Subject == "":
		return fault.New(fault.Invalid, "a ticket needs a subject")
	case len(t.Subject) > maxLine || len(t.Contact) > maxLine || len(t.Description) > maxStory:
		return fault.New(fault.TooLarge, "subject and contact may have %d bytes, the description %d", maxLine, maxStory)
	case !slices.Contains([]Priority{Low, Normal, High, Urgent}, t.Priority):
		return fault.New(fault.Invalid, "%q is no priority; there are low, normal, high and urgent", t.Priority)
	case !utf8.ValidString(t.Subject + t.Contact + t.Description):
		return fault.New(fault.Invalid, "a ticket's texts must be UTF-8")
	}
	return nil
}

// Update adds a note to a ticket or changes its status, or both; the same call does
// it once. The error is NotFound, or Conflict when the status may not follow.
func (s *Tickets) Update(ctx context.Context, call string, id TicketID, c Change) (Ticket, error) {
	c.Note = strings.TrimSpace(c.Note)
	switch _, known := follows[c.Status]; {
	case c.Note == "" && c.Status == "":
		return Ticket{}, fault.New(fault.Invalid, "an update needs a note or a status")
	case len(c.Note) > maxStory:
		return Ticket{}, fault.New(fault.TooLarge, "a note may have %d bytes", maxStory)
	case !utf8.ValidString(c.Note):
		return Ticket{}, fault.New(fault.Invalid, "a note must be UTF-8")
	case c.Status != "" && !known:
		return Ticket{}, fault.New(fault.Invalid, "%q is no status; there are open, waiting, solved and closed", c.Status)
	}
	return s.once(ctx, call, digestOf("update", id, c), func(tx *sql.Tx, now int64) (TicketID, error) {
		var status Status
		err := tx.QueryRowContext(ctx, `SELECT status FROM tickets WHERE id = ?`, id).Scan(&status)
		if err == sql.ErrNoRows {
			return 0, errNoTicket(id)
		}
		if err != nil {
			return 0, err
		}
		next := c.Status
		if next == status {
			c.Status = "" // it is there already
		}
		if next == "" {
			next = status
		}
		if status == Closed || c.Status != "" && !slices.Contains(follows[status], next) {
			return 0, fault.New(fault.Conflict, "ticket %s is %s; its status cannot become %s and nothing can be added if it is closed", id, status, next)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO ticket_notes (ticket, at, text, status) VALUES (?, ?, ?, ?)`, id, now, c.Note, c.Status)
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE tickets SET status = ?, updated = ? WHERE id = ?`, next, now, id)
		}
		return id, err
	})
}

// digestOf tells two requests apart.
func digestOf(parts ...any) []byte {
	b, _ := json.Marshal(parts) // strings and numbers only
	sum := sha256.Sum256(b)
	return sum[:]
}

// once does something to a ticket unless this call has already done it, and returns
// the ticket as it is then.
func (s *Tickets) once(ctx context.Context, call string, digest []byte, do func(*sql.Tx, int64) (TicketID, error)) (Ticket, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	id, err := recall(ctx, tx, call, digest)
	if err == nil && id == 0 {
		if id, err = do(tx, time.Now().UnixMilli()); err == nil && call != "" {
			_, err = tx.ExecContext(ctx, `INSERT INTO ticket_calls (session, call, digest, ticket) VALUES (?, ?, ?, ?)`,
				sessionOf(ctx), call, digest, id)
		}
	}
	var t Ticket
	if err == nil {
		t, err = find(ctx, tx, id)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	return t, nil
}

// recall is the ticket a call has worked on, 0 if the call is new.
func recall(ctx context.Context, tx *sql.Tx, call string, digest []byte) (TicketID, error) {
	var id TicketID
	var before []byte
	err := tx.QueryRowContext(ctx, `SELECT ticket, digest FROM ticket_calls WHERE session = ? AND call = ?`, sessionOf(ctx), call).
		Scan(&id, &before)
	switch {
	case err == sql.ErrNoRows:
		return 0, nil
	case err == nil && string(before) != string(digest):
		return 0, fault.New(fault.Conflict, "the call %q has already asked for something else", call)
	}
	return id, err
}

// Get returns a ticket with its notes.
func (s *Tickets) Get(ctx context.Context, id TicketID) (Ticket, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	t, err := find(ctx, tx, id)
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	return t, nil
}

const ticketColumns = `id, subject, description, contact, session, status, priority, created, updated`

func scanTicket(scan func(...any) error) (t Ticket, err error) {
	var created, updated int64
	err = scan(&t.ID, &t.Subject, &t.Description, &t.Contact, &t.Session, &t.Status, &t.Priority, &created, &updated)
	t.Created, t.Updated = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	return t, err
}

func find(ctx context.Context, tx *sql.Tx, id TicketID) (Ticket, error) {
	t, err := scanTicket(tx.QueryRowContext(ctx, `SELECT `+ticketColumns+` FROM tickets WHERE id = ?`, id).Scan)
	if err == sql.ErrNoRows {
		return t, errNoTicket(id)
	}
	if err != nil {
		return t, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT at, text, status FROM ticket_notes WHERE ticket = ? ORDER BY rowid`, id)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		var r Remark
		if err := rows.Scan(&at, &r.Text, &r.Status); err != nil {
			return t, err
		}
		r.At = time.UnixMilli(at).UTC()
		t.Notes = append(t.Notes, r)
	}
	return t, rows.Err()
}

// List returns up to limit tickets (at most 200) of a status, or of all with "",
// the last changed first, without their notes.
func (s *Tickets) List(ctx context.Context, status Status, limit int) ([]Ticket, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+ticketColumns+` FROM tickets
		WHERE status = ?1 OR ?1 = '' ORDER BY updated DESC, id DESC LIMIT ?2`, status, max(0, min(limit, maxList)))
	if err != nil {
		return nil, ticketFault(ctx, err)
	}
	defer rows.Close()
	var out []Ticket
	for rows.Next() {
		t, err := scanTicket(rows.Scan)
		if err != nil {
			return nil, ticketFault(ctx, err)
		}
		out = append(out, t)
	}
	if err := rows.Err(); err != nil {
		return nil, ticketFault(ctx, err)
	}
	return out, nil
}

func errNoTicket(id TicketID) error {
	return fault.New(fault.NotFound, "there is no ticket %s", id)
}

func ticketFault(ctx context.Context, err error) error {
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	}
	return fault.Wrap(fmt.Errorf("tickets: %w", err), fault.Storage, "the ticket store failed").Retryable(0)
}
