package tools

import (
	"context"

	"frontdesk/tools/gate"
)

// OperatorTools returns the tools with which a program of the operator opens, looks up and
// changes tickets. They ask for no proof: their user vouches for the person that it acts for.
func (s *Tickets) OperatorTools() []Tool {
	type status struct {
		Ticket string `json:"ticket" jsonschema:"the ticket's number, such as T-48291532"`
	}
	type update struct {
		Ticket string `json:"ticket" jsonschema:"the ticket's number, such as T-48291532"`
		Note   string `json:"note,omitempty" jsonschema:"what to add to the ticket"`
		Status Status `json:"status,omitempty" jsonschema:"the new status, if it changes"`
	}
	return []Tool{
		createTicket(s),
		Func(TicketStatus, "Look up a ticket: its status and what was noted on it.", gate.Rule{Who: gate.VerifiedOperator},
			func(ctx context.Context, _ string, args status) (any, []Note, error) {
				id, err := readTicketID(args.Ticket)
				if err != nil {
					return nil, nil, err
				}
				t, err := s.GetAsOperator(ctx, id)
				return s.statusResult(ctx, t, err)
			}),
		Func("update_ticket", "Add a note to a ticket or change its status.", gate.Rule{Effect: gate.Write, Who: gate.VerifiedOperator},
			func(ctx context.Context, call string, args update) (any, []Note, error) {
				id, err := readTicketID(args.Ticket)
				if err != nil {
					return nil, nil, err
				}
				return newTicketResult(s.UpdateAsOperator(ctx, call, id, Change{Note: args.Note, Status: args.Status}))
			}),
	}
}
