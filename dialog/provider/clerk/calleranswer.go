package clerk

import (
	"fmt"
	"regexp"
	"strings"

	"frontdesk/internal/words"
)

// hasNoNumber matches callers who do not have the number that they were asked for.
var hasNoNumber = regexp.MustCompile(`\b(?:do not (?:have|know|remember)|can not (?:find|remember)|not sure|no idea|forgot|lost|where (?:do|can|is)|what number|which number|without|weiß (?:ich |es |das )*nicht|habe (?:ich |sie |es )*nicht|keine ahnung|vergessen|no (?:lo |la |me )?(?:tengo|recuerdo|acuerdo)|ne (?:sais|l'ai|me souviens))\b|no (?:lo )?sé(?: |$)|oublié(?: |$)`)

// namesContactMethod matches an answer to "by e-mail or by phone" without an address.
var namesContactMethod = regexp.MustCompile(`^(?:(?:by|via|per|through|with|use|my|an|please|e|the|best|to|is|on|prefer|i|would|like|you|can|call|me|send|write|yes|okay|por|par|mit) ?)*(?:email|mail|phone|telephone|text|correo|telefon|teléfono|téléphone|call me|write me)(?: (?:please|is|best|me|would|be|better|good|fine|number|address))*$`)

// handleAnswer handles an answer to the agent's question. It returns nil if the caller did
// not answer but said something else.
func (r *responder) handleAnswer(st *state, u utterance, in intent, isTyped bool) []part {
	switch in {
	case wantPerson, areYouRobot, repeat, holdOn, stopTalking, goodbye, complaint, wordless, abilities:
		return nil
	case neverMind:
		if st.wantsCallback {
			st.wantsCallback = false
			return r.withdrawTicket(st, isTyped)
		}
		if st.isFiling {
			st.isFiling = false
			return r.tell(r.phrases.dropped, anythingElse)
		}
		return nil
	}
	agrees := in == yes || in == backchannel
	refuses := in == no || in == objection
	switch st.question {
	case anythingElse:
		return r.answerAnythingElse(u, in)
	case shallOpenTicket, elseOpenTicket:
		if agrees {
			st.isFiling, st.problem = true, st.topic
			return r.continueTicket(st, isTyped)
		}
	case shallConnect:
		if agrees {
			return r.requestPerson(st, u)
		}
	case shallCloseTicket:
		if agrees {
			return r.closeTicket(st, isTyped)
		}
	case isContactRight:
		return r.answerContactRight(st, u, agrees, refuses, isTyped)
	case whatContact:
		return r.answerWhatContact(st, u, in, isTyped)
	case whatProblem:
		return r.answerWhatProblem(st, u, in, isTyped)
	case whichNumber:
		return r.answerWhichNumber(st, u, in, isTyped)
	case whichTicket:
		return r.answerWhichTicket(st, u, in, isTyped)
	case whichFact:
		return r.answerWhichFact(st, u, in, isTyped)
	case whatProof:
		return r.answerWhatProof(st, u, in, isTyped)
	}
	return nil
}

func (r *responder) answerAnythingElse(u utterance, in intent) []part {
	switch {
	case in == no || in == thanks && strings.HasPrefix(u.plain, "no"):
		return r.hangUp()
	case in == yes && len(u.words) <= 3:
		return r.tell(r.phrases.stopped, noQuestion)
	}
	return nil
}

func (r *responder) answerContactRight(st *state, u utterance, agrees, refuses, isTyped bool) []part {
	if c := findContact(u, true); c.kind != noContact && !agrees {
		return r.setContact(st, c, isTyped)
	}
	switch {
	case agrees:
		st.isContactSettled = true
		return r.continueWithContact(st, isTyped)
	case refuses:
		st.contact = contact{}
		return r.tell(r.phrases.complaint, whatContact)
	}
	return nil
}

func (r *responder) answerWhatContact(st *state, u utterance, in intent, isTyped bool) []part {
	if c := findContact(u, true); c.kind != noContact {
		return r.setContact(st, c, isTyped)
	}
	switch {
	case namesContactMethod.MatchString(u.plain):
		return r.tell(r.phrases.goAhead, noQuestion)
	case in == no || declinesContact.MatchString(u.plain):
		st.contact, st.isContactSettled = contact{}, true
		return r.continueWithContact(st, isTyped)
	case in == yes || in == backchannel:
		return r.tell(r.phrases.goAhead, whatContact)
	case len(u.words) <= 3 && in == inquiry && !u.isQuestion: // probably a name
		return r.setContact(st, contact{capitalizeWords(u.plain), personName}, isTyped)
	case st.isFiling && in == inquiry && !u.isQuestion: // more about the problem
		if start := correctsProblem.FindString(u.text); start != "" { // what a ticket is about comes first
			st.problem = appendProblem(strings.TrimSpace(u.text[len(start):]), st.problem)
		} else {
			st.problem = appendProblem(st.problem, u.text)
		}
		st.topic = st.problem
		return r.tell("", whatContact)
	}
	return nil
}

