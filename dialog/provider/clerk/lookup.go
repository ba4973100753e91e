package clerk

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

// lookup is a tool that finds a record, such as an order, by its number.
type lookup struct {
	name      string
	parameter string         // of the tool, for the number
	isNumeric bool           // the parameter is a JSON number
	hasFact   bool           // the caller must also know a fact of the record
	hasSay    bool           // the result has the sentence to say, if the tool could make it
	subject   string         // what has the number: "order" of order_status
	pattern   *regexp.Regexp // names of the subject
}

// genericNames are parts of a tool's name that do not say what it finds.
var genericNames = words.NewSet("status state lookup look up find get check info information details search by number id of the track tracking my")

// newLookup returns the look-up for a tool that only reads and has one parameter: the key of a
// table, or a text or number of a tool that says how to tell its result. It returns false for
// other tools.
func newLookup(spec tools.Spec) (lookup, bool) {
	var schema struct {
		Required   []string                      `json:"required"`
		Properties map[string]struct{ Type any } `json:"properties"`
	}
	if spec.Rule.Effect.Changes() || json.Unmarshal(spec.Parameters, &schema) != nil {
		return lookup{}, false
	}
	_, hasFact := schema.Properties[factParameter]
	if hasFact {
		delete(schema.Properties, factParameter)
	}
	if len(schema.Required) != 1 || len(schema.Properties) != 1 {
		return lookup{}, false
	}
	l := lookup{name: spec.Name, parameter: schema.Required[0], hasFact: hasFact, hasSay: spec.Say != "", subject: spec.Name}
	switch kind := schema.Properties[l.parameter].Type; {
	case l.hasSay && (kind == "integer" || kind == "number"):
		l.isNumeric = true
	case !(l.hasSay && kind == "string") && l.parameter != "key":
		return lookup{}, false
	}
	for part := range strings.SplitSeq(spec.Name, "_") {
		if !genericNames[part] && part != "" {
			l.subject = part
			break
		}
	}
	names := subjectPatterns[l.subject]
	if names == "" {
		names = regexp.QuoteMeta(l.subject) + "s?"
	}
	pattern, err := regexp.Compile(`\b(?:` + names + `)\b`)
	l.pattern = pattern
	return l, err == nil
}

// lookupNamed returns the look-up with the given name, or the only one if name is "".
func (r *responder) lookupNamed(name string) *lookup {
	for i := range r.lookups {
		if r.lookups[i].name == name || name == "" && len(r.lookups) == 1 {
			return &r.lookups[i]
		}
	}
	return nil
}

// subjectPatterns match what callers say for a subject.
var subjectPatterns = map[string]string{
	"order":       `order|orders|package|packages|parcel|parcels|shipment|delivery|purchase|bestellung|lieferung|paket|pedido|paquete|commande|colis`,
	"appointment": `appointment|appointments|booking|termin|cita|rendez vous`,
	"booking":     `booking|bookings|reservation|reservations|appointment|buchung|reserva|réservation`,
	"reservation": `reservation|reservations|booking|bookings|reserva|réservation`,
	"invoice":     `invoice|invoices|bill|rechnung|factura|facture`,
	"repair":      `repair|repairs|reparatur|reparación|réparation`,
	"account":     `account|accounts|konto|cuenta|compte`,
}

