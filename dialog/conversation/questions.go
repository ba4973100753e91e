package conversation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"frontdesk/dialog"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

// closingWords is how many words the last sentence of a question for consent has at least,
// in all languages.
const closingWords = 3

// consentTexts ask for the caller's consent to a call.
type consentTexts struct {
	openTicket   string // %s: subject
	reachAt      string // %s: contact
	closeTicket  string // %s: ticket
	withdraw     string // %s: ticket
	correct      string // %s: ticket, %s: right values
	changeTicket string // %s: ticket, %s: status
	addNote      string // %s: ticket, %s: note
	noteContact  string // %s: contact
	handOver     string // a person is asked to take over
	endCall      string
	other        string // %s: tool, %s: values
	shallI       string // the closing question
}

var consentTextsOf = map[string]consentTexts{
	"en": {
		openTicket: "I would open a ticket: %s.", reachAt: "We would reach you at %s.",
		closeTicket: "I would close ticket %s.", withdraw: "I would withdraw ticket %s.", correct: "I would correct ticket %s: %s.",
		changeTicket: "I would set ticket %s to %s.", addNote: "I would add this to ticket %s: %s.",
		noteContact: "I would note that we reach you at %s.",
		handOver:    "I would ask a colleague to take over.", endCall: "I would end the call now.",
		other: "I would do this: %s, with %s.", shallI: "Shall I do that?",
	},
	"de": {
		openTicket: "Ich würde ein Ticket anlegen: %s.", reachAt: "Wir würden Sie so erreichen: %s.",
		closeTicket: "Ich würde das Ticket %s schließen.", withdraw: "Ich würde das Ticket %s zurückziehen.", correct: "Ich würde das Ticket %s berichtigen: %s.",
		changeTicket: "Ich würde das Ticket %s auf %s setzen.", addNote: "Ich würde dies zum Ticket %s hinzufügen: %s.",
		noteContact: "Ich würde notieren, dass wir Sie so erreichen: %s.",
		handOver:    "Ich würde eine Kollegin oder einen Kollegen bitten, zu übernehmen.", endCall: "Ich würde das Gespräch jetzt beenden.",
		other: "Ich würde dies tun: %s, mit %s.", shallI: "Soll ich das tun?",
	},
	"fr": {
		openTicket: "Je vais ouvrir un ticket : %s.", reachAt: "Nous pourrons vous joindre ainsi : %s.",
		closeTicket: "Je vais fermer le ticket %s.", withdraw: "Je vais retirer le ticket %s.", correct: "Je vais corriger le ticket %s : %s.",
		changeTicket: "Je vais passer le ticket %s à %s.", addNote: "Je vais ajouter ceci au ticket %s : %s.",
		noteContact: "Je vais noter que nous pouvons vous joindre ainsi : %s.",
		handOver:    "Je vais demander à un collègue de prendre le relais.", endCall: "Je vais terminer l'appel maintenant.",
		other: "Je vais faire ceci : %s, avec %s.", shallI: "Dois-je le faire ?",
	},
	"es": {
		openTicket: "Voy a abrir un tique: %s.", reachAt: "Le contactaríamos así: %s.",
		closeTicket: "Voy a cerrar el tique %s.", withdraw: "Voy a retirar el tique %s.", correct: "Voy a corregir el tique %s: %s.",
		changeTicket: "Voy a poner el tique %s en %s.", addNote: "Voy a añadir esto al tique %s: %s.",
		noteContact: "Voy a anotar que le contactamos así: %s.",
		handOver:    "Voy a pedir a un compañero que le atienda.", endCall: "Voy a terminar la llamada ahora.",
		other: "Voy a hacer esto: %s, con %s.", shallI: "¿Quiere que lo haga?",
	},
}

// consentQuestion returns the question that asks the caller for consent to a call, with the
// values of the call.
func (c *conversation) consentQuestion(call tools.Call) string {
	t, ok := consentTextsOf[words.Language(c.agent.Language)]
	if !ok {
		t = consentTextsOf["en"]
	}
	if question := c.ruleOf(call.Name).Question; question != "" {
		return tools.FillQuestion(question, call.Arguments) + " " + t.shallI
	}
	return strings.Join(append(c.proposals(t, call), t.shallI), " ")
}

