package dialog

// Outcome is how a conversation came to its end.
type Outcome string

const (
	CallerGone  Outcome = "caller_gone" // the line closed
	Goodbye     Outcome = "goodbye"     // the caller said goodbye and was answered
	NoAnswer    Outcome = "no_answer"   // the caller fell silent
	Transferred Outcome = "transferred" // a person took over
	Drained     Outcome = "parted"      // it was asked to, and goes on elsewhere
)
