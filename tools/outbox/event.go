// Package outbox tells others what happens: an event is stored in the database in the same
// transaction as what it tells of, or right after it, and a Dispatcher delivers it to each
// destination that wants it. Events about one ticket or session arrive in order. An event
// whose destination is away waits and is sent again, less and less often, for a day; then it
// is a dead letter, which an operator sends again or drops. A destination may get an event
// twice, with the same id, when its answer was lost; it never gets it from two nodes at once.
//
// Data enters by Store.Publish and Store.PublishIn, and leaves by a Destination. Package
// notify has the destinations. Of Frontdesk the package imports internal/db, internal/fault
// and internal/words.
package outbox

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

// Type says what happened.
type Type string

// The events. docs/webhooks.md has a schema for each.
const (
	CallStarted      Type = "call.started"
	CallEnded        Type = "call.ended"
	CallSummarized   Type = "call.summarized"
	TicketOpened     Type = "ticket.opened"
	TicketChanged    Type = "ticket.changed"
	TicketReplied    Type = "ticket.replied"
	CallbackPromised Type = "callback.promised"
	CallbackMissed   Type = "callback.missed"
	HandoverWanted   Type = "handover.wanted"
)

// Types lists all types of events.
var Types = []Type{CallStarted, CallEnded, CallSummarized, TicketOpened, TicketChanged, TicketReplied, CallbackPromised, CallbackMissed, HandoverWanted}

const (
	maxID      = 120  // bytes of an identifier
	maxSubject = 200  // bytes of a subject
	maxContent = 8192 // bytes of each other text of the caller
	maxIssues  = 50
)

// Event is something that happened.
type Event struct {
	ID   string    `json:"id"` // idempotency key: an ID is published once
	Type Type      `json:"type"`
	At   time.Time `json:"timestamp"`
	Data Data      `json:"data"`
}

// Data says what an event is about. Fields that its type does not have are empty.
type Data struct {
	Agent     string     `json:"agent,omitempty"`
	Language  string     `json:"language,omitempty"` // of the agent, such as de-DE
	Session   string     `json:"session,omitempty"`
	Call      string     `json:"call,omitempty"` // one line of the session
	Transport string     `json:"transport,omitempty"`
	Result    string     `json:"result,omitempty"` // how a call ended
	Seconds   int        `json:"seconds,omitempty"`
	Ticket    string     `json:"ticket,omitempty"`
	Subject   string     `json:"subject,omitempty"`
	Status    string     `json:"status,omitempty"`
	Priority  string     `json:"priority,omitempty"`
	Due       *time.Time `json:"due,omitempty"` // of a promised call-back
	Attempts  int        `json:"attempts,omitempty"`

	Topics         []string `json:"topics,omitempty"` // intents of the session's topics
	OpenIssues     int      `json:"open_issues,omitempty"`
	ResolvedIssues int      `json:"resolved_issues,omitempty"`

	Content *Content `json:"content,omitempty"` // nil unless the destination wants it
}

// Content holds what callers said or wrote, beyond the subject of their ticket.
type Content struct {
	Description string `json:"description,omitempty"`
	Contact     string `json:"contact,omitempty"`
	Note        string `json:"note,omitempty"`
	Summary     string `json:"summary,omitempty"`

	Issues []Issue `json:"issues,omitempty"`
}

// Issue is something that a caller wanted settled in a session.
type Issue struct {
	Intent string `json:"intent"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"` // of the state
	About  string `json:"about,omitempty"`
	Said   string `json:"said,omitempty"`
	Ticket string `json:"ticket,omitempty"`
}

func (c Content) isEmpty() bool {
	return c.Description == "" && c.Contact == "" && c.Note == "" && c.Summary == "" && len(c.Issues) == 0
}

// topic returns what the event is about. The events of a topic are delivered in order.
func (e Event) topic() string { return cmp.Or(e.Data.Ticket, e.Data.Session) }

// clean returns e with printable and bounded texts, or an error that names the field that
// cannot be right.
func (e Event) clean() (Event, error) {
	switch {
	case e.ID == "" || len(e.ID) > maxID || strings.ContainsFunc(e.ID, isNotIDRune):
		return e, fault.New(fault.Invalid, "the id of an event must have 1 to %d letters, digits, points, dashes and underscores", maxID)
	case !slices.Contains(Types, e.Type):
		return e, fault.New(fault.Invalid, "unknown type of an event")
	case e.topic() == "":
		return e, fault.New(fault.Invalid, "an event needs a ticket or a session")
	case e.At.IsZero():
		return e, fault.New(fault.Invalid, "an event needs a time")
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	d := &e.Data
	for _, short := range []*string{&d.Agent, &d.Language, &d.Session, &d.Call, &d.Transport, &d.Result, &d.Ticket, &d.Status, &d.Priority} {
		*short = words.Clip(line(*short), maxID)
	}
	d.Subject = words.Clip(line(d.Subject), maxSubject)
	d.Seconds, d.Attempts = max(0, d.Seconds), max(0, d.Attempts)
	if d.Content != nil {
		c := *d.Content
		for _, text := range []*string{&c.Description, &c.Contact, &c.Note, &c.Summary} {
			*text = words.Clip(strings.TrimSpace(words.Printable(*text)), maxContent)
		}
		c.Issues = slices.Clone(c.Issues[:min(len(c.Issues), maxIssues)])
		for i := range c.Issues {
			for _, text := range []*string{&c.Issues[i].Intent, &c.Issues[i].State, &c.Issues[i].Reason, &c.Issues[i].About, &c.Issues[i].Said, &c.Issues[i].Ticket} {
				*text = words.Clip(line(*text), maxSubject)
			}
		}
		d.Content = &c
		if c.isEmpty() {
			d.Content = nil
		}
	}
	return e, nil
}

// line returns text as printable text on one line.
func line(text string) string { return strings.Join(strings.Fields(words.Printable(text)), " ") }

func isNotIDRune(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
}

// JSON returns the event as it is stored and sent.
func (e Event) JSON() ([]byte, error) { return json.Marshal(e) }

// Route says which events a destination gets.
type Route struct {
	Name    string   // of the destination
	Events  []Type   // empty means all
	Agents  []string // empty means all
	Content bool     // whether it gets what callers said
}

func (r Route) wants(e Event) bool {
	return (len(r.Events) == 0 || slices.Contains(r.Events, e.Type)) &&
		(len(r.Agents) == 0 || slices.Contains(r.Agents, e.Data.Agent))
}
