package tools

import (
	"bytes"
	"cmp"
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

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
)

// Status is the state of a ticket.
type Status string

const (
	Open    Status = "open"    // the team must act
	Waiting Status = "waiting" // the caller must act
	Solved  Status = "solved"  // done; may be opened again
	Closed  Status = "closed"  // done for good
)

// nextStatuses lists which statuses a status may change to.
var nextStatuses = map[Status][]Status{
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
	maxLine = 200  // bytes of a subject or contact
	maxText = 8192 // bytes of a description or note
)

// Ticket is a request that the team must deal with.
type Ticket struct {
	ID          TicketID     `json:"-"`
	Subject     string       `json:"subject"`
	Description string       `json:"description,omitempty"`
	Contact     string       `json:"contact,omitempty"` // how to reach the caller
	Session     string       `json:"-"`                 // the session it was opened in
	Status      Status       `json:"status"`
	Priority    Priority     `json:"priority"`
	Created     time.Time    `json:"created"`
	Updated     time.Time    `json:"updated"`
	Notes       []TicketNote `json:"notes,omitempty"` // oldest first
}

// TicketNote is an entry in a ticket's history. Status is empty if it did not change.
type TicketNote struct {
	At     time.Time `json:"at"`
	Text   string    `json:"text,omitempty"`
	Status Status    `json:"status,omitempty"`
}

// Change is what Update does to a ticket. Empty fields change nothing.
type Change struct {
	Note   string
	Status Status
}

// Ids grow from 1001 and are never reused. ticket_calls makes calls idempotent: it has the
// session and id of each call, and a digest of its arguments.
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

// Tickets is a store of tickets in a database. Safe for concurrent use.
type Tickets struct{ db *sql.DB }

// OpenTickets opens the tickets in conn, which other parts may share. The caller closes conn.
func OpenTickets(ctx context.Context, conn *sql.DB) (*Tickets, error) {
	if err := db.Migrate(ctx, conn, "tickets", ticketSchema); err != nil {
		return nil, ticketFault(ctx, err)
	}
	return &Tickets{db: conn}, nil
}

