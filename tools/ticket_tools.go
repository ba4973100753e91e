package tools

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools/gate"
)

// enums are the types whose values a JSON Schema lists.
var enums = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[Status]():   {Type: "string", Enum: []any{Open, Waiting, Solved, Closed, Withdrawn}},
	reflect.TypeFor[Priority](): {Type: "string", Enum: []any{Low, Normal, High, Urgent}},
}

// TicketStatus is the name of the tool that looks up a ticket.
const TicketStatus = "ticket_status"

// Tools returns the tools with which a model opens, looks up and changes tickets, and asks
// for a hand-over to a person. handoverMessage tells the caller what happens then.
func (s *Tickets) Tools(handoverMessage string) []Tool {
	return []Tool{createTicket(s), ticketStatus(s), updateTicket(s), handOver(s, handoverMessage)}
}

// ticketResult is a ticket as a model reads it.
type ticketResult struct {
	ID     string `json:"id"`
	Say    string `json:"say"`              // the id, to be read aloud
	Former string `json:"former,omitempty"` // the number that the ticket had before
	Ticket
	Tell string `json:"tell_caller,omitempty"` // what the caller must know
}

// noContact says that the caller cannot ask about a ticket later.
const noContact = "This ticket has no e-mail address or telephone number, so it can be looked up in this conversation only. " +
	"Say so, and offer to add one of them with update_ticket."

func newTicketResult(t Ticket, err error) (any, []Note, error) {
	if err != nil {
		return nil, nil, err
	}
	note := Note{Kind: "ticket", ID: t.ID.String(), Title: t.Subject, Text: string(t.Status)}
	r := ticketResult{ID: t.ID.String(), Say: t.ID.Say(), Ticket: t}
	if t.Former != 0 {
		r.Former = t.Former.String()
	}
	if t.Known == "" && t.Line == "" && len(contactFacts(t.Contact)) == 0 {
		r.Tell = noContact
	}
	return r, []Note{note}, nil
}

// createArguments are the arguments of create_ticket.
type createArguments struct {
	Subject     string   `json:"subject" jsonschema:"the problem in a few words that a person of the team can act on: what fails, of which product"`
	Description string   `json:"description,omitempty" jsonschema:"what happened, with every detail the caller gave: what they did, what they expected, what they saw"`
	Contact     string   `json:"contact,omitempty" jsonschema:"how to reach the caller: an e-mail address or a telephone number. The caller needs it to ask about the ticket later"`
	Priority    Priority `json:"priority,omitempty" jsonschema:"normal unless the caller has serious harm"`
	Category    string   `json:"category,omitempty" jsonschema:"one word for the kind of problem, such as delivery, billing, defect or question"`
	Product     string   `json:"product,omitempty" jsonschema:"the product or service that it is about, if the caller said it"`
	Since       string   `json:"since,omitempty" jsonschema:"since when, in the caller's words, if they said it"`
	Tried       string   `json:"tried,omitempty" jsonschema:"what the caller did about it, if they said it"`
}

func (a createArguments) ticket() Ticket {
	return Ticket{
		Subject: a.Subject, Description: a.Description, Contact: a.Contact, Priority: a.Priority,
		Details: Details{Category: a.Category, Product: a.Product, Since: a.Since, Tried: a.Tried},
	}
}

func createTicket(s *Tickets) Tool {
	return draftingTool{Idempotent(Func("create_ticket",
		"Open a ticket so that the team looks into a problem. Use it when the caller asks for one, or agrees to one. "+
			"Tell the caller its number, as in \"say\", and what \"tell_caller\" says.",
		gate.Rule{Effect: gate.Write, Destinations: []string{"contact"}},
		func(ctx context.Context, call string, args createArguments) (any, []Note, error) {
			return newTicketResult(s.Create(ctx, call, args.ticket()))
		})), s}
}

func ticketStatus(s *Tickets) Tool {
	type arguments struct {
		Ticket  string `json:"ticket,omitempty" jsonschema:"the ticket's number as the caller said it, such as T-48291532. Without it, the tool lists the latest tickets of this conversation and this caller"`
		Contact string `json:"contact,omitempty" jsonschema:"the e-mail address or telephone number given with the ticket, as the caller said it. Ask for it when the tool answers proof_needed"`
	}
	type list struct {
		Tickets []any `json:"tickets"`
	}
	return Func(TicketStatus, "Look up a ticket: its status and what was noted on it. A caller who does not know its number may still have one. Say what \"tell_caller\" says.",
		// It is not trusted, because callers wrote what is in a ticket.
		gate.Rule{Identify: []string{"ticket"}, Destinations: []string{"contact"}},
		func(ctx context.Context, _ string, args arguments) (any, []Note, error) {
			if args.Ticket == "" {
				found, err := s.ListAsCaller(ctx)
				out := list{Tickets: []any{}}
				for _, t := range found {
					result, _, _ := newTicketResult(t, nil)
					out.Tickets = append(out.Tickets, result)
				}
				return out, nil, err
			}
			id, err := readTicketID(args.Ticket)
			if err != nil {
				return nil, nil, err
			}
			t, err := s.GetAsCaller(ctx, id, args.Contact)
			return s.statusResult(ctx, t, err)
		})
}

