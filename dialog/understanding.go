package dialog

// Understanding is what was understood of a turn, as data.
type Understanding struct {
	Intent     Intent   `json:"intent"`
	Entities   []Entity `json:"entities,omitempty"`
	Sentiment  float64  `json:"sentiment"`  // of the caller, from -1, very bad, to 1, very good
	Confidence float64  `json:"confidence"` // of Intent, from 0 to 1
	Answered   bool     `json:"answered"`   // the caller got what they asked for, as far as the reply tells
}

// Intent is what a caller wanted with a turn. There are as many as the constants.
type Intent string

const (
	IntentQuestion     Intent = "question"
	IntentHours        Intent = "hours"
	IntentLookup       Intent = "lookup" // of a record, by a tool of the agent
	IntentDelivery     Intent = "delivery"
	IntentRefund       Intent = "refund"
	IntentBilling      Intent = "billing"
	IntentTicketNew    Intent = "ticket_new"
	IntentTicketStatus Intent = "ticket_status"
	IntentTicketChange Intent = "ticket_change"
	IntentTicketClose  Intent = "ticket_close"
	IntentComplaint    Intent = "complaint"
	IntentPerson       Intent = "person"
	IntentYes          Intent = "yes"
	IntentNo           Intent = "no"
	IntentGreeting     Intent = "greeting"
	IntentThanks       Intent = "thanks"
	IntentGoodbye      Intent = "goodbye"
	IntentOther        Intent = "other"
)

// Entity is something that a turn is about.
type Entity struct {
	Kind  EntityKind `json:"kind"`
	Value string     `json:"value"`
}

// EntityKind is a kind of Entity.
type EntityKind string

const (
	EntityOrder   EntityKind = "order"
	EntityTicket  EntityKind = "ticket"
	EntityProduct EntityKind = "product"
	EntityDate    EntityKind = "date" // as the caller said it
	EntityAmount  EntityKind = "amount"
	EntityContact EntityKind = "contact"
)

// Escalation is when the agent offers a person by itself, once for each condition. The zero
// Escalation is never.
type Escalation struct {
	SentimentBelow float64  // of a turn; 0: whatever it is
	Misses         int      // turns in a row that were not answered; 0: however many
	Words          []string // that the caller says, in any case and without accents
}

// IsZero reports whether the agent never offers a person by itself.
func (e Escalation) IsZero() bool { return e.SentimentBelow == 0 && e.Misses == 0 && len(e.Words) == 0 }
