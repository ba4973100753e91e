package clerk

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

// lookup is a tool that finds a record by a number, such as an order.
type lookup struct {
	name    string
	subject string // what has the number: "order" of order_status
	named   *regexp.Regexp
}

// emptyNames are parts of a look-up's name that do not say what it finds.
var emptyNames = words.NewSet("status state lookup look up find get check info information details search by number id of the track tracking my")

// newLookup reports whether a tool is a look-up: it reads, and needs nothing but a key.
func newLookup(spec tools.Spec) (lookup, bool) {
	var schema struct {
		Required   []string                   `json:"required"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if spec.Effect != tools.Reads || json.Unmarshal(spec.Parameters, &schema) != nil {
		return lookup{}, false
	}
	if len(schema.Required) != 1 || schema.Required[0] != "key" || len(schema.Properties) != 1 {
		return lookup{}, false
	}
	l := lookup{name: spec.Name, subject: spec.Name}
	for part := range strings.SplitSeq(spec.Name, "_") {
		if !emptyNames[part] && part != "" {
			l.subject = part
			break
		}
	}
	names := alsoCalled[l.subject]
	if names == "" {
		names = regexp.QuoteMeta(l.subject) + "s?"
	}
	named, err := regexp.Compile(`\b(?:` + names + `)\b`)
	l.named = named
	return l, err == nil
}

func (d *desk) lookupNamed(name string) *lookup {
	for i := range d.lookups {
		if d.lookups[i].name == name || name == "" && len(d.lookups) == 1 {
			return &d.lookups[i]
		}
	}
	return nil
}

// alsoCalled is what callers say for a subject.
var alsoCalled = map[string]string{
	"order":       `order|orders|package|packages|parcel|parcels|shipment|delivery|purchase|bestellung|lieferung|paket|pedido|paquete|commande|colis`,
	"appointment": `appointment|appointments|booking|termin|cita|rendez vous`,
	"booking":     `booking|bookings|reservation|reservations|appointment|buchung|reserva|réservation`,
	"reservation": `reservation|reservations|booking|bookings|reserva|réservation`,
	"invoice":     `invoice|invoices|bill|rechnung|factura|facture`,
	"repair":      `repair|repairs|reparatur|reparación|réparation`,
	"account":     `account|accounts|konto|cuenta|compte`,
}

var (
	// wantsState is how callers ask where something stands.
	wantsState = regexp.MustCompile(`\b(?:where is|where are|where s|what is (?:the )?(?:status|state)|whats the status|status|track|look up|lookup|check (?:on|up|for|the|my|if|whether)|check|locate|what happened to|what about my|any (?:news|update|updates) (?:on|about|for|of)|update on|find my|still waiting (?:for|on)|waiting for|have not (?:received|gotten|got)|not (?:received|gotten|got)|never (?:received|got|arrived|came|showed)|did not (?:arrive|come|receive|get)|(?:has|have|is|will|does|did|was|are)(?: not)? (?:my|the|it|they|our|that)\b.*\b(?:ship|shipped|sent|left|leave|arrive|arrived|arriving|come|coming|here|delivered|ready|dispatched|out for delivery|on its way|on the way|late|delayed|get here|go out|gone out)|when (?:will|does|is|can|should|do|would)\b.*\b(?:arrive|come|coming|get here|be here|delivered|ready|ship|receive|expect|get it|get my|be delivered|show up|arriving)|(?:has|have|had|is|did|was|does) (?:still )?not (?:yet )?(?:been )?(?:ship|shipped|arrive|arrived|come|left|sent|delivered|here|showed|turned)|still not (?:shipped|arrived|here|come|delivered|left|sent|there)|(?:not|nothing) (?:here|arrived|come|shipped) yet|is late|running late|is delayed|overdue|supposed to (?:arrive|come|be here)|wo ist|wo bleibt|wann kommt|dónde está|donde esta|cuándo llega|où est|quand arrive)\b`)
	// otherMatter is talk about the subject that a record does not answer.
	otherMatter = regexp.MustCompile(`\b(?:how (?:do|can|could|would|should|long|much|many|often|does)|how to|cancel|canceling|change|changing|edit|return|returning|refund|refunded|money|damaged|broken|broke|smashed|crushed|torn|wrong|missing|faulty|defective|incomplete|invoice|receipt|address|free|cost|costs|price|place an|placing|discount|gift|where can i|where do i|where should i|minimum|international|policy|express|same day|saturdays?|sundays?|holidays?|charged|insurance|delivered but|says delivered|said delivered|not home|not at home|neighbou?r|collect|pick up|pickup|confirmation|code|link|email|to (?:canada|mexico|europe|germany|france|spain|england|australia|japan|alaska|hawaii|the (?:uk|us|united kingdom|united states)))\b`)
	// bought is how callers say that something is on its way to them.
	bought = regexp.MustCompile(`\b(?:i|we) (?:have )?(?:ordered|bought|purchased)\b|\bmy (?:lamp|item|items|stuff|things|goods)\b`)
)

// lookupFor finds the look-up for what was said, nil when it asks for none.
func (d *desk) lookupFor(u utterance) *lookup {
	n := number(u.plain)
	for i := range d.lookups {
		l := &d.lookups[i]
		named := l.named.MatchString(u.plain)
		other := otherMatter.MatchString(u.plain)
		ordered := l.subject == "order" && bought.MatchString(u.plain)
		switch {
		case named && len(n) >= 3 && (!other || wantsState.MatchString(u.plain)):
			return l
		case (named || ordered) && !other && wantsState.MatchString(u.plain):
			return l
		}
	}
	// A number by itself is the number of something; a short one may be anything.
	if len(d.lookups) == 1 && len(n) >= 4 && len(n) <= 8 && len(terms(withoutNumbers(u.plain))) == 0 {
		return &d.lookups[0]
	}
	return nil
}

// withoutNumbers drops the words of numbers.
func withoutNumbers(plain string) string {
	var out []string
	for w := range strings.FieldsSeq(withoutAmounts(plain)) {
		if words.SpokenDigits(w) == "" && w != "double" && w != "triple" && w != "number" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

const wholeNumber = 4 // digits; a shorter one is the beginning of one

// look finds the record of the number that was said, or asks for one.
func (d *desk) look(m *memory, u utterance, l *lookup, typed bool) []part {
	n := number(u.plain)
	if m.asked == whichNumber && m.digits != "" && n != "" && len(n) < wholeNumber {
		n = m.digits + n // the number comes in pieces
	}
	if n == "" && m.lookup == l.name && m.asked != whichNumber && len(m.digits) >= wholeNumber {
		n = m.digits // it was given before
	}
	m.lookup, m.topic, m.query = l.name, u.text, l.subject
	if n == "" {
		m.digits = ""
		return []part{d.askNumber(l, d.say.canLook)}
	}
	m.digits = n
	if len(n) < wholeNumber {
		return []part{d.askNumber(l, fmt.Sprintf(d.say.partial, sayID(n, typed)))}
	}
	return []part{{call: call(l.name, map[string]string{"key": n}), say: func(m *memory, r tools.Result) saying {
		var out struct {
			Found  bool
			Record map[string]string
		}
		decode(r, &out)
		switch {
		case r.Failed:
			return saying{text: d.say.failed, ask: d.offerTicket()}
		case !out.Found:
			return saying{text: fmt.Sprintf(d.say.notFound, l.subject, sayID(n, typed)), ask: whichNumber, about: l.subject}
		}
		return saying{text: d.record(l, n, out.Record, u, typed)}
	}}}
}

func (d *desk) askNumber(l *lookup, before string) part {
	return part{say: func(*memory, tools.Result) saying {
		return saying{lead: before, ask: whichNumber, about: l.subject}
	}}
}

// sayID is an identifier for reading or for hearing.
func sayID(id string, typed bool) string {
	if typed {
		return id
	}
	return spoken(id)
}

var (
	// over is a state that is an event of the past.
	over        = regexp.MustCompile(`(?i)^(?:delivered|cancell?ed|returned|refunded|shipped|sent|lost)\b`)
	stateColumn = regexp.MustCompile(`(?i)\b(?:status|state|stand|estado|état|statut)\b`)
	thingColumn = regexp.MustCompile(`(?i)\b(?:items?|products?|articles?|subject|what|artikel|produkt|artículo|produit)\b`)
	timeColumn  = regexp.MustCompile(`(?i)\b(?:expected|estimated|arriv\w*|due|eta|date|time|when|delivery|lieferung|entrega|livraison)\b`)
)

// record says what a record tells: what it is, where it stands, when it is expected,
// and what else was asked for.
func (d *desk) record(l *lookup, n string, record map[string]string, u utterance, typed bool) string {
	asked := terms(u.plain)
	var state, thing string
	var more []string
	for _, column := range slices.Sorted(maps.Keys(record)) {
		value := record[column]
		switch {
		case words.SpokenDigits(value) == n && value != "" && strings.Trim(value, "0123456789-# ") == "":
		case state == "" && stateColumn.MatchString(column):
			state = value
		case thing == "" && thingColumn.MatchString(column):
			thing = value
		case timeColumn.MatchString(column) || overlap(asked, terms(plainText(column))):
			more = append(more, capital(column)+": "+value+".")
		}
	}
	text := capital(l.subject) + " " + sayID(n, typed)
	if thing != "" {
		text += ", " + thing + ","
	}
	switch {
	case state != "" && d.say == inEnglish && over.MatchString(state):
		text += " was " + state + "."
	case state != "" && d.say == inEnglish:
		text += " is " + state + "."
	case state != "":
		text = strings.TrimSuffix(text, ",") + ": " + state + "."
	default:
		text = strings.TrimSuffix(text, ",") + "."
	}
	return strings.Join(append([]string{text}, more...), " ")
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// decode reads a result's output; what does not fit stays zero.
func decode(r tools.Result, into any) {
	_ = json.Unmarshal(r.Output, into)
}