// Create opens a ticket with t's Subject, Description, Contact and Priority (default
// Normal). A call id opens one ticket only: the same call returns that ticket again, and
// fails with Conflict if its arguments differ. An empty call id is always new.
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
	return s.once(ctx, call, digestOf("create", t), func(tx *sql.Tx, now int64) (TicketID, error) {
		inserted, err := tx.ExecContext(ctx, `INSERT INTO tickets
			(subject, description, contact, session, status, priority, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			t.Subject, t.Description, t.Contact, t.Session, t.Status, t.Priority, now, now)
		if err != nil {
			return 0, err
		}
		id, err := inserted.LastInsertId()
		return TicketID(id), err
	})
}

func (t Ticket) check() error {
	switch {
	case t.Subject == "":
		return fault.New(fault.Invalid, "a ticket needs a subject")
	case len(t.Subject) > maxLine || len(t.Contact) > maxLine || len(t.Description) > maxText:
		return fault.New(fault.TooLarge, "subject and contact may have %d bytes, the description %d", maxLine, maxText)
	case !slices.Contains([]Priority{Low, Normal, High, Urgent}, t.Priority):
		return fault.New(fault.Invalid, "unknown priority %q (want low, normal, high or urgent)", t.Priority)
	case !utf8.ValidString(t.Subject + t.Contact + t.Description):
		return fault.New(fault.Invalid, "a ticket's texts must be UTF-8")
	}
	return nil
}

// Update adds a note to a ticket, changes its status, or both. A call id changes the ticket
// only once. The error is NotFound, or Conflict if this change of status is not allowed.
func (s *Tickets) Update(ctx context.Context, call string, id TicketID, c Change) (Ticket, error) {
	c.Note = strings.TrimSpace(c.Note)
	switch _, isStatus := nextStatuses[c.Status]; {
	case c.Note == "" && c.Status == "":
		return Ticket{}, fault.New(fault.Invalid, "an update needs a note or a status")
	case len(c.Note) > maxText:
		return Ticket{}, fault.New(fault.TooLarge, "a note may have %d bytes", maxText)
	case !utf8.ValidString(c.Note):
		return Ticket{}, fault.New(fault.Invalid, "a note must be UTF-8")
	case c.Status != "" && !isStatus:
		return Ticket{}, fault.New(fault.Invalid, "unknown status %q (want open, waiting, solved or closed)", c.Status)
	}
	return s.once(ctx, call, digestOf("update", id, c), func(tx *sql.Tx, now int64) (TicketID, error) {
		var status Status
		err := tx.QueryRowContext(ctx, `SELECT status FROM tickets WHERE id = ?`, id).Scan(&status)
		if err == sql.ErrNoRows {
			return 0, errUnknownTicket(id)
		}
		if err != nil {
			return 0, err
		}
		if c.Status == status {
			c.Status = "" // does not change
		}
		next := cmp.Or(c.Status, status)
		switch {
		case status == Closed:
			return 0, fault.New(fault.Conflict, "ticket %s is closed and cannot change any more", id)
		case c.Status != "" && !slices.Contains(nextStatuses[status], next):
			return 0, fault.New(fault.Conflict, "ticket %s is %s and cannot become %s", id, status, next)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO ticket_notes (ticket, at, text, status) VALUES (?, ?, ?, ?)`, id, now, c.Note, c.Status)
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE tickets SET status = ?, updated = ? WHERE id = ?`, next, now, id)
		}
		return id, err
	})
}

// digestOf returns a hash of a call's arguments.
func digestOf(parts ...any) []byte {
	b, _ := json.Marshal(parts) // strings and numbers only
	sum := sha256.Sum256(b)
	return sum[:]
}

// once runs change unless the call has already done so, and returns the ticket. change gets
// the time in Unix milliseconds and returns the ticket's id.
func (s *Tickets) once(ctx context.Context, call string, digest []byte, change func(tx *sql.Tx, now int64) (TicketID, error)) (Ticket, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	id, err := ticketOfCall(ctx, tx, call, digest)
	if err == nil && id == 0 {
		if id, err = change(tx, time.Now().UnixMilli()); err == nil && call != "" {
			_, err = tx.ExecContext(ctx, `INSERT INTO ticket_calls (session, call, digest, ticket) VALUES (?, ?, ?, ?)`,
				sessionOf(ctx), call, digest, id)
		}
	}
	var t Ticket
	if err == nil {
		t, err = loadTicket(ctx, tx, id)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	return t, nil
}

// ticketOfCall returns the ticket that a call has created or changed, 0 if the call is new.
func ticketOfCall(ctx context.Context, tx *sql.Tx, call string, digest []byte) (TicketID, error) {
	var id TicketID
	var previous []byte
	err := tx.QueryRowContext(ctx, `SELECT ticket, digest FROM ticket_calls WHERE session = ? AND call = ?`, sessionOf(ctx), call).
		Scan(&id, &previous)
	switch {
	case err == sql.ErrNoRows:
		return 0, nil
	case err == nil && !bytes.Equal(previous, digest):
		return 0, fault.New(fault.Conflict, "the call id %q was used before with other arguments", call)
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
	t, err := loadTicket(ctx, tx, id)
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	return t, nil
}

func loadTicket(ctx context.Context, tx *sql.Tx, id TicketID) (t Ticket, err error) {
	var created, updated int64
	err = tx.QueryRowContext(ctx, `SELECT id, subject, description, contact, session, status, priority, created, updated FROM tickets WHERE id = ?`, id).
		Scan(&t.ID, &t.Subject, &t.Description, &t.Contact, &t.Session, &t.Status, &t.Priority, &created, &updated)
	t.Created, t.Updated = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	if err == sql.ErrNoRows {
		return t, errUnknownTicket(id)
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
		var n TicketNote
		if err := rows.Scan(&at, &n.Text, &n.Status); err != nil {
			return t, err
		}
		n.At = time.UnixMilli(at).UTC()
		t.Notes = append(t.Notes, n)
	}
	return t, rows.Err()
}

func errUnknownTicket(id TicketID) error {
	return fault.New(fault.NotFound, "unknown ticket %s", id)
}

// ticketFault turns an error of the database into a fault.Error.
func ticketFault(ctx context.Context, err error) error {
	var typed *fault.Error
	switch {
	case errors.As(err, &typed):
		return err
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	}
	return fault.Wrap(fmt.Errorf("tickets: %w", err), fault.Storage, "the ticket store failed").Retryable(0)
}
