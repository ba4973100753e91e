package dialog

// Overview is what a session is about so far. It is data: its texts are what the caller said or
// what the agent's own tools answered.
type Overview struct {
	Topics []Topic `json:"topics,omitempty"` // the one touched last comes last
	Issues []Issue `json:"issues,omitempty"` // in the order in which they were opened
}

// Topic is something that the caller speaks of.
type Topic struct {
	Intent Intent `json:"intent"`
	About  string `json:"about,omitempty"` // an order, ticket, product or page
	Turn   int    `json:"turn"`            // the last one about it
	Active bool   `json:"active"`          // one of the last turns is about it
}

// Issue is something that the caller wants settled.
type Issue struct {
	ID      int         `json:"id"` // from 1, in the session
	Intent  Intent      `json:"intent"`
	About   string      `json:"about,omitempty"` // an order, product or page
	Said    string      `json:"said,omitempty"`  // the beginning of what the caller said
	Ticket  string      `json:"ticket,omitempty"`
	State   IssueState  `json:"state"`
	Reason  IssueReason `json:"reason,omitempty"` // of State
	Opened  int         `json:"opened"`           // turn
	Changed int         `json:"changed"`          // turn that was about it last
}

// IssueState is how far an issue is settled.
type IssueState string

const (
	IssueOpen     IssueState = "open"
	IssueAnswered IssueState = "answered" // resolved once the caller confirms it or speaks of something else
	IssueResolved IssueState = "resolved"
)

// IssueReason is why an issue is in its state.
type IssueReason string

const (
	BecauseUnanswered IssueReason = "unanswered"
	BecauseComplaint  IssueReason = "complaint" // about an answer
	BecauseHandover   IssueReason = "handed_over"
	BecauseTicket     IssueReason = "ticket"    // has this state
	BecauseConfirmed  IssueReason = "confirmed" // by the caller
	BecauseLeft       IssueReason = "left"      // the caller had an answer and spoke of something else, or left
	BecauseModel      IssueReason = "model"     // a model read it so
)

// IsEmpty reports whether o holds nothing. A nil Overview is empty.
func (o *Overview) IsEmpty() bool { return o == nil || len(o.Topics) == 0 && len(o.Issues) == 0 }

// Count returns how many issues have the state.
func (o *Overview) Count(s IssueState) (n int) {
	if o == nil {
		return 0
	}
	for _, i := range o.Issues {
		if i.State == s {
			n++
		}
	}
	return n
}
