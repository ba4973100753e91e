package tools

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// TicketNews is what happened to a ticket.
type TicketNews struct {
	Ticket     Ticket // as it is now
	IsNew      bool
	IsHandover bool   // the caller wants to speak to a person
	IsCallback bool   // the caller was promised a call-back
	IsReply    bool   // Note is the team's answer to the caller
	IsMissed   bool   // a promised call-back was not made
	Note       string // that was added to the ticket

	Due      time.Time // of a call-back; zero if no time was promised
	Attempts int       // of a missed call-back
}

// Listen makes listen hear of each new and changed ticket, in the transaction of the change:
// what it stores in the same transaction is stored if the ticket is. An error undoes the
// change. Call Listen before the store is used.
func (s *Tickets) Listen(listen func(ctx context.Context, tx *sql.Tx, news TicketNews) error) {
	s.listen = listen
}

// OnPromise makes promised hear, after the transaction, of each new ticket whose caller waits for
// a person. Call OnPromise before the store is used.
func (s *Tickets) OnPromise(promised func(ctx context.Context, id TicketID)) { s.promised = promised }

// Delivery is what became of the messages that tell the team of a ticket.
type Delivery struct {
	Waiting int // that are still being sent
	Failed  int // that could not be delivered
}

// AskDelivery makes the tools tell what ask returns for a ticket. Call AskDelivery before the
// store is used.
func (s *Tickets) AskDelivery(ask func(ctx context.Context, id TicketID) (Delivery, error)) {
	s.delivery = ask
}

// Sentences about a ticket whose messages have not been delivered.
const (
	stillSending = "The ticket is open. The message to the team about it is still being sent."
	notSent      = "The ticket is open. A message to the team about it could not be delivered."
)

// statusResult is newTicketResult with what became of the messages to the team.
func (s *Tickets) statusResult(ctx context.Context, t Ticket, err error) (any, []Note, error) {
	result, notes, err := newTicketResult(t, err)
	r, isTicket := result.(ticketResult)
	if !isTicket || s.delivery == nil || t.Status != Open {
		return result, notes, err
	}
	d, askErr := s.delivery(ctx, t.ID)
	switch {
	case askErr != nil: // the ticket is what was asked for
	case d.Failed > 0:
		r.Tell = strings.TrimSpace(r.Tell + " " + notSent)
	case d.Waiting > 0:
		r.Tell = strings.TrimSpace(r.Tell + " " + stillSending)
	}
	return r, notes, err
}
