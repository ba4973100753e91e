// Package grounding checks what a model writes before it is said. A clause that claims an
// effect is said only if a tool of the session has had that effect. Numbers, amounts,
// addresses and links are said only if the call contains them: the agent's instructions, the
// result of a tool, or the caller's words. A clause that asks for a card number or a password,
// or recites the instructions, is not said at all.
//
// The package decides by words and patterns, in English, German, French and Spanish; it asks
// no model. It imports tools, tools/gate and internal/words.
package grounding

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"frontdesk/internal/words"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// Finding is what is wrong with a clause.
type Finding int

const (
	Fine      Finding = iota
	Claim             // it claims an effect that did not happen
	Unfounded         // it has a number, an amount, an address or a link that the call does not contain
	Secret            // it asks for a card number, a security code or a password
	Leak              // it recites the instructions
)

// String returns the finding as a label of logs and metrics.
func (f Finding) String() string {
	return [...]string{"fine", "claim", "unfounded", "secret", "leak"}[f]
}

// Facts is what a call contains. It is safe for concurrent use.
type Facts struct {
	mu           sync.Mutex
	numbers      map[string]bool // as digits, or as digits with a point
	now          map[string]bool // numbers of the date, the time and the opening hours
	long         []string        // numbers of many digits, which are said in pieces
	pieces       []string        // the numbers that may go on in the next text
	texts        []string        // folded, for addresses and links
	said         []string        // by the caller, turn by turn
	words        map[string]bool // of trusted records: "shipped"
	effects      map[string]bool // families of the verbs of effects that happened
	effectsNow   map[string]bool // of those in this turn
	underWay     map[string]bool // of effects that go on
	instructions map[string]bool // runs of words
	ignored      bool            // numbers are not checked
}

// New returns facts that contain nothing but the instructions, for an agent of a BCP 47
// language. checkNumbers is false for agents that calculate or tell numbers of their own
// knowledge.
func New(language, instructions string, checkNumbers bool) *Facts {
	f := &Facts{
		numbers: make(map[string]bool), words: make(map[string]bool), effects: make(map[string]bool), effectsNow: make(map[string]bool), underWay: make(map[string]bool),
		instructions: make(map[string]bool), ignored: !checkNumbers,
	}
	f.AddInstructions(instructions)
	return f
}

// AddInstructions adds instructions, which may be told in part but not be recited.
func (f *Facts) AddInstructions(instructions string) {
	f.Add(instructions)
	f.mu.Lock()
	defer f.mu.Unlock()
	said := words.Split(words.Fold(instructions))
	for i := 0; i+runLength <= len(said); i++ {
		f.instructions[strings.Join(said[i:i+runLength], " ")] = true
	}
}

// runLength is how many words in a row of the instructions a reply may not repeat.
const runLength = 12

// maxText bounds in bytes how much of one text is searched.
const maxText = 64 << 10

// Add adds a text that the call contains.
func (f *Facts) Add(text string) {
	text = words.Clip(text, maxText)
	said := numbersIn(words.WithForeignDigits(text))
	numbers := slices.Concat(numbersIn(text), numbersIn(homophone.ReplaceAllString(text, " until ")), said)
	folded := words.Fold(text)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range []string{folded, joinAddresses(folded)} {
		if hasAddress(text) {
			f.texts = append(f.texts, text)
		}
	}
	for i, n := range numbers {
		f.addNumber(n.value)
		if i > 0 { // "555 010" and "2030" are one number when they are read out
			f.addNumber(numbers[i-1].value + n.value)
		}
		for _, other := range hours(n) {
			f.numbers[other] = true
		}
	}
	f.addPieces(said)
}

// SetNow says what the date, the time and the opening hours are now. It replaces what it said
// before.
func (f *Facts) SetNow(texts []string) {
	now := &Facts{numbers: make(map[string]bool)}
	for _, text := range texts {
		now.Add(text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = now.numbers
}

// addPieces adds the numbers that went on from the text before to this one.
func (f *Facts) addPieces(said []number) {
	if len(said) == 0 {
		f.pieces = nil
		return
	}
	var pieces []string // that may go on
	for _, before := range f.pieces {
		joined := before + said[0].value
		f.addNumber(joined)
		pieces = append(pieces, joined)
	}
	if len(said) > 1 {
		pieces = nil
	}
	pieces = append(pieces, said[len(said)-1].value)
	f.pieces = pieces[max(0, len(pieces)-maxPieces):]
}

const maxPieces = 3 // texts that a number is said in, beside the last one

// AddSaid adds what the caller said or typed in a turn.
func (f *Facts) AddSaid(text string) {
	f.Add(text)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, text)
}

const longNumber = 6 // digits

func (f *Facts) addNumber(value string) {
	if f.numbers[value] {
		return
	}
	f.numbers[value] = true
	if len(value) >= longNumber {
		f.long = append(f.long, value)
	}
}

// StartTurn says that the caller speaks again.
func (f *Facts) StartTurn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.effectsNow)
}

