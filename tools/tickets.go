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

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
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

	maxIDTries = 100 // for a random id that no ticket has
)

// Ticket is a request that the team must deal with.
type Ticket struct {
	ID          TicketID     `json:"-"`
	Subject     string       `json:"subject"`
	Description string       `json:"description,omitempty"`
	Contact     string       `json:"contact,omitempty"` // how to reach the caller
	Former      TicketID     `json:"-"`                 // its number in the older format, 0 if it has none
	Session     string       `json:"-"`                 // the session it was opened in
	Known       string       `json:"-"`                 // who opened it, if the operator's system named them
	Line        string       `json:"-"`                 // telephone number of the line it was opened on, or ""
	Agent       string       `json:"-"`                 // the agent that opened it, "" if an operator's program did
	Language    string       `json:"-"`                 // of the agent
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

	contact      string // for a ticket that has none; only UpdateAsCaller sets it
	isCorrection bool   // contact replaces another one
}

// ticket_calls makes calls idempotent: it has the session and id of each call, and a digest
// of its arguments.
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

// The second version has whose a ticket is, its number in the older format, and for a day
// who named which number without proof. proof is a digest of the contact that was given, and
// empty without one.
const ticketOwnerSchema = `
ALTER TABLE tickets ADD COLUMN former INTEGER;
ALTER TABLE tickets ADD COLUMN known TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN line TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX tickets_by_former ON tickets (former) WHERE former IS NOT NULL;
CREATE INDEX tickets_by_session ON tickets (session);
CREATE TABLE ticket_failures (
	scope  TEXT NOT NULL,
	ticket INTEGER NOT NULL,
	proof  BLOB NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (scope, ticket, proof)
) WITHOUT ROWID;
CREATE INDEX ticket_failures_by_ticket ON ticket_failures (ticket);
CREATE INDEX ticket_failures_by_time ON ticket_failures (at);`

// The third version has the agent that opened a ticket.
const ticketAgentSchema = `
ALTER TABLE tickets ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN language TEXT NOT NULL DEFAULT '';`

// Tickets is a store of tickets in a database. Safe for concurrent use.
//
// The methods whose names end in AsCaller are for the tools of an agent: they act on a
// ticket only if it is the caller's, who is in the context (see WithCaller). Those that end
// in AsOperator are for the program and its operators, and ask for no proof.
type Tickets struct {
	db     *sql.DB
	listen func(ctx context.Context, tx *sql.Tx, news TicketNews) error // may be nil
}

// OpenTickets opens the tickets in conn, which other parts may share. The caller closes conn.
func OpenTickets(ctx context.Context, conn *sql.DB) (*Tickets, error) {
	if err := db.Migrate(ctx, conn, "tickets", ticketSchema, ticketOwnerSchema, ticketAgentSchema); err != nil {
		return nil, ticketFault(ctx, err)
	}
	s := &Tickets{db: conn}
	if err := s.renumber(ctx); err != nil {
		return nil, ticketFault(ctx, fmt.Errorf("give older tickets new numbers: %w", err))
	}
	return s, nil
}

