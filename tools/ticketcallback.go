package tools

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
)

// ticketCallBackSchema has the call-backs that were promised and are not settled. round counts
// how often a call-back was promised again, because its ticket was opened again. due is 0 if no
// time was promised.
const ticketCallBackSchema = `
CREATE TABLE ticket_callbacks (
	ticket   BIGINT PRIMARY KEY REFERENCES tickets (id),
	round    INTEGER NOT NULL DEFAULT 1,
	state    TEXT NOT NULL,
	due      BIGINT NOT NULL,
	promised BIGINT NOT NULL,
	started  INTEGER NOT NULL DEFAULT 0
);`

// States of a call-back.
const (
	callBackTransfer = "transfer" // a person may take the call yet
	callBackPromised = "promised"
	callBackDropped  = "dropped" // its ticket has ended, or its session has a later promise
)

// PromisedCallBack is a call-back that was promised to the caller of a ticket and is not settled.
type PromisedCallBack struct {
	Ticket     TicketID
	Round      int       // counts promises about the ticket from 1
	Due        time.Time // that the caller was told; zero if none was
	At         time.Time // when it was promised
	InTransfer bool      // a person may take the call yet
	IsWanted   bool      // the ticket has not ended, and its session has no later promise
	IsStarted  bool      // see StartedCallBack
}

// promiseCallBack stores that the caller of a new ticket waits for a person. The latest promise of
// a session counts, so that nobody is called twice, nor after a person has taken the call.
func promiseCallBack(ctx context.Context, tx *sql.Tx, id TicketID, session string, news TicketNews, now int64) error {
	state, due := callBackTransfer, int64(0)
	if news.IsCallback {
		state = callBackPromised
	}
	if !news.Due.IsZero() {
		due = news.Due.UnixMilli()
	}
	_, err := tx.ExecContext(ctx, `UPDATE ticket_callbacks SET state = $1 WHERE ticket IN (SELECT id FROM tickets WHERE session = $2 AND session != '' AND id != $3)`,
		callBackDropped, session, id)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO ticket_callbacks (ticket, state, due, promised) VALUES ($1, $2, $3, $4)`, id, state, due, now)
	return err
}

// updateCallBack drops the call-back of a ticket that ends, and promises it again when the
// caller's session that ended it opens it again.
func updateCallBack(ctx context.Context, tx *sql.Tx, was, is Ticket, by string, now int64) (err error) {
	switch {
	case is.Status.hasEnded() && !was.Status.hasEnded():
		_, err = tx.ExecContext(ctx, `UPDATE ticket_callbacks SET state = $1 WHERE ticket = $2`, callBackDropped, is.ID)
	case was.Status.hasEnded() && !is.Status.hasEnded() && was.mayReopen(by) && isSame(by, was.Session):
		_, err = tx.ExecContext(ctx, `UPDATE ticket_callbacks SET state = $1, round = round + 1, started = 0, promised = $2 WHERE ticket = $3`,
			callBackPromised, now, is.ID)
	}
	return err
}

// hasEnded reports whether nobody acts on a ticket of that status.
func (s Status) hasEnded() bool { return s == Solved || s == Closed || s == Withdrawn }

// CallBacks returns the call-backs that are not settled.
func (s *Tickets) CallBacks(ctx context.Context) (found []PromisedCallBack, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT ticket, round, state, due, promised, started FROM ticket_callbacks ORDER BY promised`)
	if err != nil {
		return nil, ticketFault(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scanCallBack(rows)
		if err != nil {
			return nil, ticketFault(ctx, err)
		}
		found = append(found, c)
	}
	if err := rows.Err(); err != nil {
		return nil, ticketFault(ctx, err)
	}
	return found, nil
}

func scanCallBack(row interface{ Scan(...any) error }) (c PromisedCallBack, err error) {
	var state string
	var due, at int64
	var started int
	err = row.Scan(&c.Ticket, &c.Round, &state, &due, &at, &started)
	if due != 0 {
		c.Due = time.UnixMilli(due).UTC()
	}
	c.At, c.InTransfer, c.IsWanted, c.IsStarted = time.UnixMilli(at).UTC(), state == callBackTransfer, state != callBackDropped, started != 0
	return c, err
}

