package tools

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"frontdesk/internal/phone"
)

// TicketSelector says whose tickets are meant: those of any of its fields.
type TicketSelector struct {
	Known    string   // an account as the operator's system names it, with or without "known:"
	Line     string   // a telephone number, of the line or given as contact
	Email    string   // given as contact
	Sessions []string // in which they were opened
}

// formerContact stands in a note before a contact that was corrected.
const formerContact = "The contact was "

// Find returns the tickets that w means, oldest first, without their notes.
func (s *Tickets) Find(ctx context.Context, w TicketSelector) ([]Ticket, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	ids, err := w.find(ctx, tx)
	var found []Ticket
	for _, id := range ids {
		var t Ticket
		if t, err = loadTicket(ctx, tx, id); err != nil {
			break
		}
		t.Notes = nil
		found = append(found, t)
	}
	if err != nil {
		return nil, ticketFault(ctx, err)
	}
	return found, nil
}

// find returns the ids of the tickets.
func (w TicketSelector) find(ctx context.Context, tx *sql.Tx) (ids []TicketID, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, session, known, line, contact FROM tickets
		UNION ALL SELECT ticket, '', '', '', text FROM ticket_notes WHERE text LIKE '%`+formerContact+`%' ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id TicketID
		var session, known, line, contact string
		if err := rows.Scan(&id, &session, &known, &line, &contact); err != nil {
			return nil, err
		}
		if w.means(session, known, line, contact) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, rows.Err()
}

// means reports whether a ticket with these fields is chosen.
func (w TicketSelector) means(session, known, line, contact string) bool {
	if session != "" && slices.Contains(w.Sessions, session) {
		return true
	}
	if known != "" && slices.Contains(w.names(), known) {
		return true
	}
	if w.Line != "" && line != "" && phone.Key(line) == phone.Key(w.Line) {
		return true
	}
	if w.Line == "" && w.Email == "" || contact == "" {
		return false
	}
	facts := contactFacts(contact)
	return w.Line != "" && hasFact(facts, phoneFact(w.Line)) || w.Email != "" && slices.ContainsFunc(contactFacts(w.Email), func(f string) bool { return hasFact(facts, f) })
}

// names returns what the caller may be called in a ticket.
func (w TicketSelector) names() []string {
	if w.Known == "" {
		return nil
	}
	return []string{w.Known, knownPrefix + strings.TrimPrefix(w.Known, knownPrefix)}
}

// knownPrefix stands before an account for which the operator's token vouches.
const knownPrefix = "known:"

// EraseFound deletes the tickets that w means, and what was counted of wrong numbers that its
// caller named. It returns how many tickets there were.
func (s *Tickets) EraseFound(ctx context.Context, w TicketSelector) (n int, err error) {
	err = s.erase(ctx, func(tx *sql.Tx) ([]TicketID, error) {
		scopes := []string{}
		for _, name := range w.names() {
			scopes = append(scopes, "known "+name)
		}
		if w.Line != "" {
			scopes = append(scopes, "line "+phone.Key(w.Line))
		}
		for _, session := range w.Sessions {
			scopes = append(scopes, "session "+session)
		}
		for _, scope := range scopes {
			if _, err := tx.ExecContext(ctx, `DELETE FROM ticket_failures WHERE scope = $1`, scope); err != nil {
				return nil, err
			}
		}
		ids, err := w.find(ctx, tx)
		n = len(ids)
		return ids, err
	})
	return n, err
}
