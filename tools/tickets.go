package tools

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/redact"
	"frontdesk/internal/words"
)

// Status is the state of a ticket.
type Status string

const (
	Open    Status = "open"    // the team must act
	Waiting Status = "waiting" // the caller must act
	Solved  Status = "solved"  // done; may be opened again
	Closed  Status = "closed"  // done for good

	Withdrawn Status = "withdrawn" // the caller took it back
	Draft     Status = "draft"     // the caller left before it was filed
)

// nextStatuses lists which statuses a status may change to.
var nextStatuses = map[Status][]Status{
	Open:    {Waiting, Solved, Closed, Withdrawn},
	Waiting: {Open, Solved, Closed, Withdrawn},
	Solved:  {Open, Closed},
	Draft:   {Open, Closed, Withdrawn},

	Closed: {}, Withdrawn: {}, // but see mayReopen
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
	maxSaid = 2000 // bytes of the caller's last words

	maxIDTries = 100 // for a random id that no ticket has
)

// Ticket is a request that the team must deal with.
type Ticket struct {
	ID          TicketID `json:"-"`
	Subject     string   `json:"subject"`
	Description string   `json:"description,omitempty"`
	Contact     string   `json:"contact,omitempty"` // how to reach the caller
	Former      TicketID `json:"-"`                 // its number in the older format, 0 if it has none
	Session     string   `json:"-"`                 // the session it was opened in
	Known       string   `json:"-"`                 // who opened it, if the operator's system named them
	Line        string   `json:"-"`                 // telephone number of the line it was opened on, or ""
	Agent       string   `json:"-"`                 // the agent that opened it, "" if an operator's program did
	Language    string   `json:"-"`                 // of the agent
	Said        string   `json:"-"`                 // what the caller said last before it was opened
	Assignee    string   `json:"-"`                 // who of the team works on it
	Details
	Status   Status       `json:"status"`
	Priority Priority     `json:"priority"`
	Created  time.Time    `json:"created"`
	Updated  time.Time    `json:"updated"`
	Notes    []TicketNote `json:"notes,omitempty"` // oldest first
}

// Details are what the team needs to act on a ticket. All are optional.
type Details struct {
	Category string `json:"category,omitempty"`
	Product  string `json:"product,omitempty"`
	Since    string `json:"since,omitempty"` // in the caller's words
	Tried    string `json:"tried,omitempty"` // what the caller did about it
}

// TicketNote is an entry in a ticket's history. Status is empty if it did not change.
type TicketNote struct {
	At     time.Time `json:"at"`
	Text   string    `json:"text,omitempty"`
	Status Status    `json:"status,omitempty"`
	By     string    `json:"-"`               // a session, or a person of the team
	Reply  bool      `json:"reply,omitempty"` // the team's answer to the caller
}

// Change is what Update does to a ticket. Empty fields change nothing.
type Change struct {
	Note   string
	Status Status

	Subject, Description, Category string // corrections

	Priority Priority

	Assignee string
	By       string // the person of the team; "" is the caller's session
	IsReply  bool   // Note is an answer to the caller

	contact      string // for a ticket that has none; only UpdateAsCaller sets it
	isCorrection bool   // contact replaces another one
}

