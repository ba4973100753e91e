package tools

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

// Abandoner is a Tool that keeps what a call of it would have done when the caller left before
// it ran.
type Abandoner interface {
	Tool
	// Abandon keeps a call that the caller did not agree to before they left. It does nothing
	// if there is nothing to keep.
	Abandon(ctx context.Context, call Call) error
}

// draftingTool opens tickets, and keeps drafts of those that were not opened.
type draftingTool struct {
	Tool
	tickets *Tickets
}

// Abandon implements Abandoner: it stores a draft.
func (d draftingTool) Abandon(ctx context.Context, call Call) error {
	var args createArguments
	if err := json.Unmarshal(call.Arguments, &args); err != nil {
		return fault.New(fault.Invalid, "cannot decode the arguments of a call that was left")
	}
	_, err := d.tickets.SaveDraft(ctx, args.ticket())
	return err
}

// SaveDraft keeps the ticket that the caller in ctx began to file as a draft. A session has one
// draft at most; the ticket that is opened in it later continues the draft.
func (s *Tickets) SaveDraft(ctx context.Context, t Ticket) (Ticket, error) {
	if t.Subject = words.Clip(ticketText(t.Subject), maxLine); t.Subject == "" {
		t.Subject = words.Clip(ticketText(strings.ReplaceAll(t.Description, "\n", " ")), maxLine)
	}
	t.Description = words.Clip(t.Description, maxText)
	return s.create(ctx, "", t, Draft, TicketNews{})
}

// draftOf returns the draft of a session, or 0.
func (s *Tickets) draftOf(ctx context.Context, tx *sql.Tx, session string) (TicketID, error) {
	if session == "" {
		return 0, nil
	}
	if err := db.Lock(ctx, s.db, tx, "ticket draft "+session); err != nil {
		return 0, err
	}
	ids, err := queryIDs(ctx, tx, `SELECT id FROM tickets WHERE session = $1 AND status = $2 ORDER BY created LIMIT 1`, session, Draft)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// continueDraft replaces what a draft says. If t is open, the draft becomes an open ticket.
func (s *Tickets) continueDraft(ctx context.Context, tx *sql.Tx, id TicketID, t Ticket, now int64) error {
	draft, err := loadTicket(ctx, tx, id)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE tickets SET subject = $1, description = $2, contact = $3, known = $4, line = $5, agent = $6, language = $7,
		category = $8, product = $9, since = $10, tried = $11, said = $12, status = $13, priority = $14, updated = $15 WHERE id = $16`,
		t.Subject, t.Description, t.Contact, t.Known, t.Line, t.Agent, t.Language,
		t.Category, t.Product, t.Since, t.Tried, t.Said, t.Status, t.Priority, now, id)
	if err != nil || t.Status == Draft {
		return err
	}
	note := "It was a draft: " + draft.Subject
	if draft.Description != "" && draft.Description != t.Description {
		note += "\n" + draft.Description
	}
	return addNote(ctx, tx, id, TicketNote{Text: note, Status: t.Status, By: t.Session}, now)
}
