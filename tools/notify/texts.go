package notify

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"frontdesk/tools/outbox"
)

// texts are the words of a message in one language.
type texts struct {
	titles map[outbox.Type]string
	labels map[string]string
}

var english = texts{
	titles: map[outbox.Type]string{
		outbox.CallStarted: "A call has started", outbox.CallEnded: "A call has ended", outbox.CallSummarized: "Summary of a conversation",
		outbox.TicketOpened: "New ticket", outbox.TicketChanged: "Ticket changed", outbox.TicketReplied: "Answer to the caller",
		outbox.CallbackPromised: "A caller expects a call-back", outbox.CallbackMissed: "A promised call-back did not take place",
		outbox.HandoverWanted: "A caller wants to speak to a person",
	},
	labels: map[string]string{
		"ticket": "Ticket", "subject": "Subject", "status": "Status", "priority": "Priority", "due": "Due", "attempts": "Attempts",
		"result": "Result", "seconds": "Seconds", "agent": "Agent", "session": "Session", "time": "Time", "contact": "Contact",
	},
}

// byLanguage has the languages of the agents that are built in, by the first part of the tag.
var byLanguage = map[string]texts{
	"en": english,
	"de": {
		titles: map[outbox.Type]string{
			outbox.CallStarted: "Ein Anruf hat begonnen", outbox.CallEnded: "Ein Anruf ist beendet", outbox.CallSummarized: "Zusammenfassung eines Gesprächs",
			outbox.TicketOpened: "Neues Ticket", outbox.TicketChanged: "Ticket geändert", outbox.TicketReplied: "Antwort an den Anrufer",
			outbox.CallbackPromised: "Ein Anrufer erwartet einen Rückruf", outbox.CallbackMissed: "Ein zugesagter Rückruf fand nicht statt",
			outbox.HandoverWanted: "Ein Anrufer möchte mit einem Menschen sprechen",
		},
		labels: map[string]string{
			"ticket": "Ticket", "subject": "Betreff", "status": "Status", "priority": "Priorität", "due": "Fällig", "attempts": "Versuche",
			"result": "Ergebnis", "seconds": "Sekunden", "agent": "Agent", "session": "Sitzung", "time": "Zeit", "contact": "Kontakt",
		},
	},
	"fr": {
		titles: map[outbox.Type]string{
			outbox.CallStarted: "Un appel a commencé", outbox.CallEnded: "Un appel est terminé", outbox.CallSummarized: "Résumé d’une conversation",
			outbox.TicketOpened: "Nouveau ticket", outbox.TicketChanged: "Ticket modifié", outbox.TicketReplied: "Réponse à la personne",
			outbox.CallbackPromised: "Un appelant attend un rappel", outbox.CallbackMissed: "Un rappel promis n’a pas eu lieu",
			outbox.HandoverWanted: "Un appelant souhaite parler à une personne",
		},
		labels: map[string]string{
			"ticket": "Ticket", "subject": "Objet", "status": "État", "priority": "Priorité", "due": "Échéance", "attempts": "Tentatives",
			"result": "Résultat", "seconds": "Secondes", "agent": "Agent", "session": "Session", "time": "Heure", "contact": "Contact",
		},
	},
	"es": {
		titles: map[outbox.Type]string{
			outbox.CallStarted: "Ha comenzado una llamada", outbox.CallEnded: "Ha terminado una llamada", outbox.CallSummarized: "Resumen de una conversación",
			outbox.TicketOpened: "Nuevo tique", outbox.TicketChanged: "Tique modificado", outbox.TicketReplied: "Respuesta a la persona",
			outbox.CallbackPromised: "Una persona espera que la llamen", outbox.CallbackMissed: "Una llamada prometida no se hizo",
			outbox.HandoverWanted: "Una persona quiere hablar con alguien del equipo",
		},
		labels: map[string]string{
			"ticket": "Tique", "subject": "Asunto", "status": "Estado", "priority": "Prioridad", "due": "Vencimiento", "attempts": "Intentos",
			"result": "Resultado", "seconds": "Segundos", "agent": "Agente", "session": "Sesión", "time": "Hora", "contact": "Contacto",
		},
	},
}

func textsOf(language string) texts {
	primary, _, _ := strings.Cut(strings.ToLower(language), "-")
	if t, ok := byLanguage[primary]; ok {
		return t
	}
	return english
}

// title returns an event in a line, without what the caller said unless it is the subject of
// a ticket.
func title(e outbox.Event) string {
	t := textsOf(e.Data.Language).titles[e.Type]
	if e.Data.Ticket != "" {
		t += " " + e.Data.Ticket
	}
	if e.Data.Subject != "" {
		t += ": " + e.Data.Subject
	}
	return t
}

// describe returns an event as plain text for people: its fields, one a line, and then what
// the caller said.
func describe(e outbox.Event) string {
	t, d := textsOf(e.Data.Language), e.Data
	due, seconds, attempts := "", "", ""
	if d.Due != nil {
		due = d.Due.UTC().Format(time.RFC1123)
	}
	if d.Seconds > 0 {
		seconds = fmt.Sprint(d.Seconds)
	}
	if d.Attempts > 0 {
		attempts = fmt.Sprint(d.Attempts)
	}
	content := outbox.Content{}
	if d.Content != nil {
		content = *d.Content
	}
	var b strings.Builder
	b.WriteString(t.titles[e.Type] + "\n\n")
	for _, field := range []struct{ label, value string }{
		{"ticket", d.Ticket}, {"subject", d.Subject}, {"status", d.Status}, {"priority", d.Priority}, {"due", due}, {"attempts", attempts},
		{"contact", content.Contact}, {"result", d.Result}, {"seconds", seconds}, {"agent", d.Agent}, {"session", d.Session},
		{"time", e.At.UTC().Format(time.RFC1123)},
	} {
		if field.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", cmp.Or(t.labels[field.label], field.label), field.value)
		}
	}
	for _, text := range []string{content.Description, content.Note, content.Summary} {
		if text != "" {
			b.WriteString("\n" + text + "\n")
		}
	}
	return b.String()
}