var (
	// asksStatus matches questions about the status of something.
	asksStatus = regexp.MustCompile(`\b(?:where is|where are|where s|what is (?:the )?(?:status|state)|whats the status|status|track|look up|lookup|check (?:on|up|for|the|my|if|whether)|check|locate|what happened to|what about my|any (?:news|update|updates) (?:on|about|for|of)|update on|find my|still waiting (?:for|on)|waiting for|have not (?:received|gotten|got)|not (?:received|gotten|got)|never (?:received|got|arrived|came|showed)|did not (?:arrive|come|receive|get)|(?:has|have|is|will|does|did|was|are)(?: not)? (?:my|the|it|they|our|that)\b.*\b(?:ship|shipped|sent|left|leave|arrive|arrived|arriving|come|coming|here|delivered|ready|dispatched|out for delivery|on its way|on the way|late|delayed|get here|go out|gone out)|when (?:will|does|is|can|should|do|would)\b.*\b(?:arrive|come|coming|get here|be here|delivered|ready|ship|receive|expect|get it|get my|be delivered|show up|arriving)|(?:has|have|had|is|did|was|does) (?:still )?not (?:yet )?(?:been )?(?:ship|shipped|arrive|arrived|come|left|sent|delivered|here|showed|turned)|still not (?:shipped|arrived|here|come|delivered|left|sent|there)|(?:not|nothing) (?:here|arrived|come|shipped) yet|is late|running late|is delayed|overdue|supposed to (?:arrive|come|be here)|wo ist|wo bleibt|wann kommt|dónde está|donde esta|cuándo llega|où est|quand arrive)\b`)
	// otherTopic matches questions about the subject that its record does not answer.
	otherTopic = regexp.MustCompile(`\b(?:how (?:do|can|could|would|should|long|much|many|often|does)|how to|cancel|canceling|change|changing|edit|return|returning|refund|refunded|money|damaged|broken|broke|smashed|crushed|torn|wrong|missing|faulty|defective|incomplete|invoice|receipt|address|free|cost|costs|price|place an|placing|discount|gift|where can i|where do i|where should i|minimum|international|policy|express|same day|saturdays?|sundays?|holidays?|charged|insurance|delivered but|says delivered|said delivered|not home|not at home|neighbou?r|collect|pick up|pickup|confirmation|code|link|email|to (?:canada|mexico|europe|germany|france|spain|england|australia|japan|alaska|hawaii|the (?:uk|us|united kingdom|united states)))\b`)
	// orderedThing matches what callers say of things that they ordered.
	orderedThing = regexp.MustCompile(`\b(?:i|we) (?:have )?(?:ordered|bought|purchased)\b|\bmy (?:lamp|item|items|stuff|things|goods)\b`)
)

// lookupFor returns the look-up that the caller asks for, or nil.
func (r *responder) lookupFor(u utterance) *lookup {
	n := number(u.plain)
	for i := range r.lookups {
		l := &r.lookups[i]
		isNamed := l.pattern.MatchString(u.plain)
		isOther := otherTopic.MatchString(u.plain)
		isOrdered := l.subject == "order" && orderedThing.MatchString(u.plain)
		switch {
		case isNamed && len(n) >= 3 && (!isOther || asksStatus.MatchString(u.plain)):
			return l
		case (isNamed || isOrdered) && !isOther && asksStatus.MatchString(u.plain):
			return l
		}
	}
	// A number without other words is the number of a record, unless it is short.
	if len(r.lookups) == 1 && len(n) >= 4 && len(n) <= 8 && len(terms(r.lexicon, withoutNumbers(u.plain))) == 0 {
		return &r.lookups[0]
	}
	return nil
}