// declinesContact matches callers who do not want to leave an address.
var declinesContact = regexp.MustCompile(`\b(?:do not (?:have|want|wish|need)|rather not|prefer not|no (?:email|phone|thanks|thank you)|not necessary|none|nothing|neither|skip)\b`)

// setContact stores a contact. The agent reads a spoken one back for confirmation.
func (r *responder) setContact(st *state, c contact, isTyped bool) []part {
	st.contact, st.isContactSettled = c, isTyped
	tool := updateTicket
	if st.isFiling {
		tool = createTicket
	}
	if isNeeded := st.isFiling || st.filed != "" || st.wantsCallback; isTyped || isNeeded && r.asks[tool] {
		st.isContactSettled = true
		return r.continueWithContact(st, isTyped)
	}
	return r.tell(fmt.Sprintf(r.phrases.readBack, c.readBack()), isContactRight)
}

// continueWithContact continues what the contact was needed for.
func (r *responder) continueWithContact(st *state, isTyped bool) []part {
	switch {
	case st.isFiling:
		return r.continueTicket(st, isTyped)
	case st.filed != "" && st.contact.isProof():
		st.wantsCallback, st.asked = false, ticketRequested{}
		return r.updateTicket(st, st.filed, map[string]string{"contact": st.contact.value},
			fmt.Sprintf(r.phrases.reach, st.contact.inSentence(isTyped)), isTyped)
	case st.wantsCallback && st.contact.kind != noContact:
		st.wantsCallback = false
		st.asked = ticketRequested{note: "Contact: " + st.contact.value}
		return r.addNote(st, st.filed, isTyped)
	case st.wantsCallback || st.contact.kind == noContact:
		st.wantsCallback = false
		return r.tell(r.phrases.fine, anythingElse)
	}
	return r.tell(r.phrases.kept, noQuestion)
}

func (r *responder) answerWhatProblem(st *state, u utterance, in intent, isTyped bool) []part {
	switch {
	case in == no:
		st.isFiling = false
		return r.tell(r.phrases.dropped, anythingElse)
	case in == yes && len(u.words) <= 2 || in == backchannel:
		return r.tell(r.phrases.goAhead, whatProblem)
	case in == thanks || in == greeting || in == objection || in == ticketStatus || in == closeTicket:
		return nil
	case in == giveContact: // it answers the question that comes next
		st.isFiling, st.contact = true, findContact(u, false)
		return r.tell("", whatProblem)
	case in == inquiry && u.isQuestion && !trouble.MatchString(u.plain):
		return nil
	}
	st.isFiling = true
	st.problem = appendProblem(st.problem, u.text)
	st.topic = st.problem
	return r.continueTicket(st, isTyped)
}

// correctsProblem matches the beginning of a correction of the problem.
var correctsProblem = regexp.MustCompile(`(?i)^(?:(?:no|wait|sorry|actually|hold on|i mean|i meant|rather|nein|moment|halt|ich meine|eigentlich)[ ,.]+)+(?:(?:it is|it's|it was|i mean|i meant|es ist|ich meine) )?`)

// appendProblem adds what the caller said to the description of a problem.
func appendProblem(problem, text string) string {
	if problem == "" || text == "" {
		return problem + text
	}
	return words.Clip(strings.TrimSuffix(problem, ".")+". "+text, maxSaid)
}

func (r *responder) answerWhichNumber(st *state, u utterance, in intent, isTyped bool) []part {
	l := r.lookupNamed(st.lookup)
	if l == nil {
		return nil
	}
	switch {
	case number(u.plain) != "" && (in == recordStatus || in == inquiry || in == no || in == yes || in == objection || in == giveContact):
		return r.lookUpNumber(st, u, l, isTyped)
	case hasNoNumber.MatchString(u.plain) && in != recordStatus:
		return r.search(st, newUtterance("where is my "+l.subject+" number"))
	case in == no:
		return r.tell(r.phrases.fine, anythingElse)
	case in == yes || in == backchannel:
		return []part{r.askNumber(l, r.phrases.goAhead)}
	}
	return nil
}