// Tickets is a store of tickets in a database. Safe for concurrent use.
//
// The methods whose names end in AsCaller are for the tools of an agent: they act on a
// ticket only if it is the caller's, who is in the context (see WithCaller). Those that end
// in AsOperator are for the program and its operators, and ask for no proof.
type Tickets struct {
	db       *sql.DB
	listen   func(ctx context.Context, tx *sql.Tx, news TicketNews) error // may be nil
	delivery func(ctx context.Context, id TicketID) (Delivery, error)     // may be nil
	promised func(ctx context.Context, id TicketID)                       // may be nil
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
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tickets WHERE id = $1)`, id).Scan(&exists); err != nil || !exists {
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
	return s.create(ctx, call, t, Open, TicketNews{IsNew: true})
}

// create opens a ticket with a status, or continues the draft of the same
// session. news is what the listener is told of it.
func (s *Tickets) create(ctx context.Context, call string, t Ticket, status Status, news TicketNews) (Ticket, error) {
	caller := CallerOf(ctx)
	t = Ticket{
		Subject: saidText(t.Subject), Description: saidText(t.Description), Contact: ticketText(t.Contact),
		Priority: cmp.Or(t.Priority, Normal), Session: caller.Session, Known: caller.Known, Line: caller.Number, Status: status,
		Agent: caller.Agent, Language: caller.Language,
		Details: Details{
			Category: saidText(t.Category), Product: saidText(t.Product), Since: saidText(t.Since), Tried: saidText(t.Tried),
		},
	}
	if err := t.check(); err != nil {
		return Ticket{}, err
	}
	digest := digestOf("create", t)
	t.Said = words.ClipStart(saidText(caller.Said), maxSaid) // it may differ when the call is made again
	return s.once(ctx, call, digest, news, func(tx *sql.Tx, now int64) (TicketID, error) {
		id, err := s.draftOf(ctx, tx, t.Session)
		if err != nil {
			return 0, err
		}
		if id != 0 {
			err = s.continueDraft(ctx, tx, id, t, now)
		} else if id, err = newTicketID(ctx, tx); err == nil {
			err = insertTicket(ctx, tx, id, t, now)
		}
		if err == nil && news.IsHandover {
			err = promiseCallBack(ctx, tx, id, t.Session, news, now)
		}
		return id, err
	})
}

// ticketText returns text as a ticket stores it: printable, without white space around it.
func ticketText(text string) string { return strings.TrimSpace(words.Printable(text)) }

// saidText is ticketText of what callers may have said: without card numbers and PINs, which
// nobody who works on a ticket needs. It is not for a contact.
func saidText(text string) string { return redact.Text(ticketText(text), redact.Payment) }

func (t Ticket) check() error {
	switch {
	case t.Subject == "":
		return fault.New(fault.Invalid, "a ticket needs a subject")
	case len(t.Subject) > maxLine || len(t.Contact) > maxLine || len(t.Description) > maxText || len(t.Tried) > maxText ||
		max(len(t.Category), len(t.Product), len(t.Since)) > maxLine:
		return fault.New(fault.TooLarge, "the description and what was tried may have %d bytes, the other fields %d", maxText, maxLine)
	case !slices.Contains(priorities, t.Priority):
		return errPriority(t.Priority)
	}
	return nil
}

var priorities = []Priority{Low, Normal, High, Urgent}

func errPriority(p Priority) error {
	return fault.New(fault.Invalid, "unknown priority %q (want low, normal, high or urgent)", words.Clip(string(p), maxLine))
}

// UpdateAsCaller changes a ticket of the caller in ctx. contact is the second fact of a
// caller whose ticket it is not by itself; see GetAsCaller. If it is, contact is added to a
// ticket that has none, and in the session in which it was opened it replaces the one that
// was given. Only in that session a ticket may be withdrawn. A call id changes the ticket only
// once. The error is that of GetAsCaller, or Conflict if this change of status is not allowed.
func (s *Tickets) UpdateAsCaller(ctx context.Context, call string, id TicketID, contact string, c Change) (Ticket, error) {
	a, err := s.authorize(ctx, id, contact)
	if err != nil {
		return Ticket{}, err
	}
	if c.Status == Withdrawn && !a.isOpener {
		return Ticket{}, fault.New(fault.Conflict, "only a ticket that was opened in this conversation can be withdrawn: offer to close it instead")
	}
	c.Assignee, c.By, c.IsReply = "", "", false
	if c.contact, c.isCorrection = "", a.isOpener; a.isOwn && len(contactFacts(contact)) > 0 {
		c.contact = ticketText(contact)
	}
	return s.UpdateAsOperator(ctx, call, a.id, c)
}

// UpdateAsOperator changes any ticket. A call id changes the ticket only once. The error is
// NotFound, or Conflict if this change of status is not allowed.
func (s *Tickets) UpdateAsOperator(ctx context.Context, call string, id TicketID, c Change) (Ticket, error) {
	for _, text := range []*string{&c.Note, &c.Subject, &c.Description, &c.Category, &c.Assignee, &c.By} {
		*text = saidText(*text)
	}
	by := c.By
	c.By = ""
	switch _, isStatus := nextStatuses[c.Status]; {
	case c == Change{isCorrection: c.isCorrection}:
		return Ticket{}, errNoChange
	case max(len(c.Note), len(c.Description)) > maxText || max(len(c.contact), len(c.Subject), len(c.Category), len(c.Assignee), len(by)) > maxLine:
		return Ticket{}, fault.New(fault.TooLarge, "a note and a description may have %d bytes, the other fields %d", maxText, maxLine)
	case c.Status != "" && !isStatus || c.Status == Draft:
		return Ticket{}, fault.New(fault.Invalid, "unknown status (want open, waiting, solved, closed or withdrawn)")
	case c.Priority != "" && !slices.Contains(priorities, c.Priority):
		return Ticket{}, errPriority(c.Priority)
	}
	digest := digestOf("update", id, c.Note, c.Status, c.contact)
	if c.Subject+c.Description+c.Category+c.Assignee != "" || c.IsReply {
		digest = digestOf("update", id, c.Note, c.Status, c.contact, c.Subject, c.Description, c.Category, c.Assignee, c.IsReply)
	}
	if c.Priority != "" {
		digest = digestOf(string(digest), c.Priority)
	}
	c.By = cmp.Or(by, CallerOf(ctx).Session)
	return s.once(ctx, call, digest, TicketNews{Note: c.Note, IsReply: c.IsReply}, func(tx *sql.Tx, now int64) (TicketID, error) {
		found, err := findTicket(ctx, tx, id)
		if err == nil {
			err = lockTicket(ctx, s.db, tx, found)
		}
		if err != nil {
			return 0, err
		}
		return found, changeTicket(ctx, tx, found, c, now)
	})
}

// changeTicket makes the change c to a ticket.
func changeTicket(ctx context.Context, tx *sql.Tx, id TicketID, c Change, now int64) error {
	t, err := loadTicket(ctx, tx, id)
	if err != nil {
		return err
	}
	was := t
	note := []string{c.Note}
	switch hasContact := len(contactFacts(t.Contact)) > 0; {
	case c.contact == "" || c.contact == t.Contact || hasContact && !c.isCorrection:
	case hasContact:
		note = append(note, formerContact+t.Contact+".")
		t.Contact = c.contact
	default:
		t.Contact = strings.TrimPrefix(t.Contact+", "+c.contact, ", ") // after a name
	}
	for _, f := range []struct {
		name, to string
		field    *string
	}{{"subject", c.Subject, &t.Subject}, {"description", c.Description, &t.Description}, {"category", c.Category, &t.Category},
		{"priority", string(c.Priority), (*string)(&t.Priority)},
	} {
		if f.to == "" || f.to == *f.field {
			continue
		}
		if *f.field != "" {
			note = append(note, "The "+f.name+" was: "+*f.field)
		}
		*f.field = f.to
	}
	t.Assignee = cmp.Or(c.Assignee, t.Assignee)
	t.Status = cmp.Or(c.Status, t.Status)
	text := strings.TrimSpace(strings.Join(note, "\n"))
	isUnchanged := text == "" && t.Contact == was.Contact && t.Subject == was.Subject && t.Description == was.Description && t.Category == was.Category
	isEnded := was.Status == Closed || was.Status == Withdrawn
	switch {
	case isUnchanged && c.Status == "" && c.Assignee == "":
		return errNoChange
	case isEnded && (t.Status != Open || !was.mayReopen(c.By)):
		return fault.New(fault.Conflict, "ticket %s is %s and cannot change any more", id, was.Status)
	case t.Status != was.Status && !isEnded && !slices.Contains(nextStatuses[was.Status], t.Status):
		return fault.New(fault.Conflict, "ticket %s is %s and cannot become %s", id, was.Status, t.Status)
	}
	status := t.Status
	if status == was.Status {
		status = ""
	}
	if err := updateCallBack(ctx, tx, was, t, c.By, now); err != nil {
		return err
	}
	if text != "" || status != "" {
		if err := addNote(ctx, tx, id, TicketNote{Text: text, Status: status, By: c.By, Reply: c.IsReply}, now); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE tickets SET status = $1, contact = $2, subject = $3, description = $4, category = $5, assignee = $6, priority = $7, updated = $8
		WHERE id = $9`, t.Status, t.Contact, t.Subject, t.Description, t.Category, t.Assignee, t.Priority, now, id)
	return err
}