// renumber gives tickets with a number of the older format a random id. Their number stays
// as Former.
func (s *Tickets) renumber(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	older, err := queryIDs(ctx, tx, `SELECT id FROM tickets WHERE id < ?`, firstTicketID)
	if err != nil || len(older) == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `PRAGMA defer_foreign_keys = ON`); err != nil { // until the commit
		return err
	}
	for _, former := range older {
		id, err := newTicketID(ctx, tx)
		if err != nil {
			return err
		}
		for _, change := range []string{
			`UPDATE tickets SET id = ?1, former = ?2 WHERE id = ?2`,
			`UPDATE ticket_notes SET ticket = ?1 WHERE ticket = ?2`,
			`UPDATE ticket_calls SET ticket = ?1 WHERE ticket = ?2`,
		} {
			if _, err := tx.ExecContext(ctx, change, id, former); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// queryIDs returns the ids that a query finds.
func queryIDs(ctx context.Context, tx *sql.Tx, query string, args ...any) (ids []TicketID, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id TicketID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// newTicketID returns a random id that no ticket has.
func newTicketID(ctx context.Context, tx *sql.Tx) (TicketID, error) {
	for range maxIDTries {
		id, err := randomTicketID()
		if err != nil {
			return 0, err
		}
		var exists bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tickets WHERE id = ?)`, id).Scan(&exists); err != nil || !exists {
			return id, err
		}
	}
	return 0, fmt.Errorf("no free ticket number in %d tries", maxIDTries)
}

// Create opens a ticket with t's Subject, Description, Contact and Priority (default
// Normal) for the caller in ctx. A call id opens one ticket only: the same call returns that
// ticket again, and fails with Conflict if its arguments differ. An empty call id is always
// new.
func (s *Tickets) Create(ctx context.Context, call string, t Ticket) (Ticket, error) {
	return s.create(ctx, call, t, TicketNews{IsNew: true})
}

// create opens a ticket; news is what the listener is told of it.
func (s *Tickets) create(ctx context.Context, call string, t Ticket, news TicketNews) (Ticket, error) {
	caller := CallerOf(ctx)
	t = Ticket{
		Subject: ticketText(t.Subject), Description: ticketText(t.Description), Contact: ticketText(t.Contact),
		Priority: t.Priority, Session: caller.Session, Known: caller.Known, Line: caller.Number, Status: Open,
		Agent: caller.Agent, Language: caller.Language,
	}
	if t.Priority == "" {
		t.Priority = Normal
	}
	if err := t.check(); err != nil {
		return Ticket{}, err
	}
	return s.once(ctx, call, digestOf("create", t), news, func(tx *sql.Tx, now int64) (TicketID, error) {
		id, err := newTicketID(ctx, tx)
		if err != nil {
			return 0, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO tickets
			(id, subject, description, contact, session, known, line, agent, language, status, priority, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, t.Subject, t.Description, t.Contact, t.Session, t.Known, t.Line, t.Agent, t.Language, t.Status, t.Priority, now, now)
		return id, err
	})
}

// ticketText returns text as a ticket stores it: printable, without white space around it.
func ticketText(text string) string { return strings.TrimSpace(words.Printable(text)) }

func (t Ticket) check() error {
	switch {
	case t.Subject == "":
		return fault.New(fault.Invalid, "a ticket needs a subject")
	case len(t.Subject) > maxLine || len(t.Contact) > maxLine || len(t.Description) > maxText:
		return fault.New(fault.TooLarge, "subject and contact may have %d bytes, the description %d", maxLine, maxText)
	case !slices.Contains([]Priority{Low, Normal, High, Urgent}, t.Priority):
		return fault.New(fault.Invalid, "unknown priority %q (want low, normal, high or urgent)", t.Priority)
	}
	return nil
}

// UpdateAsCaller adds a note to a ticket of the caller in ctx, changes its status, or both.
// contact is the second fact of a caller whose ticket it is not by itself; see
// GetAsCaller. If it is, contact is added to a ticket that has none, and in the session in
// which it was opened it replaces the one that was given. A call id changes the ticket only
// once. The error is that of GetAsCaller, or Conflict if this change
// of status is not allowed.
func (s *Tickets) UpdateAsCaller(ctx context.Context, call string, id TicketID, contact string, c Change) (Ticket, error) {
	a, err := s.authorize(ctx, id, contact)
	if err != nil {
		return Ticket{}, err
	}
	if c.contact, c.isCorrection = "", a.isOpener; a.isOwn && len(contactFacts(contact)) > 0 {
		c.contact = ticketText(contact)
	}
	return s.UpdateAsOperator(ctx, call, a.id, c)
}

// UpdateAsOperator adds a note to any ticket, changes its status, or both. A call id changes
// the ticket only once. The error is NotFound, or Conflict if this change of status is not
// allowed.
func (s *Tickets) UpdateAsOperator(ctx context.Context, call string, id TicketID, c Change) (Ticket, error) {
	c.Note = ticketText(c.Note)
	switch _, isStatus := nextStatuses[c.Status]; {
	case c.Note == "" && c.Status == "" && c.contact == "":
		return Ticket{}, errNoChange
	case len(c.Note) > maxText || len(c.contact) > maxLine:
		return Ticket{}, fault.New(fault.TooLarge, "a note may have %d bytes, a contact %d", maxText, maxLine)
	case c.Status != "" && !isStatus:
		return Ticket{}, fault.New(fault.Invalid, "unknown status (want open, waiting, solved or closed)")
	}
	return s.once(ctx, call, digestOf("update", id, c.Note, c.Status, c.contact), TicketNews{Note: c.Note}, func(tx *sql.Tx, now int64) (TicketID, error) {
		found, err := findTicket(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		return found, changeTicket(ctx, tx, found, c, now)
	})
}

// changeTicket makes the change c to a ticket.
func changeTicket(ctx context.Context, tx *sql.Tx, id TicketID, c Change, now int64) error {
	var status Status
	var contact string
	if err := tx.QueryRowContext(ctx, `SELECT status, contact FROM tickets WHERE id = ?`, id).Scan(&status, &contact); err != nil {
		return err
	}
	switch hasContact := len(contactFacts(contact)) > 0; {
	case c.contact == "" || c.contact == contact || hasContact && !c.isCorrection:
		c.contact = ""
	case hasContact:
		c.Note = strings.TrimSpace(c.Note + "\nThe contact was " + contact + ".")
		contact = c.contact
	default:
		contact = strings.TrimPrefix(contact+", "+c.contact, ", ") // after a name
	}
	c.isCorrection = false
	isSame := c.Status == status
	if isSame {
		c.Status = ""
	}
	next := cmp.Or(c.Status, status)
	switch {
	case c == (Change{}) && !isSame:
		return errNoChange
	case status == Closed:
		return fault.New(fault.Conflict, "ticket %s is closed and cannot change any more", id)
	case c.Status != "" && !slices.Contains(nextStatuses[status], next):
		return fault.New(fault.Conflict, "ticket %s is %s and cannot become %s", id, status, next)
	}
	var err error
	if c.Note != "" || c.Status != "" {
		_, err = tx.ExecContext(ctx, `INSERT INTO ticket_notes (ticket, at, text, status) VALUES (?, ?, ?, ?)`, id, now, c.Note, c.Status)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE tickets SET status = ?, contact = ?, updated = ? WHERE id = ?`, next, contact, now, id)
	}
	return err
}

// digestOf returns a hash of a call's arguments.
func digestOf(parts ...any) []byte {
	b, _ := json.Marshal(parts) // strings and numbers only
	sum := sha256.Sum256(b)
	return sum[:]
}

// once runs change unless the call has already done so, and returns the ticket. change gets
// the time in Unix milliseconds and returns the ticket's id. The listener gets news.
func (s *Tickets) once(ctx context.Context, call string, digest []byte, news TicketNews, change func(tx *sql.Tx, now int64) (TicketID, error)) (Ticket, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	id, err := ticketOfCall(ctx, tx, call, digest)
	isChanged := err == nil && id == 0
	if isChanged {
		if id, err = change(tx, time.Now().UnixMilli()); err == nil && call != "" {
			_, err = tx.ExecContext(ctx, `INSERT INTO ticket_calls (session, call, digest, ticket) VALUES (?, ?, ?, ?)`,
				CallerOf(ctx).Session, call, digest, id)
		}
	}
	var t Ticket
	if err == nil {
		t, err = loadTicket(ctx, tx, id)
	}
	if err == nil && isChanged && s.listen != nil {
		news.Ticket = t
		err = s.listen(ctx, tx, news)
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
	err := tx.QueryRowContext(ctx, `SELECT ticket, digest FROM ticket_calls WHERE session = ? AND call = ?`, CallerOf(ctx).Session, call).
		Scan(&id, &previous)
	switch {
	case err == sql.ErrNoRows:
		return 0, nil
	case err == nil && !bytes.Equal(previous, digest):
		return 0, fault.New(fault.Conflict, "the call id %q was used before with other arguments", call)
	}
	return id, err
}

// GetAsOperator returns any ticket with its notes. id may be its number in the older format.
func (s *Tickets) GetAsOperator(ctx context.Context, id TicketID) (Ticket, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	var t Ticket
	if id, err = findTicket(ctx, tx, id); err == nil {
		t, err = loadTicket(ctx, tx, id)
	}
	if err != nil {
		return Ticket{}, ticketFault(ctx, err)
	}
	return t, nil
}

// findTicket returns the present id of the ticket that has the number now or had it in the
// older format.
func findTicket(ctx context.Context, tx *sql.Tx, number TicketID) (id TicketID, err error) {
	err = tx.QueryRowContext(ctx, `SELECT id FROM tickets WHERE id = ?1 OR former = ?1`, number).Scan(&id)
	if err == sql.ErrNoRows {
		return 0, errUnknownTicket(number)
	}
	return id, err
}

func loadTicket(ctx context.Context, tx *sql.Tx, id TicketID) (t Ticket, err error) {
	var created, updated int64
	err = tx.QueryRowContext(ctx, `SELECT id, coalesce(former, 0), subject, description, contact, session, known, line, agent, language, status, priority, created, updated
		FROM tickets WHERE id = ?`, id).
		Scan(&t.ID, &t.Former, &t.Subject, &t.Description, &t.Contact, &t.Session, &t.Known, &t.Line, &t.Agent, &t.Language, &t.Status, &t.Priority, &created, &updated)
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

var errNoChange = fault.New(fault.Invalid, "an update needs a note or a status")

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