// withoutNumbers removes number words.
func withoutNumbers(plain string) string {
	var out []string
	for w := range strings.FieldsSeq(withoutAmounts(plain)) {
		if words.SpokenDigits(w) == "" && w != "double" && w != "triple" && w != "number" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

const minNumber = 4 // digits of a complete number

// lookUpNumber looks up the record with the number that the caller said, or asks for the
// number.
func (r *responder) lookUpNumber(st *state, u utterance, l *lookup, isTyped bool) []part {
	n := number(u.plain)
	if st.question == whichNumber && st.number != "" && n != "" && len(n) < minNumber {
		n = st.number + n // the caller says the number in pieces
	}
	if n == "" && st.lookup == l.name && st.question != whichNumber && len(st.number) >= minNumber {
		n = st.number // from an earlier turn
	}
	st.lookup, st.topic, st.query = l.name, u.text, l.subject
	if n == "" {
		st.number = ""
		return []part{r.askNumber(l, r.phrases.canLook)}
	}
	st.number = n
	if len(n) < minNumber {
		return []part{r.askNumber(l, fmt.Sprintf(r.phrases.partial, sayID(n, isTyped)))}
	}
	var value any = n
	if l.isNumeric {
		value = json.Number(strings.TrimLeft(n[:len(n)-1], "0") + n[len(n)-1:])
	}
	arguments := map[string]any{l.parameter: value}
	if l.hasFact && st.fact.number == n && st.fact.text != "" {
		arguments[factParameter] = st.fact.text
	}
	return []part{{call: call(l.name, arguments), respond: func(st *state, result tools.Result) statement {
		if l.hasFact && !result.Failed {
			if s, isAsked := r.askFact(st, l, n, result, isTyped); isAsked {
				return s
			}
		}
		return r.tellRecord(l, n, result, u, isTyped)
	}}}
}

// tellRecord says what a look-up has found under the number n.
func (r *responder) tellRecord(l *lookup, n string, result tools.Result, u utterance, isTyped bool) statement {
	var out struct {
		Found  bool
		Record map[string]string
		Say    string
		Error  struct{ Code fault.Code }
	}
	decodeOutput(result, &out)
	isUnknown := !out.Found
	if l.hasSay { // a number that does not fit the tool's parameters names nothing, too
		isUnknown = out.Error.Code == fault.NotFound || out.Error.Code == fault.Invalid
	}
	switch {
	case l.hasFact && out.Error.Code == fault.Limited: // the caller guesses
		return statement{text: r.phrases.tooManyFacts, question: r.personQuestionOr(r.ticketQuestion())}
	case result.Failed && !(l.hasSay && isUnknown), l.hasSay && out.Say == "" && !isUnknown:
		return statement{text: r.phrases.failed, question: r.ticketQuestion()}
	case isUnknown:
		return statement{text: fmt.Sprintf(r.phrases.notFound, l.subject, sayID(n, isTyped)), question: whichNumber, subject: l.subject}
	case l.hasSay:
		return statement{text: out.Say}
	}
	return statement{text: r.describeRecord(l, n, out.Record, u, isTyped)}
}

// factParameter is the parameter of look-ups for the fact that proves that a record is the
// caller's.
const factParameter = "fact"

// provedFact is what the caller said to prove that a record is theirs.
type provedFact struct{ number, name, text string }

// askFact asks for the fact that a look-up wants, unless it has found the record.
func (r *responder) askFact(st *state, l *lookup, n string, result tools.Result, isTyped bool) (s statement, isAsked bool) {
	var out struct {
		Found     bool
		NeedsFact bool `json:"needs_fact"`
		Fact      string
	}
	decodeOutput(result, &out)
	if out.Found {
		return statement{}, false
	}
	if !out.NeedsFact { // it was wrong, or there is no such record
		name := st.fact.name
		st.fact = provedFact{number: n, name: name}
		return statement{text: fmt.Sprintf(r.phrases.factWrong, l.subject, sayID(n, isTyped)), question: whichFact, subject: name}, true
	}
	st.fact = provedFact{number: n, name: out.Fact}
	return statement{question: whichFact, subject: out.Fact}, true
}

// answerWhichFact handles an answer to the question for a fact.
func (r *responder) answerWhichFact(st *state, u utterance, in intent, isTyped bool) []part {
	l := r.lookupNamed(st.lookup)
	switch {
	case l == nil || in == recordStatus || u.isQuestion:
		return nil
	case in == no && len(u.words) <= 3 || hasNoNumber.MatchString(u.plain):
		st.fact = provedFact{}
		return r.tell(r.phrases.fine, r.personQuestionOr(anythingElse))
	}
	if in == yes || in == backchannel || in == announcement {
		return []part{{respond: func(st *state, _ tools.Result) statement {
			return statement{leadIn: r.phrases.goAhead, question: whichFact, subject: st.fact.name}
		}}}
	}
	st.fact.text = words.Clip(u.text, maxFact)
	return r.lookUpNumber(st, newUtterance(st.topic), l, isTyped)
}

const maxFact = 200 // bytes of a fact

// askNumber asks for the number after saying leadIn.
func (r *responder) askNumber(l *lookup, leadIn string) part {
	return part{respond: func(*state, tools.Result) statement {
		return statement{leadIn: leadIn, question: whichNumber, subject: l.subject}
	}}
}

// sayID returns an identifier for a typed or spoken reply.
func sayID(id string, isTyped bool) string {
	if isTyped {
		return id
	}
	return spellID(id)
}

var (
	// pastStatus matches a status that is an event in the past.
	pastStatus   = regexp.MustCompile(`(?i)^(?:delivered|cancell?ed|returned|refunded|shipped|sent|lost)\b`)
	statusColumn = regexp.MustCompile(`(?i)\b(?:status|state|stand|estado|état|statut)\b`)
	thingColumn  = regexp.MustCompile(`(?i)\b(?:items?|products?|articles?|subject|what|artikel|produkt|artículo|produit)\b`)
	timeColumn   = regexp.MustCompile(`(?i)\b(?:expected|estimated|arriv\w*|due|eta|date|time|when|delivery|lieferung|entrega|livraison)\b`)
)

// columnQuestions match questions about a record, and the columns that answer them.
var columnQuestions = []struct{ question, column *regexp.Regexp }{
	{regexp.MustCompile(`\b(?:how much (?:is|was|were|did|does|do|will|would|are)|what (?:did|does|do) (?:it|that|they|i|we) (?:cost|pay)|the (?:price|total|cost|amount)|was (?:kostet|kostete|hat)|wie viel)\b`),
		regexp.MustCompile(`(?i)\b(?:total|price|amount|cost|sum|betrag|preis|summe|importe|precio|montant|prix)\b`)},
	{regexp.MustCompile(`\b(?:what (?:is|was) (?:in|inside) (?:it|that|there)|what (?:did|have) (?:i|we) (?:order|ordered|buy|bought)|what is it)\b`), thingColumn},
	{regexp.MustCompile(`\b(?:who (?:is|will|does|brings|delivers|carries|delivering)|which (?:carrier|company|service)|carrier|courier)\b`),
		regexp.MustCompile(`(?i)\b(?:carrier|courier|shipper|technician|versand)\b`)},
	{regexp.MustCompile(`\b(?:when (?:was|were|did) (?:it|that|they|you)\b.*\b(?:ship|shipped|sent|send|leave|left))\b`), regexp.MustCompile(`(?i)\b(?:shipped|sent|versandt)\b`)},
}

// asksColumn reports whether the caller asks for a column of a record.
func asksColumn(u utterance, column string) bool {
	for _, q := range columnQuestions {
		if q.question.MatchString(u.plain) && q.column.MatchString(column) {
			return true
		}
	}
	return false
}

// asksOfRecord reports whether the caller asks for something that records may have.
func asksOfRecord(u utterance) bool {
	for _, q := range columnQuestions {
		if q.question.MatchString(u.plain) {
			return true
		}
	}
	return false
}

// describeRecord says what a record is, its status, when it is expected, and what else the
// caller asked for.
func (r *responder) describeRecord(l *lookup, n string, record map[string]string, u utterance, isTyped bool) string {
	asked := terms(r.lexicon, u.plain)
	var status, thing string
	var more []string
	for _, column := range slices.Sorted(maps.Keys(record)) {
		value := record[column]
		switch {
		case words.SpokenDigits(value) == n && value != "" && strings.Trim(value, "0123456789-# ") == "":
		case status == "" && statusColumn.MatchString(column):
			status = value
		case thing == "" && thingColumn.MatchString(column):
			thing = value
		case timeColumn.MatchString(column) || asksColumn(u, column) || intersects(asked, terms(r.lexicon, plainText(column))):
			more = append(more, capitalize(column)+": "+value+".")
		}
	}
	text := capitalize(l.subject) + " " + sayID(n, isTyped)
	if thing != "" {
		text += ", " + thing + ","
	}
	switch {
	case status != "" && r.phrases == englishPhrases && pastStatus.MatchString(status):
		text += " was " + status + "."
	case status != "" && r.phrases == englishPhrases:
		text += " is " + status + "."
	case status != "":
		text = strings.TrimSuffix(text, ",") + ": " + status + "."
	default:
		text = strings.TrimSuffix(text, ",") + "."
	}
	return strings.Join(append([]string{text}, more...), " ")
}

func intersects(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return strings.ToUpper(string(r)) + s[n:]
}

// decodeOutput decodes a result's output. What does not fit stays zero.
func decodeOutput(result tools.Result, into any) {
	_ = json.Unmarshal(result.Output, into)
}