// CallBackOf returns the call-back that was promised about a ticket. The error is NotFound if
// there is none, or none any more.
func (s *Tickets) CallBackOf(ctx context.Context, id TicketID) (PromisedCallBack, error) {
	c, err := scanCallBack(s.db.QueryRowContext(ctx, `SELECT ticket, round, state, due, promised, started FROM ticket_callbacks WHERE ticket = $1`, id))
	if err == sql.ErrNoRows {
		return c, errNoCallBack(id)
	}
	if err != nil {
		return c, ticketFault(ctx, err)
	}
	return c, nil
}

// StartedCallBack notes that somebody takes care of a call-back.
func (s *Tickets) StartedCallBack(ctx context.Context, id TicketID, round int) error {
	_, err := s.db.ExecContext(ctx, `UPDATE ticket_callbacks SET started = 1 WHERE ticket = $1 AND round = $2`, id, round)
	if err != nil {
		return ticketFault(ctx, err)
	}
	return nil
}

// CallBackChange is what UpdateCallBack does.
type CallBackChange struct {
	Note       string    // added to the ticket
	IsPromised bool      // nobody has taken the call, so that the call-back is promised now
	IsSettled  bool      // the call-back was made, or is not made any more
	IsMissed   bool      // the promise was not kept
	Due        time.Time // for the listener
	Attempts   int       // calls made, for the listener
}

// UpdateCallBack changes what is promised about a ticket and tells the listener. A key changes
// it only once. The error is NotFound if the ticket is gone, or the promise of this round.
func (s *Tickets) UpdateCallBack(ctx context.Context, key string, id TicketID, round int, c CallBackChange) error {
	c.Note = ticketText(c.Note)
	news := TicketNews{Note: c.Note, IsCallback: c.IsPromised, IsMissed: c.IsMissed, Due: c.Due, Attempts: c.Attempts}
	_, err := s.once(ctx, key, digestOf("call-back", id), news, func(tx *sql.Tx, now int64) (TicketID, error) {
		if err := lockTicket(ctx, s.db, tx, id); err != nil {
			return 0, err
		}
		statement := `UPDATE ticket_callbacks SET state = CASE WHEN state = '` + callBackTransfer + `' THEN '` + callBackPromised + `' ELSE state END
			WHERE ticket = $1 AND round = $2`
		if c.IsSettled {
			statement = `DELETE FROM ticket_callbacks WHERE ticket = $1 AND round = $2`
		}
		result, err := tx.ExecContext(ctx, statement, id, round)
		if err != nil {
			return 0, err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return 0, cmp.Or(err, errNoCallBack(id))
		}
		if c.Note == "" {
			return id, nil
		}
		if err := addNote(ctx, tx, id, TicketNote{Text: c.Note}, now); err != nil {
			return 0, err
		}
		_, err = tx.ExecContext(ctx, `UPDATE tickets SET updated = $1 WHERE id = $2`, now, id)
		return id, err
	})
	return err
}

// SettleCallBack forgets a call-back that is not made any more, and tells nobody.
func (s *Tickets) SettleCallBack(ctx context.Context, id TicketID, round int) error {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM ticket_callbacks WHERE ticket = $1 AND round = $2`, id, round); err != nil {
		return ticketFault(ctx, err)
	}
	return nil
}

// IsTouched reports whether somebody of the team has worked on the ticket.
func (t Ticket) IsTouched() bool {
	return t.Assignee != "" || t.Status != Open || slices.ContainsFunc(t.Notes, func(n TicketNote) bool {
		return n.Reply || n.By != "" && n.By != t.Session
	})
}

func errNoCallBack(id TicketID) error {
	return fault.New(fault.NotFound, "no call-back is promised about ticket %s", id)
}

// lockTicket makes changes of a ticket wait for each other.
func lockTicket(ctx context.Context, conn *sql.DB, tx *sql.Tx, id TicketID) error {
	return db.Lock(ctx, conn, tx, fmt.Sprint("ticket ", int64(id)))
}
