package clerk

import (
	"fmt"
	"regexp"
	"strings"

	"frontdesk/internal/words"
)

// unknownNumber is how callers say that they have no number at hand.
var unknownNumber = regexp.MustCompile(`\b(?:do not (?:have|know|remember)|can not (?:find|remember)|not sure|no idea|forgot|lost|where (?:do|can|is)|what number|which number|without)\b`)

// onlyHow is an answer to "by e-mail or by phone" that names just the one.
var onlyHow = regexp.MustCompile(`^(?:(?:by|via|per|through|with|use|my|an|please|e|the|best|to|is|on|prefer|i|would|like|you|can|call|me|send|write|yes|okay|por|par|mit) ?)*(?:email|mail|phone|telephone|text|correo|telefon|teléfono|téléphone|call me|write me)(?: (?:please|is|best|me|would|be|better|good|fine|number|address))*$`)

// answered deals with an answer to what the agent asked; it returns nil when the
// caller did not answer but came up with something else.
func (d *desk) answered(m *memory, u utterance, in intent, typed bool) []part {
	switch in {
	case wantPerson, isRobot, repeat, holdOn, stopTalking, goodbye, complaint, wordless, abilities:
		return nil
	case neverMind:
		if m.filing || m.callback {
			m.filing, m.callback = false, false
			return d.tell(d.say.dropped, anythingElse)
		}
		return nil
	}
	agrees := in == yes || in == backchannel
	refuses := in == no || in == objection
	switch m.asked {
	case anythingElse:
		return d.answeredMore(u, in)
	case shallTicket, elseTicket:
		if agrees {
			m.filing, m.problem = true, m.topic
			return d.fileOn(m, typed)
		}
	case shallPerson:
		if agrees {
			return d.person(m, u)
		}
	case shallClose:
		if agrees {
			return d.close(m, typed)
		}
	case contactRight:
		return d.answeredRight(m, u, agrees, refuses, typed)
	case whatContact:
		return d.answeredContact(m, u, in, typed)
	case whatProblem:
		return d.answeredProblem(m, u, in, typed)
	case whichNumber:
		return d.answeredNumber(m, u, in, typed)
	case whichTicket:
		if number(u.plain) != "" {
			return d.ticket(m, u, ticketStatus, typed)
		}
		if refuses || unknownNumber.MatchString(u.plain) {
			return d.tell(d.say.fine, anythingElse)
		}
	}
	return nil
}

// answeredMore deals with the answer to "anything else".
func (d *desk) answeredMore(u utterance, in intent) []part {
	switch {
	case in == no || in == thanks && strings.HasPrefix(u.plain, "no"):
		return d.hangUp()
	case in == yes && len(u.words) <= 3:
		return d.tell(d.say.stopped, nothing)
	}
	return nil
}

func (d *desk) answeredRight(m *memory, u utterance, agrees, refuses, typed bool) []part {
	if c := findContact(u, true); c.kind != noContact && !agrees {
		return d.reachable(m, c, typed)
	}
	switch {
	case agrees:
		m.sure = true
		return d.contactKnown(m, typed)
	case refuses:
		m.reach = contact{}
		return d.tell(d.say.complaint, whatContact)
	}
	return nil
}

// answeredContact deals with the answer to how the caller can be reached.
func (d *desk) answeredContact(m *memory, u utterance, in intent, typed bool) []part {
	if c := findContact(u, true); c.kind != noContact {
		return d.reachable(m, c, typed)
	}
	switch {
	case onlyHow.MatchString(u.plain):
		return d.tell(d.say.goAhead, nothing)
	case in == no || refusal.MatchString(u.plain):
		m.reach, m.sure = contact{}, true
		return d.contactKnown(m, typed)
	case in == yes || in == backchannel:
		return d.tell(d.say.goAhead, whatContact)
	case len(u.words) <= 3 && in == inquiry && !u.asks: // most likely a name
		return d.reachable(m, contact{titled(u.plain), person}, typed)
	case m.filing && in == inquiry && !u.asks: // more about the problem
		m.problem = more(m.problem, u.text)
		return d.tell("", whatContact)
	}
	return nil
}

// refusal is how callers decline to leave an address.
var refusal = regexp.MustCompile(`\b(?:do not (?:have|want|wish|need)|rather not|prefer not|no (?:email|phone|thanks|thank you)|not necessary|none|nothing|neither|skip)\b`)

// reachable takes a contact. What was typed is right; what was spoken is read back.
func (d *desk) reachable(m *memory, c contact, typed bool) []part {
	m.reach, m.sure = c, typed
	if typed {
		return d.contactKnown(m, typed)
	}
	return d.tell(fmt.Sprintf(d.say.readBack, c.readBack(false)), contactRight)
}

// contactKnown goes on with what the contact was for.
func (d *desk) contactKnown(m *memory, typed bool) []part {
	switch {
	case m.filing:
		return d.fileOn(m, typed)
	case m.callback && m.reach.kind != noContact:
		m.callback = false
		return d.change(map[string]string{"ticket": m.ticket, "note": "Contact: " + m.reach.value},
			fmt.Sprintf(d.say.reach, m.reach.said(typed)))
	case m.callback || m.reach.kind == noContact:
		m.callback = false
		return d.tell(d.say.fine, anythingElse)
	}
	return d.tell(d.say.kept, nothing)
}

func (d *desk) answeredProblem(m *memory, u utterance, in intent, typed bool) []part {
	switch {
	case in == no:
		m.filing = false
		return d.tell(d.say.dropped, anythingElse)
	case in == yes && len(u.words) <= 2 || in == backchannel:
		return d.tell(d.say.goAhead, whatProblem)
	case in == thanks || in == greeting || in == objection || in == ticketStatus || in == closeTicket:
		return nil
	case in == inquiry && u.asks && !trouble.MatchString(u.plain):
		return nil
	}
	m.filing = true
	m.problem = more(m.problem, u.text)
	m.topic = m.problem
	return d.fileOn(m, typed)
}

// more is a problem with what the caller added.
func more(problem, text string) string {
	if problem == "" {
		return text
	}
	return words.Clip(strings.TrimSuffix(problem, ".")+". "+text, maxSaid)
}

func (d *desk) answeredNumber(m *memory, u utterance, in intent, typed bool) []part {
	l := d.lookupNamed(m.lookup)
	if l == nil {
		return nil
	}
	switch {
	case number(u.plain) != "" && (in == lookUp || in == inquiry || in == no || in == yes || in == objection || in == giveContact):
		return d.look(m, u, l, typed)
	case unknownNumber.MatchString(u.plain) && in != lookUp:
		return d.search(m, hear("where is my "+l.subject+" number"))
	case in == no:
		return d.tell(d.say.fine, anythingElse)
	case in == yes || in == backchannel:
		return []part{d.askNumber(l, d.say.goAhead)}
	}
	return nil
}
