package dialog

import "time"

// Understanding is what was understood of a turn, as data.
type Understanding struct {
	Intent     Intent   `json:"intent"`
	Entities   []Entity `json:"entities,omitempty"`
	Sentiment  float64  `json:"sentiment"`          // of the caller, from -1, very bad, to 1, very good
	Confidence float64  `json:"confidence"`         // of Intent, from 0 to 1
	Answered   bool     `json:"answered"`           // the caller got what they asked for, as far as the reply tells
	ByModel    bool     `json:"by_model,omitempty"` // a model read the turn; else the rules did
}

// Reading is what a model read of a finished turn, or why it read nothing.
type Reading struct {
	Turn          int            `json:"turn"`
	Understanding *Understanding `json:"understanding,omitempty"` // nil if the model failed: the rules' reading stays
	Topic         string         `json:"topic,omitempty"`         // what the turn is about, in words of the turn
	Issue         IssueState     `json:"issue,omitempty"`         // what became of the caller's issue; "" if the turn is about none
	Failure       string         `json:"failure,omitempty"`       // a code of package fault, ReadingDropped or ReadingCancelled
	Usage         Usage          `json:"usage,omitzero"`
	Took          time.Duration  `json:"took_ns,omitempty"`
	// AgreesWithRules says that the rules had read the same intent.
	AgreesWithRules bool `json:"agrees,omitempty"`
}

const (
	// ReadingDropped is the Failure of a turn that no model was asked about: too many turns
	// waited, or the call has spent its tokens for this.
	ReadingDropped = "dropped"
	// ReadingCancelled is the Failure of a turn that the model was reading when the call ended.
	ReadingCancelled = "cancelled"
)

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

// Intents are all intents.
var Intents = []Intent{
	IntentQuestion, IntentHours, IntentLookup, IntentDelivery, IntentRefund, IntentBilling, IntentTicketNew, IntentTicketStatus,
	IntentTicketChange, IntentTicketClose, IntentComplaint, IntentPerson, IntentYes, IntentNo, IntentGreeting, IntentThanks,
	IntentGoodbye, IntentOther,
}

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

// EntityKinds are all kinds of entities.
var EntityKinds = []EntityKind{EntityOrder, EntityTicket, EntityProduct, EntityDate, EntityAmount, EntityContact}

// ReadingPolicy is whether a model reads finished turns, beside the rules.
type ReadingPolicy struct {
	ByModel   bool
	MaxTokens int           // that a call may spend on it; default 20,000
	Timeout   time.Duration // for one turn; default 10 s
}

// Escalation is when the agent offers a person by itself, once for each condition. The zero
// Escalation is never.
type Escalation struct {
	SentimentBelow float64  // of a turn; 0: whatever it is
	Misses         int      // turns in a row that were not answered; 0: however many
	Words          []string // that the caller says, in any case and without accents
}

// IsZero reports whether the agent never offers a person by itself.
func (e Escalation) IsZero() bool { return e.SentimentBelow == 0 && e.Misses == 0 && len(e.Words) == 0 }