// mayReopen reports whether by has ended the ticket, and so may have done it by mistake.
func (t Ticket) mayReopen(by string) bool {
	for _, n := range slices.Backward(t.Notes) {
		if n.Status != "" {
			return isSame(by, n.By)
		}
	}
	return false
}

// addNote adds an entry to a ticket's history.
func addNote(ctx context.Context, tx *sql.Tx, id TicketID, n TicketNote, now int64) error {
	reply := 0
	if n.Reply {
		reply = 1
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO ticket_notes (ticket, at, text, status, author, reply) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, now, n.Text, n.Status, n.By, reply)
	return err
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
	err = tx.QueryRowContext(ctx, `SELECT id FROM tickets WHERE id = $1 OR former = $1`, number).Scan(&id)
	if err == sql.ErrNoRows {
		return 0, errUnknownTicket(number)
	}
	return id, err
}

func loadTicket(ctx context.Context, tx *sql.Tx, id TicketID) (t Ticket, err error) {
	var created, updated int64
	err = tx.QueryRowContext(ctx, `SELECT id, coalesce(former, 0), subject, description, contact, session, known, line, agent, language,
		category, product, since, tried, said, assignee, status, priority, created, updated FROM tickets WHERE id = $1`, id).
		Scan(&t.ID, &t.Former, &t.Subject, &t.Description, &t.Contact, &t.Session, &t.Known, &t.Line, &t.Agent, &t.Language,
			&t.Category, &t.Product, &t.Since, &t.Tried, &t.Said, &t.Assignee, &t.Status, &t.Priority, &created, &updated)
	t.Created, t.Updated = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	if err == sql.ErrNoRows {
		return t, errUnknownTicket(id)
	}
	if err != nil {
		return t, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT at, text, status, author, reply FROM ticket_notes WHERE ticket = $1 ORDER BY rowid`, id)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	for rows.Next() {
		var at, reply int64
		var n TicketNote
		if err := rows.Scan(&at, &n.Text, &n.Status, &n.By, &reply); err != nil {
			return t, err
		}
		n.Reply = reply != 0
		n.At = time.UnixMilli(at).UTC()
		t.Notes = append(t.Notes, n)
	}
	return t, rows.Err()
}

var errNoChange = fault.New(fault.Invalid, "an update needs a note, a status or a correction")

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
