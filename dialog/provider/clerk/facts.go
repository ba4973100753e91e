package clerk

import "regexp"

// factKind is a kind of fact that a question asks for, such as a price.
type factKind struct {
	question *regexp.Regexp // asks for such a fact
	fact     *regexp.Regexp // is one
	factor   float64        // for the score of sentences with one
	heading  *regexp.Regexp // of sections with such facts, or nil
}

const amount = `(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|twenty|thirty|sixty)`

var factKinds = []factKind{
	{regexp.MustCompile(`\b(?:how much|price|cost|costs|fee|expensive|charge for)\b`),
		regexp.MustCompile(`(?i)\d[\d.,]*\s*(?:dollar|euro|pound|percent|cent|%|€|£)|[$€£]\s*\d`), 1.5, regexp.MustCompile(`(?i)\b(?:prices?|costs?|fees?)\b`)},
	{regexp.MustCompile(`\b(?:how long|how soon|how many (?:days|weeks|hours|months)|how fast|how quickly|how late|how often|deadline|when will|when do|when can|by when)\b`),
		regexp.MustCompile(`(?i)\b` + amount + `\b.{0,25}\b(?:minute|hour|day|week|month|year)s?\b|\b\d{1,2} ?(?:am|pm)\b|\b(?:at once|same day|next working day)\b`), 1.4, regexp.MustCompile(`(?i)\b(?:how long|when|times?|days?|hours?)\b`)},
	{regexp.MustCompile(`\b(?:what time|when (?:do|does|are|is)|opening hours|open|close|hours)\b`),
		regexp.MustCompile(`(?i)\b\d{1,2}(?:[:.]\d\d)? ?(?:am|pm|uhr|h)\b|\b\d{1,2}:\d\d\b`), 1.25, regexp.MustCompile(`(?i)\bhours\b`)},
	{regexp.MustCompile(`\b(?:how do|how can|how to|how would|how should|i want|i need|i would like|help me|where do i|where can i|please)\b`),
		regexp.MustCompile(`^(?:To |Open |Choose |Go to |Press |You can |If you want|Plug |Bring |Call |Type )|(?i:\b(?:choose|open|press|type)\b)`), 1.2, regexp.MustCompile(`(?i)\bhow (?:to|you)\b|ing\b`)},
	{regexp.MustCompile(`^(?:(?:and|so|but|okay|ok|hi|hello|also|then) )*(?:can|could|may|am|is|are|do|does|will) (?:i|we|it|you|there|my|they|the)\b`),
		regexp.MustCompile(`(?i)\b(?:can|cannot|may|must|only|not|is|are|we|no)\b`), 1.15, nil},
	{regexp.MustCompile(`\bwhere\b`),
		regexp.MustCompile(`(?i)\b(?:is at|are in|street|road|avenue|square|under|in the|in your)\b|\w: in\b`), 1.15, nil},
	{regexp.MustCompile(`\b(?:why|how come|what is this)\b`),
		regexp.MustCompile(`(?i)\b(?:because|usually|often|means that|comes from|probably|reason)\b`), 1.3, nil},
}

type kinds []factKind

// kindsOf returns the kinds of facts that a question asks for.
func kindsOf(asked string) kinds {
	var out kinds
	for _, k := range factKinds {
		if k.question.MatchString(asked) {
			out = append(out, k)
		}
	}
	return out
}

// factor returns the factor for the score of a sentence under a heading.
func (k kinds) factor(text, heading string) float64 {
	factor := 1.0
	for _, kind := range k {
		if kind.fact.MatchString(text) {
			factor *= kind.factor
		}
		if kind.heading != nil && kind.heading.MatchString(heading) {
			factor *= 1.2
		}
	}
	return factor
}

// shareFacts reports whether other has each kind of fact that best has.
func (k kinds) shareFacts(best, other string) bool {
	for _, kind := range k {
		if kind.fact.MatchString(best) && !kind.fact.MatchString(other) {
			return false
		}
	}
	return true
}
