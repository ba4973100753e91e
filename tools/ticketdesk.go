package tools

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"frontdesk/internal/db"
)

// TicketFilter chooses tickets. Empty fields choose all.
type TicketFilter struct {
	Status   Status
	Assignee string
	Session  string
	OlderBy  time.Duration // how long they have not changed at least
}

const ticketPage = 100 // tickets that a list reads at once

// List returns the tickets that f chooses, the one that has waited longest first. It reads
// them in pages, so that a long list does not hold up callers.
func (s *Tickets) List(ctx context.Context, f TicketFilter) iter.Seq2[Ticket, error] {
	before := time.Now().Add(-f.OlderBy).UnixMilli()
	return func(yield func(Ticket, error) bool) {
		last, lastID := int64(-1), TicketID(0)
		for {
			page, err := s.page(ctx, f, before, last, lastID)
			if err != nil {
				yield(Ticket{}, ticketFault(ctx, err))
				return
			}
			for _, t := range page {
				if !yield(t, nil) {
					return
				}
				last, lastID = t.Updated.UnixMilli(), t.ID
			}
			if len(page) < ticketPage {
				return
			}
		}
	}
}

// page returns the tickets that follow the ticket lastID, which was changed at last.
func (s *Tickets) page(ctx context.Context, f TicketFilter, before, last int64, lastID TicketID) (page []Ticket, err error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	ids, err := queryIDs(ctx, tx, `SELECT id FROM tickets
		WHERE (updated > $1 OR updated = $1 AND id > $2) AND updated <= $3 AND ($4 = '' OR status = $4) AND ($5 = '' OR assignee = $5)
		AND ($6 = '' OR session = $6) ORDER BY updated, id LIMIT $7`,
		last, lastID, before, string(f.Status), f.Assignee, f.Session, ticketPage)
	for _, id := range ids {
		var t Ticket
		if t, err = loadTicket(ctx, tx, id); err != nil {
			return nil, err
		}
		page = append(page, t)
	}
	return page, err
}

// Erase deletes a ticket with its history. id may be its number in the older format.
func (s *Tickets) Erase(ctx context.Context, id TicketID) error {
	return s.erase(ctx, func(tx *sql.Tx) ([]TicketID, error) {
		found, err := findTicket(ctx, tx, id)
		return []TicketID{found}, err
	})
}

// Sweep deletes tickets that have ended, and drafts, which did not change for retention, and
// returns how many. 0 keeps them. It deletes few at once, so that it does not hold up callers.
func (s *Tickets) Sweep(ctx context.Context, retention time.Duration) (n int, err error) {
	if retention <= 0 {
		return 0, nil
	}
	before := time.Now().Add(-retention).UnixMilli()
	for {
		var ids []TicketID
		err := s.erase(ctx, func(tx *sql.Tx) (_ []TicketID, err error) {
			ids, err = queryIDs(ctx, tx, `SELECT id FROM tickets WHERE updated < $1 AND status IN ($2, $3, $4, $5) ORDER BY updated LIMIT $6`,
				before, Solved, Closed, Withdrawn, Draft, ticketPage)
			return ids, err
		})
		if err != nil {
			return n, err
		}
		if n += len(ids); len(ids) < ticketPage {
			return n, nil
		}
	}
}

// erase deletes the tickets that find returns.
func (s *Tickets) erase(ctx context.Context, find func(*sql.Tx) ([]TicketID, error)) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return ticketFault(ctx, err)
	}
	defer tx.Rollback()
	if err := db.Lock(ctx, s.db, tx, "ticket erasure"); err != nil {
		return ticketFault(ctx, err)
	}
	ids, err := find(tx)
	if err != nil {
		return ticketFault(ctx, err)
	}
	for _, id := range ids {
		for _, statement := range []string{
			`DELETE FROM ticket_calls WHERE ticket = $1`,
			`DELETE FROM ticket_notes WHERE ticket = $1`,
			`DELETE FROM ticket_failures WHERE ticket = $1`,
			`DELETE FROM ticket_callbacks WHERE ticket = $1`,
			`DELETE FROM tickets WHERE id = $1`,
		} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return ticketFault(ctx, err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return ticketFault(ctx, err)
	}
	return nil
}
