package clerk

import (
	"fmt"
	"regexp"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

// requested is the wish for a ticket, which is no part of the problem.
var requested = regexp.MustCompile(`(?i)\b(?:please |(?:can|could|would|will) you (?:please )?|i(?: would|'d) like (?:you )?to |i (?:want|need)(?: you)? to |i (?:want|need) |let us |just )*(?:open|create|make|file|raise|submit|log|start|register|report|issue|put in)? ?(?:me |up )*(?:an? |the |another |new |support |service )*(?:ticket|support request)\b(?: for (?:me|this|that|it))?(?: (?:about|because|for|regarding|that|saying|as|since))?(?:,? please)?[.?!]?`)

// reporting is the wish to report something.
var reporting = regexp.MustCompile(`(?i)^.*?\b(?:report|log|raise|submit|register|tell you about|complain about|notify you of)\b (?:you )?`)

// noTopic are terms that do not say what a problem is.
var noTopic = words.NewSet("problem issu fault bug error incid ticket report complaint formal offici support file someth log rais submit")

// file begins a ticket with what the caller said about the problem.
func (d *desk) file(m *memory, u utterance, typed bool) []part {
	if !d.has[createTicket] {
		if d.has[handOver] {
			return d.tell(d.say.noTool, shallPerson)
		}
		return d.tell(d.say.noTool, nothing)
	}
	problem := strings.TrimSpace(reporting.ReplaceAllString(requested.ReplaceAllString(u.text, " "), ""))
	told := 0
	for _, t := range terms(plainText(problem)) {
		if !noTopic[t] && d.say == inEnglish { // the wish can be told from the problem
			told++
		}
	}
	m.filing, m.problem = true, m.topic
	if told > 0 {
		m.problem = strings.Trim(strings.Join(strings.Fields(problem), " "), " ,.;")
		m.topic = m.problem
	}
	if told == 1 || m.problem == "" { // "a problem with my router": worth a question
		return d.tell(d.say.fine, whatProblem)
	}
	return d.fileOn(m, typed)
}

// fileOn asks for what a ticket lacks, and opens it when it lacks nothing.
func (d *desk) fileOn(m *memory, typed bool) []part {
	switch {
	case m.problem == "":
		return d.tell("", whatProblem)
	case !m.sure && m.reach.kind != noContact:
		return d.reachable(m, m.reach, false)
	case !m.sure:
		return d.tell("", whatContact)
	}
	arguments := map[string]string{"subject": subject(m.problem), "description": words.Clip(m.problem, 2000)}
	if m.reach.kind != noContact {
		arguments["contact"] = words.Clip(m.reach.value, 200)
	}
	m.filing = false
	return []part{{call: call(createTicket, arguments), say: func(m *memory, r tools.Result) saying {
		t := readTicket(r)
		if r.Failed || t.ID == "" {
			return saying{text: d.say.failed, ask: d.offerPersonQuestion()}
		}
		m.ticket, m.problem, m.lost = t.ID, "", 0
		text := fmt.Sprintf(d.say.created, sayID(t.ID, typed))
		if m.reach.kind == email || m.reach.kind == phone {
			text += " " + fmt.Sprintf(d.say.reach, m.reach.said(typed))
		}
		return saying{text: text, ask: anythingElse}
	}}}
}

func (d *desk) offerPersonQuestion() question {
	if d.has[handOver] {
		return shallPerson
	}
	return nothing
}

// subject is a problem in a few words.
func subject(problem string) string {
	fields := strings.Fields(first(sentences(problem)))
	short := strings.Join(fields[:min(14, len(fields))], " ")
	return capital(strings.TrimRight(words.Clip(short, 180), " ,;"))
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// filedTicket is what a tool tells about a ticket.
type filedTicket struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Status  string `json:"status"`
	Error   struct {
		Code string `json:"code"`
	} `json:"error"`
}

func readTicket(r tools.Result) (t filedTicket) {
	decode(r, &t)
	return t
}

// ticket tells where a ticket stands, closes it or adds to it.
func (d *desk) ticket(m *memory, u utterance, in intent, typed bool) []part {
	if !d.has[getTicket] {
		return d.tell(d.say.noTool, d.offerPersonQuestion())
	}
	if m.asked != whichTicket {
		m.closing = in == closeTicket
	}
	id := ticketNumber(u.plain, m.asked == whichTicket)
	if id == "" {
		id = m.ticket // the one just spoken about
	}
	if id == "" {
		return d.tell("", whichTicket)
	}
	if in == noteTicket && d.has[updateTicket] {
		return d.note(id, u.text, typed)
	}
	return []part{{call: call(getTicket, map[string]string{"ticket": id}), say: func(m *memory, r tools.Result) saying {
		t := readTicket(r)
		if r.Failed || t.ID == "" {
			if t.Error.Code == "not_found" || t.Error.Code == "invalid_request" {
				return saying{text: fmt.Sprintf(d.say.ticketMissing, sayID(id, typed)), ask: whichTicket}
			}
			return saying{text: d.say.failed, ask: d.offerPersonQuestion()}
		}
		m.ticket = t.ID
		text := fmt.Sprintf(d.say.ticketIs, sayID(t.ID, typed), t.Status)
		if t.Subject != "" {
			text += " " + fmt.Sprintf(d.say.ticketAbout, strings.TrimRight(t.Subject, "."))
		}
		if m.closing && t.Status != "closed" && d.has[updateTicket] {
			return saying{text: text, ask: shallClose}
		}
		return saying{text: text, ask: anythingElse}
	}}}
}

// ticketNumber finds the number of a ticket in plain text, as "T-1042". Asked for
// it, the caller may say nothing but the number.
func ticketNumber(plain string, asked bool) string {
	if id, ok := tools.ParseTicketID(plain); ok {
		return id.String()
	}
	if n := number(plain); asked && n != "" {
		if id, ok := tools.ParseTicketID(n); ok {
			return id.String()
		}
	}
	return ""
}

// close closes the ticket just spoken about.
func (d *desk) close(m *memory, typed bool) []part {
	m.closing = false
	return d.change(map[string]string{"ticket": m.ticket, "status": "closed"}, fmt.Sprintf(d.say.closed, sayID(m.ticket, typed)))
}

// note adds a text to a ticket.
func (d *desk) note(id, text string, typed bool) []part {
	return d.change(map[string]string{"ticket": id, "note": words.Clip(text, 2000)}, fmt.Sprintf(d.say.noted, sayID(id, typed)))
}

func (d *desk) change(arguments map[string]string, done string) []part {
	if !d.has[updateTicket] {
		return d.tell(d.say.noTool, d.offerPersonQuestion())
	}
	return []part{{call: call(updateTicket, arguments), say: func(_ *memory, r tools.Result) saying {
		if r.Failed {
			return saying{text: d.say.failed, ask: d.offerPersonQuestion()}
		}
		return saying{text: done, ask: anythingElse}
	}}}
}