// proposals says what a call of one of Frontdesk's own tools would do; it names any other tool
// with its values.
func (c *conversation) proposals(t consentTexts, call tools.Call) []string {
	var v ticketValues
	_ = json.Unmarshal(call.Arguments, &v)
	var out []string
	switch call.Name {
	case "create_ticket":
		out = append(out, fmt.Sprintf(t.openTicket, strings.TrimRight(v.Subject, ".!? ")))
		if v.Contact != "" {
			out = append(out, fmt.Sprintf(t.reachAt, c.sayContact(v.Contact)))
		}
	case updateTicket:
		out = c.proposeUpdate(t, v)
		if len(out) == 0 || v.Contact != "" && c.wasOpenedHere(v.Ticket) {
			out = append(out, fmt.Sprintf(t.noteContact, c.sayContact(v.Contact)))
		}
	case "hand_over":
		out = append(out, t.handOver)
		if v.Contact != "" {
			out = append(out, fmt.Sprintf(t.reachAt, c.sayContact(v.Contact)))
		}
	case endCall.Name:
		out = append(out, t.endCall)
	default:
		out = append(out, fmt.Sprintf(t.other, strings.ReplaceAll(call.Name, "_", " "), valuesOf(call.Arguments)))
	}
	return out
}

// wasOpenedHere reports whether this session has opened a ticket. A contact then changes it; on
// any other ticket it proves that the ticket is the caller's.
func (c *conversation) wasOpenedHere(ticket string) bool {
	id, ok := tools.ParseTicketID(ticket)
	if !ok {
		return false
	}
	for _, m := range c.recall.history.messages {
		if m.Result == nil || m.Result.Failed || m.Result.Held || m.Result.Refused {
			continue
		}
		call := findCall(c.recall.history.messages, m.Result.CallID)
		if call != nil && (call.Name == "create_ticket" || call.Name == "hand_over") && strings.Contains(string(m.Result.Output), `"`+id.String()+`"`) {
			return true
		}
	}
	return false
}

// ticketValues are what a call would write into a ticket.
type ticketValues struct {
	Subject, Description, Category, Contact, Ticket, Note string
	Status                                                tools.Status
}

// proposeUpdate says what would change in a ticket.
func (c *conversation) proposeUpdate(t consentTexts, v ticketValues) (out []string) {
	ticket := c.sayTicket(v.Ticket)
	var right []string
	for _, value := range []string{v.Subject, v.Description, v.Category} {
		if value != "" {
			right = append(right, strings.TrimRight(value, ".!? "))
		}
	}
	if len(right) > 0 {
		out = append(out, fmt.Sprintf(t.correct, ticket, strings.Join(right, "; ")))
	}
	if v.Note != "" {
		out = append(out, fmt.Sprintf(t.addNote, ticket, strings.TrimRight(v.Note, ".!? ")))
	}
	switch v.Status {
	case "":
	case tools.Closed:
		out = append(out, fmt.Sprintf(t.closeTicket, ticket))
	case tools.Withdrawn:
		out = append(out, fmt.Sprintf(t.withdraw, ticket))
	default:
		out = append(out, fmt.Sprintf(t.changeTicket, ticket, v.Status))
	}
	return out
}

// sayTicket returns the id of a ticket as the caller hears or reads it.
func (c *conversation) sayTicket(text string) string {
	id, ok := tools.ParseTicketID(text)
	switch {
	case !ok:
		return text
	case c.speaks():
		return id.Say()
	}
	return id.String()
}

// sayValue returns a number digit by digit where the caller hears it.
func (c *conversation) sayValue(value string) string {
	if digits := strings.Trim(value, "+0123456789 -()"); digits != "" || !c.speaks() {
		return value
	}
	return words.SayDigits(strings.ReplaceAll(value, " ", ""))
}

// sayContact returns a contact so that the caller can check it: where the caller hears it, a
// number digit by digit and the name in an e-mail address letter by letter.
func (c *conversation) sayContact(contact string) string {
	name, host, isEmail := strings.Cut(contact, "@")
	if !isEmail || !c.speaks() {
		return c.sayValue(contact)
	}
	return strings.ToUpper(strings.Join(strings.Split(name, ""), ", ")) + ", @" + host
}

// speaks reports whether the caller hears the agent.
func (c *conversation) speaks() bool {
	_, ok := c.audio.mouth.(dialog.Ducker)
	return ok
}

// valuesOf lists the arguments of a call: "amount: 20, order: 47329".
func valuesOf(arguments json.RawMessage) string {
	var values map[string]any
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber() // 12345678 is not to be read as 1.2345678e+07
	_ = d.Decode(&values)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, fmt.Sprintf("%s: %v", strings.ReplaceAll(name, "_", " "), values[name]))
	}
	return strings.Join(out, ", ")
}
