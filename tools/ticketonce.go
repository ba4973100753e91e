package tools

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

const commitRetry = 200 * time.Millisecond // between two attempts to find out whether a change is stored

// digestOf returns a hash of a call's arguments.
func digestOf(parts ...any) []byte {
	b, _ := json.Marshal(parts) // strings and numbers only
	sum := sha256.Sum256(b)
	return sum[:]
}

// once runs change unless the call has already done so, and returns the ticket. change gets
// the time in Unix milliseconds and returns the ticket's id. The listener gets news. When the
// connection breaks during the commit, once tries the call again until it knows what became
// of it or ctx ends.
func (s *Tickets) once(ctx context.Context, call string, digest []byte, news TicketNews, change func(tx *sql.Tx, now int64) (TicketID, error)) (Ticket, error) {
	mayBeDone := false // by an earlier attempt
	for {
		t, isChanged, isUnsure, err := s.attempt(ctx, call, digest, news, change)
		mayBeDone = mayBeDone || isUnsure && call != ""
		switch {
		case err == nil:
			if (isChanged || mayBeDone) && news.IsHandover && s.promised != nil {
				s.promised(ctx, t.ID)
			}
			return t, nil
		case !mayBeDone || ctx.Err() != nil || fault.From(err).Code != fault.Storage:
			return Ticket{}, err
		}
		select {
		case <-time.After(commitRetry):
		case <-ctx.Done():
			return Ticket{}, ticketFault(ctx, err)
		}
	}
}

// attempt is one attempt of once. isUnsure says that the change may be stored in spite of the
// error.
func (s *Tickets) attempt(ctx context.Context, call string, digest []byte, news TicketNews, change func(tx *sql.Tx, now int64) (TicketID, error)) (t Ticket, isChanged, isUnsure bool, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Ticket{}, false, false, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	if call != "" {
		call = callKey(call)
		if err := db.Lock(ctx, s.db, tx, "ticket call "+CallerOf(ctx).Session+" "+call); err != nil {
			return Ticket{}, false, false, ticketFault(ctx, err)
		}
	}
	id, err := ticketOfCall(ctx, tx, call, digest)
	isChanged = err == nil && id == 0
	if isChanged {
		if id, err = change(tx, time.Now().UnixMilli()); err == nil && call != "" {
			_, err = tx.ExecContext(ctx, `INSERT INTO ticket_calls (session, call, digest, ticket) VALUES ($1, $2, $3, $4)`,
				CallerOf(ctx).Session, call, digest, id)
		}
	}
	if err == nil {
		t, err = loadTicket(ctx, tx, id)
	}
	if err == nil && isChanged && s.listen != nil && t.Status != Draft {
		news.Ticket = t
		err = s.listen(ctx, tx, news)
	}
	if err == nil {
		err = tx.Commit()
		isUnsure = db.MayHaveCommitted(s.db, err)
	}
	if err != nil {
		return Ticket{}, false, isUnsure, ticketFault(ctx, err)
	}
	return t, isChanged, false, nil
}

// callKey returns a call's id as the database can store it.
func callKey(call string) string {
	if len(call) <= maxLine && words.Printable(call) == call {
		return call
	}
	return hex.EncodeToString(digestOf(call))
}

// ticketOfCall returns the ticket that a call has created or changed, 0 if the call is new.
func ticketOfCall(ctx context.Context, tx *sql.Tx, call string, digest []byte) (TicketID, error) {
	var id TicketID
	var previous []byte
	err := tx.QueryRowContext(ctx, `SELECT ticket, digest FROM ticket_calls WHERE session = $1 AND call = $2`, CallerOf(ctx).Session, call).
		Scan(&id, &previous)
	switch {
	case err == sql.ErrNoRows:
		return 0, nil
	case err == nil && !bytes.Equal(previous, digest):
		return 0, fault.New(fault.Conflict, "the call id %q was used before with other arguments", call)
	}
	return id, err
}
