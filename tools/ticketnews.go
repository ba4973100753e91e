package tools

import (
	"context"
	"database/sql"
)

// TicketNews is what happened to a ticket.
type TicketNews struct {
	Ticket     Ticket // as it is now
	IsNew      bool
	IsHandover bool   // the caller wants to speak to a person
	IsCallback bool   // the caller was promised a call-back
	Note       string // that was added to the ticket
}

// Listen makes listen hear of each new and changed ticket, in the transaction of the change:
// what it stores in the same transaction is stored if the ticket is. An error undoes the
// change. Call Listen before the store is used.
func (s *Tickets) Listen(listen func(ctx context.Context, tx *sql.Tx, news TicketNews) error) {
	s.listen = listen
}
