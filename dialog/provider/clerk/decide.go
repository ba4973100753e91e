package clerk

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

// memory is what the conversation so far taught.
type memory struct {
	asked    question // what the agent's last words asked
	query    string   // what was last looked for in the knowledge base
	topic    string   // what the caller last told or asked: what a ticket would be about
	lookup   string   // the look-up under way
	digits   string   // the number given for it so far
	ticket   string   // the ticket last spoken about, as "T-1042"
	closing  bool     // it is to be closed
	filing   bool     // a ticket is being made,
	problem  string   // of this,
	reach    contact  // for this caller,
	sure     bool     // who said that reach is right or gave none
	callback bool     // ticket is a hand-over that lacks a contact
	lost     int      // times in a row that the caller could not be helped
}

const maxParts = 3 // things a caller may ask at once

// decide says what to do about what the caller said. past are the exchanges before.
func (d *desk) decide(m *memory, e *exchange, past []exchange) []part {
	u := hear(e.said)
	in := d.intent(u)
	if parts := d.answered(m, u, in, e.typed); parts != nil {
		return parts
	}
	var parts []part
	for _, piece := range split(u) {
		if len(parts) == maxParts {
			break
		}
		pieceIn := in
		if piece.text != u.text {
			pieceIn = d.intent(piece)
		}
		parts = append(parts, d.handle(m, piece, d.inContext(m, piece, pieceIn), e.typed, past)...)
	}
	if m.filing && (in == inquiry || in == lookUp) { // back to the ticket
		parts = append(parts, d.tell("", m.lacks())...)
	}
	return parts
}

// lacks is what to ask for the ticket that is being made.
func (m *memory) lacks() question {
	if m.problem == "" {
		return whatProblem
	}
	return whatContact
}

// closeIt is how callers close what was just spoken about.
var closeIt = regexp.MustCompile(`\b(?:close|cancel) (?:it|that|this)(?: one)?\b`)

// inContext corrects an intent where "it" may be what was just spoken about.
func (d *desk) inContext(m *memory, u utterance, in intent) intent {
	switch {
	case in == inquiry && m.ticket != "" && closeIt.MatchString(u.plain):
		return closeTicket
	case in == inquiry && m.lookup != "" && pronoun.MatchString(u.plain) && wantsState.MatchString(u.plain) && !otherMatter.MatchString(u.plain):
		return lookUp
	}
	return in
}

// intent tells what the caller wants.
func (d *desk) intent(u utterance) intent {
	if len(u.words) == 0 {
		if strings.TrimSpace(u.text) != "" && fillerOnly(u.text) {
			return holdOn
		}
		return wordless
	}
	for _, r := range d.rules {
		if r.wording.MatchString(u.plain) && (r.unless == nil || !r.unless.MatchString(u.plain)) {
			return r.intent
		}
	}
	if d.lookupFor(u) != nil {
		return lookUp
	}
	if !u.asks && findContact(u, false).kind != noContact {
		return giveContact
	}
	if len(u.words) <= 3 && !slices.ContainsFunc(u.words, tellsSomething) {
		return wordless // "the", "u s": sounds that were taken for words
	}
	return inquiry
}

// tellsSomething reports whether a word alone can be about something.
func tellsSomething(word string) bool { return len(word) > 1 && !words.AnswerStopWords[word] }

// fillerOnly reports whether a caller only said "um".
func fillerOnly(text string) bool {
	said := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' })
	return len(said) > 0 && words.RequestFillers.HasAll(said)
}

// handle answers one new request.
func (d *desk) handle(m *memory, u utterance, in intent, typed bool, past []exchange) []part {
	if in != objection && in != complaint && in != wordless && in != inquiry && in != repeat {
		m.lost = 0
	}
	switch in {
	case inquiry:
		return d.search(m, u)
	case lookUp:
		l := d.lookupFor(u)
		if l == nil {
			l = d.lookupNamed(m.lookup)
		}
		return d.look(m, u, l, typed)
	case newTicket:
		return d.file(m, u, typed)
	case ticketStatus, closeTicket, noteTicket:
		return d.ticket(m, u, in, typed)
	case giveContact:
		return d.reachable(m, findContact(u, false), typed)
	case wantPerson:
		return d.person(m, u)
	case repeat:
		return d.again(past)
	default:
		return d.chat(m, in)
	}
}

// chat answers what needs no tool.
func (d *desk) chat(m *memory, in intent) []part {
	switch in {
	case wordless:
		return d.tell(d.say.inaudible, nothing)
	case greeting:
		return d.tell(d.say.here, nothing)
	case thanks:
		return d.tell(d.say.welcome, anythingElse)
	case goodbye:
		return d.hangUp()
	case holdOn:
		return d.tell(d.say.takeTime, nothing)
	case stopTalking, backchannel, yes:
		return d.tell(d.say.stopped, nothing)
	case no, neverMind:
		m.filing, m.closing = false, false
		return d.tell(d.say.fine, anythingElse)
	case objection:
		if m.lost++; m.lost > 1 {
			return d.offerPerson(d.say.complaint)
		}
		return d.tell(d.say.objection, nothing)
	case complaint:
		return d.offerPerson(d.say.complaint)
	case announcement:
		return d.tell(d.say.goAhead, nothing)
	case isRobot:
		return d.offerPerson(d.say.robot)
	default: // abilities
		text := d.say.able
		if len(d.try) > 0 {
			text += " " + fmt.Sprintf(d.say.forExample, strings.Join(d.try, " "))
		}
		return d.tell(text, nothing)
	}
}