func updateTicket(s *Tickets) Tool {
	type arguments struct {
		Ticket  string `json:"ticket" jsonschema:"the ticket's number as the caller said it, such as T-48291532"`
		Contact string `json:"contact,omitempty" jsonschema:"the e-mail address or telephone number given with the ticket, as the caller said it. Ask for it when the tool answers proof_needed. On a ticket of this conversation it becomes the one to reach the caller"`
		Note    string `json:"note,omitempty" jsonschema:"what to add to the ticket"`
		Status  Status `json:"status,omitempty" jsonschema:"the new status, if it changes: closed when the caller needs nothing more, withdrawn when they take back what they asked for in this conversation, open when it was closed by mistake"`

		Subject     string `json:"subject,omitempty" jsonschema:"the right subject, if the caller corrects it"`
		Description string `json:"description,omitempty" jsonschema:"the right description, if the caller corrects it"`
		Category    string `json:"category,omitempty" jsonschema:"the right category, if the caller corrects it"`

		Priority Priority `json:"priority,omitempty" jsonschema:"the new priority, if the caller says that it has become more or less urgent"`
	}
	return Idempotent(Func("update_ticket", "Add a note to a ticket, correct it, or change its status or priority, as when the caller wants it closed or no longer wants what they asked for.",
		gate.Rule{Effect: gate.Write, Identify: []string{"ticket"}, Destinations: []string{"contact"}},
		func(ctx context.Context, call string, args arguments) (any, []Note, error) {
			id, err := readTicketID(args.Ticket)
			if err != nil {
				return nil, nil, err
			}
			return newTicketResult(s.UpdateAsCaller(ctx, call, id, args.Contact, Change{
				Note: args.Note, Status: args.Status, Subject: args.Subject, Description: args.Description, Category: args.Category,
				Priority: args.Priority,
			}))
		}))
}

// readTicketID reads the number of a ticket. The error does not repeat it, because it may be
// anything that the caller said.
func readTicketID(text string) (TicketID, error) {
	id, ok := ParseTicketID(text)
	if !ok {
		return 0, fault.New(fault.Invalid, "that is not the number of a ticket, which has the letter T and %d digits, such as T-48291532, "+
			"of which the last one checks the others: ask the caller to say it again, digit by digit", ticketDigits)
	}
	return id, nil
}

// callBackFormat is how the time of a promised call-back stands in a ticket.
const callBackFormat = "2006-01-02 15:04 MST"

// handOverArguments are the arguments of hand_over.
type handOverArguments struct {
	Reason  string `json:"reason" jsonschema:"why the caller needs a person, in a few words"`
	Summary string `json:"summary,omitempty" jsonschema:"what the person should know before calling back"`
	Contact string `json:"contact,omitempty" jsonschema:"how to reach the caller, if they said"`
	When    string `json:"when,omitempty" jsonschema:"only if the caller named a time for a call-back: that local date and time, such as 2026-12-01T15:00. A caller who wants to speak to a person now names none"`
}

// handOver returns the tool for a hand-over. It opens an urgent ticket, so that the request
// survives the call.
func handOver(s *Tickets, message string) Tool {
	type result struct {
		Message    string `json:"message"`
		Ticket     string `json:"ticket"`
		Say        string `json:"say"`                  // the ticket's id, to be read aloud
		Contact    string `json:"contact,omitempty"`    // how to reach the caller, if known
		Connecting bool   `json:"connecting,omitempty"` // the call is transferred after the message
		CallBack   string `json:"call_back,omitempty"`  // when a person calls back, if nobody answers now or the caller named a time
	}
	return Func("hand_over", "Ask a person to take over, now or at a time that the caller names. Use it when the caller asks for one or cannot be helped. Say the message it answers.",
		gate.Rule{
			Effect: gate.Communication, Destinations: []string{"contact"},
			Consent: gate.AskUnlessRequested, IsRequest: words.IsRequestForPerson,
		},
		func(ctx context.Context, call string, args handOverArguments) (any, []Note, error) {
			caller := CallerOf(ctx)
			promise := caller.CallBack
			named := ""
			if args.When != "" {
				var err error
				if promise.From, named, err = promise.timeOf(args.When, caller.Language, time.Now()); err != nil {
					return nil, nil, err
				}
				caller.CanTransfer = false
			}
			t, err := s.create(ctx, call, args.ticket(caller, promise), Open,
				TicketNews{IsNew: true, IsHandover: true, IsCallback: !caller.CanTransfer, Due: promise.From})
			if err != nil {
				return nil, nil, err
			}
			message := promise.message(message, named)
			note := Note{Kind: "handover", ID: t.ID.String(), Title: t.Subject, Text: message}
			return result{
				Message: message, Ticket: t.ID.String(), Say: t.ID.Say(), Contact: t.Contact, Connecting: caller.CanTransfer,
				CallBack: cmp.Or(named, promise.Said),
			}, []Note{note}, nil
		})
}

// ticket returns the ticket of a hand-over.
func (a handOverArguments) ticket(caller Caller, promise CallBack) Ticket {
	description := strings.TrimSpace(a.Summary + "\n" + caller.Issues)
	if !promise.From.IsZero() {
		text := fmt.Sprintf(cmp.Or(promise.Promise, "Promised call-back: from %s."), promise.From.Format(callBackFormat))
		description = strings.TrimSpace(description + "\n" + text)
	}
	return Ticket{
		Subject:     words.Clip(cmp.Or(promise.Subject, "Call back:")+" "+a.Reason, maxLine),
		Description: description, Contact: cmp.Or(a.Contact, caller.Number), Priority: Urgent,
	}
}