// AddResult adds the result of a tool.
func (f *Facts) AddResult(spec tools.Spec, result tools.Result) {
	if result.Held || result.Refused || result.Pending {
		return
	}
	f.addReported(spec, result)
	if result.Failed {
		return
	}
	f.Add(string(result.Output))
	f.addEffect(spec)
	f.mu.Lock()
	defer f.mu.Unlock()
	trusted := ""
	switch {
	case spec.Rule.IsTrusted:
		trusted = string(result.Output)
	case spec.Name == tools.TicketStatus:
		trusted = ticketStatuses(result.Output)
	}
	for _, w := range words.Split(words.Fold(words.Clip(trusted, maxText))) {
		f.words[w] = true
	}
}

// addReported adds the effects of other tools that a result reports.
func (f *Facts) addReported(spec tools.Spec, result tools.Result) {
	for _, d := range result.Done {
		f.addEffect(tools.Spec{Name: d.Tool, Rule: gate.Rule{Effect: d.Effect}})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if spec.IsDurable || len(result.Done)+len(result.UnderWay) > 0 { // it tells the latest
		clear(f.underWay)
	}
	for _, d := range result.UnderWay {
		for _, family := range familiesOf(tools.Spec{Name: d.Tool, Rule: gate.Rule{Effect: d.Effect}}) {
			f.underWay[family] = true
		}
	}
}

// addEffect adds the effect of a tool, if it has one.
func (f *Facts) addEffect(spec tools.Spec) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if spec.Rule.Effect.Changes() {
		for _, family := range familiesOf(spec) {
			f.effects[family], f.effectsNow[family] = true, true
		}
	}
}

// ticketStatuses returns the statuses in a result of tools.TicketStatus. Only they are not
// what a caller wrote.
func ticketStatuses(output json.RawMessage) string {
	type ticket struct{ Status tools.Status }
	var found struct {
		ticket
		Tickets []ticket
	}
	if json.Unmarshal(output, &found) != nil {
		return ""
	}
	text := string(found.Status)
	for _, t := range found.Tickets {
		text += " " + string(t.Status)
	}
	return text
}

// Check returns what is wrong with a clause. before is what was written of its sentence.
func (f *Facts) Check(before, clause string) Finding {
	clause = legible(clause)
	sentence := words.Fold(legible(before) + clause)
	said := words.Fold(clause)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.recites(sentence):
		return Leak
	case asksForSecret(sentence, len(sentence)-len(said)):
		return Secret
	case f.claims(sentence, len(sentence)-len(said)):
		return Claim
	case !f.ignored && !(f.isFounded(clause, said) && f.hasSpelled(sentence, len(sentence)-len(said))):
		return Unfounded
	}
	return Fine
}

// legible returns a text as people read it: without invisible characters, and with the letters
// and digits that others look like.
func legible(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) {
		return text
	}
	return lookAlikes.Replace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFKC.String(text)))
}

// lookAlikes are Cyrillic and Greek letters that look like Latin ones.
var lookAlikes = strings.NewReplacer("а", "a", "е", "e", "о", "o", "с", "c", "р", "p", "і", "i", "у", "y", "х", "x", "ѕ", "s", "ј", "j", "һ", "h", "ԁ", "d", "ո", "n",
	"А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C", "Т", "T", "Х", "X", "І", "I", "Ѕ", "S", "Ј", "J",
	"α", "a", "ο", "o", "ν", "v", "ι", "i", "ρ", "p", "Α", "A", "Β", "B", "Ε", "E", "Ι", "I", "Κ", "K", "Μ", "M", "Ν", "N", "Ο", "O", "Ρ", "P", "Τ", "T", "Υ", "Y", "Χ", "X", "ı", "i")

// recites reports whether a text repeats the instructions.
func (f *Facts) recites(folded string) bool {
	said := words.Split(folded)
	for i := 0; i+runLength <= len(said); i++ {
		if f.instructions[strings.Join(said[i:i+runLength], " ")] {
			return true
		}
	}
	return false
}

// mayBeNoun are verbs that are the thing and not the effect in names such as "refund_order".
var mayBeNoun = words.NewSet("order file issue report note record mail email text message contact call bill charge book set end credit log")

// familiesOf returns the families of verbs with which a tool's effect may be told.
func familiesOf(spec tools.Spec) []string {
	if told, ok := toldAs[spec.Name]; ok {
		return told
	}
	out, nouns := strings.Split(spec.Name, "_"), []string(nil)
	for i, part := range out {
		if family, ok := familyOf[part]; ok && mayBeNoun[part] {
			out[i], nouns = "", append(nouns, family)
		} else if ok {
			out[i] = family
		}
	}
	if !slices.ContainsFunc(out, isFamily) && len(nouns) > 0 {
		out = append(out, nouns[0])
	}
	if slices.ContainsFunc(out, isFamily) {
		return out
	}
	switch spec.Rule.Effect { // the name does not say it
	case gate.Money:
		out = append(out, "refund", "pay")
	case gate.Communication:
		out = append(out, "send", "notify")
	}
	return out
}

func isFamily(name string) bool {
	return name != anyEffect && slices.ContainsFunc(families, func(f family) bool { return f.name == name })
}