func (d *desk) offerPerson(text string) []part {
	if !d.has[handOver] {
		return d.tell(text, d.offerTicket())
	}
	return d.tell(text, shallPerson)
}

// offerTicket is the question to offer a ticket, where there are tickets.
func (d *desk) offerTicket() question {
	switch {
	case d.has[createTicket]:
		return shallTicket
	case d.has[handOver]:
		return shallPerson
	default:
		return anythingElse
	}
}

// hangUp ends the call; the loop says the agent's farewell.
func (d *desk) hangUp() []part {
	if !d.has[endCall] {
		return d.tell(d.say.welcome, nothing)
	}
	return []part{{call: call(endCall, struct{}{}), say: func(*memory, tools.Result) saying {
		return saying{text: d.say.welcome}
	}}}
}

// again says the last reply once more, all of it, even if it was interrupted.
func (d *desk) again(past []exchange) []part {
	for i := len(past) - 1; i >= 0; i-- {
		e := &past[i]
		if e.heard == "" {
			continue
		}
		if e.cut && i > 0 {
			m := d.remember(past[:i])
			parts := d.decide(&m, e, past[:i])
			if results, made := e.answers(parts); made {
				text, ask := d.compose(&m, parts, results)
				return d.restate(text, ask)
			}
		}
		return d.restate(e.heard, d.say.asked(e.heard))
	}
	return d.tell(d.say.here, nothing)
}

// restate says text that may end with a question of the clerk.
func (d *desk) restate(text string, ask question) []part {
	return []part{{say: func(m *memory, _ tools.Result) saying {
		m.asked = ask
		return saying{text: text}
	}}}
}

// person hands the call over to one.
func (d *desk) person(m *memory, u utterance) []part {
	if !d.has[handOver] {
		return d.tell(d.say.noTool, d.offerTicket())
	}
	arguments := map[string]string{"reason": words.Clip(u.text, 150)}
	if m.topic != "" {
		arguments["summary"] = words.Clip(m.topic, 1000)
	}
	if m.sure && m.reach.kind != noContact {
		arguments["contact"] = m.reach.value
	}
	return []part{{call: call(handOver, arguments), say: func(m *memory, r tools.Result) saying {
		if r.Failed {
			return saying{text: d.say.failed, ask: d.offerTicket()}
		}
		var out struct {
			Message, Ticket, Contact string
			Connecting               bool
		}
		decode(r, &out)
		if out.Message == "" {
			out.Message = d.say.handover
		}
		m.filing, m.lost = false, 0
		if out.Connecting {
			return saying{text: out.Message}
		}
		if out.Ticket == "" || out.Contact != "" || m.sure || !d.has[updateTicket] {
			return saying{text: out.Message, ask: anythingElse}
		}
		m.ticket, m.callback = out.Ticket, true
		return saying{text: out.Message, ask: whatContact}
	}}}
}

// enumerated is how callers count what they ask.
var enumerated = regexp.MustCompile(`(?i)\b(?:first(?:ly| of all)?|second(?:ly)?|third(?:ly)?|finally)\b[,:]?`)

// another is where a second question begins in speech without punctuation.
var another = regexp.MustCompile(`(?i)\b(?:and also|also|and then|and)\b (?:(?:please|also) )?(?:can|could|do|does|is|are|what|when|where|how|why|who|which|will)\b (?:time|much|long|many|do|does|is|are|can|i|you|it|the|my|they|there|we|your|a|should|would|will)\b`)

// announced is a word about the questions to come.
var announced = regexp.MustCompile(`(?i)^(?:(?:okay|ok|so|hi|hello|well|yes)[, ]+)*i (?:have|had|have got|'ve got) (?:two|three|a few|some|a couple of|2|3|several) (?:quick )?questions[,.:]? *`)

// split cuts what was said into its questions; most often there is one.
func split(u utterance) []utterance {
	var pieces []string
	u.text = announced.ReplaceAllString(u.text, "")
	u.asks = u.asks || opener.MatchString(plainText(u.text))
	if at := enumerated.FindAllStringIndex(u.text, -1); len(at) > 1 {
		pieces = cutAt(u.text, at)
	} else if strings.Count(u.text, "?") > 1 {
		pieces = strings.SplitAfter(u.text, "?")
	} else if at := another.FindAllStringIndex(u.text, -1); u.asks && at != nil && len(strings.Fields(u.text[:at[0][0]])) > 3 {
		pieces = append(pieces, u.text[:at[0][0]], u.text[at[0][0]:])
	}
	var out []utterance
	for _, text := range pieces {
		text = joined.ReplaceAllString(strings.Trim(strings.TrimSpace(text), ","), "")
		text = strings.TrimSuffix(strings.TrimRight(text, " ,."), " and")
		if piece := hear(text); len(piece.words) > 1 || len(terms(piece.plain)) > 0 {
			out = append(out, piece)
		}
	}
	if len(out) < 2 {
		return []utterance{u}
	}
	for i := 1; i < len(out); i++ { // "how much is it" needs what "it" is
		if len(terms(out[i].plain)) == 0 {
			out[i] = hear(out[i].text + " " + strings.Join(out[i-1].words, " "))
		}
	}
	return out
}

// joined is what ties a question to the one before.
var joined = regexp.MustCompile(`(?i)^(?:(?:and|also|then|,)\s+)+`)

// cutAt cuts text behind each of the places in at; what stands before the first is
// an announcement.
func cutAt(text string, at [][]int) []string {
	var out []string
	for i, a := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		out = append(out, text[a[1]:end])
	}
	return out
}
