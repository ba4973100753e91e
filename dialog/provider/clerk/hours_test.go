package clerk

import (
	"context"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/hours"
	"frontdesk/internal/require"
	"frontdesk/tools"
)

// askAt asks a clerk of an agent with opening hours at a time in Berlin.
func askAt(t *testing.T, language, now string, questions ...string) string {
	t.Helper()
	h, err := hours.New(hours.Config{
		Timezone: "Europe/Berlin", Open: map[string]string{"mon-fri": "8:00-20:00", "sat": "9:00-13:00"},
		Special: map[string]string{"2026-12-01": "10:00-12:00"},
	})
	require.NoError(t, err)
	clock, err := time.Parse("2006-01-02 15:04", now)
	require.NoError(t, err)
	p := dialog.Prompt{
		Agent: &dialog.Agent{Language: language, Handover: dialog.Handover{Hours: h}},
		Now:   h.In(clock.Add(-time.Hour)), // Berlin is an hour ahead in winter
		Tools: []tools.Spec{{Name: searchKnowledge}},
	}
	reply := ""
	for _, q := range questions {
		p.Messages = append(p.Messages, dialog.Message{Role: dialog.User, Text: q})
		reply = ""
		for chunk, err := range (Clerk{}).Reply(context.Background(), p) {
			require.NoError(t, err)
			if chunk.Call != nil {
				reply += "(" + chunk.Call.Name + ")"
			}
			reply += chunk.Text
		}
		p.Messages = append(p.Messages, dialog.Message{Role: dialog.Assistant, Text: reply})
	}
	return strings.TrimSpace(reply)
}

func TestQuestionsAboutHours(t *testing.T) {
	const monday, sunday = "2026-11-30 14:05", "2026-11-29 14:05"
	for _, c := range []struct{ language, now, question, want string }{
		{"en", monday, "are you open now", "Yes, we are open now, until 8 pm."},
		{"en", sunday, "are you still open?", "No, we are closed now. We open again tomorrow at 8 am."},
		{"en", sunday, "Is the shop open", "No, we are closed now. We open again tomorrow at 8 am."},
		{"en", sunday, "when do you open next", "We are open tomorrow from 8 am to 8 pm."},
		{"en", sunday, "what time do you open tomorrow", "We are open tomorrow from 8 am to 8 pm."},
		{"en", sunday, "Do you open on Tuesday?", "We are open on Tuesday from 10 am to noon."},
		{"en", monday, "when do you close", "Yes, we are open now, until 8 pm."},
		{"en", monday, "how late are you open on saturday", "We are open on Saturday from 9 am to 1 pm."},
		{"en", monday, "are you open next monday", "We are open on Monday, December 7 from 8 am to 8 pm."},
		{"en", monday, "What are your opening hours?", "We are open Monday to Friday from 8 am to 8 pm; Saturday from 9 am to 1 pm."},
		{"en", monday, "what day is it", "Today is Monday, November 30, 2026."},
		{"en", monday, "What's today's date?", "Today is Monday, November 30, 2026."},
		{"en", monday, "what time is it", "It is 2:05 pm."},
		{"en", monday, "what are the opening hours of the shop in Leeds", "(search_knowledge)"},
		{"en", monday, "are you open on Christmas", "(search_knowledge)"},
		{"en", monday, "how do I open the lid", "(search_knowledge)"},
		{"de", monday, "Haben Sie jetzt geöffnet?", "Ja, wir haben jetzt geöffnet, bis 20 Uhr."},
		{"de", sunday, "haben sie gerade offen", "Nein, wir haben jetzt geschlossen. Wir öffnen wieder morgen um 8 Uhr."},
		{"de", sunday, "Wann machen Sie morgen auf?", "Wir haben morgen von 8 Uhr bis 20 Uhr geöffnet."},
		{"de", sunday, "wann öffnen sie wieder", "Wir haben morgen von 8 Uhr bis 20 Uhr geöffnet."},
		{"de", monday, "Haben Sie am Samstag auf?", "Wir haben am Samstag von 9 Uhr bis 13 Uhr geöffnet."},
		{"de", monday, "bis wann haben sie heute auf", "Wir haben heute von 8 Uhr bis 20 Uhr geöffnet."},
		{"de", monday, "Was sind Ihre Öffnungszeiten?", "Wir haben geöffnet: Montag bis Freitag von 8 Uhr bis 20 Uhr; Samstag von 9 Uhr bis 13 Uhr."},
		{"de", monday, "Welcher Tag ist heute?", "Heute ist Montag, der 30. November 2026."},
		{"de", monday, "wie spät ist es", "Es ist 14:05 Uhr."},
		{"fr", monday, "Êtes-vous ouverts maintenant ?", "Oui, nous sommes ouverts maintenant, jusqu'à 20 heures."},
		{"fr", sunday, "Quand ouvrez-vous demain ?", "Nous sommes ouverts demain de 8 heures à 20 heures."},
		{"fr", monday, "vous êtes ouverts le samedi ?", "Nous sommes ouverts samedi de 9 heures à 13 heures."},
		{"fr", monday, "Quels sont vos horaires ?", "Nous sommes ouverts lundi à vendredi de 8 heures à 20 heures; samedi de 9 heures à 13 heures."},
		{"fr", monday, "Quel jour sommes-nous aujourd'hui ?", "Nous sommes le lundi 30 novembre 2026."},
		{"fr", monday, "Quelle heure est-il ?", "Il est 14 h 05."},
		{"es", monday, "¿Están abiertos ahora?", "Sí, estamos abiertos ahora, hasta las 20:00."},
		{"es", sunday, "¿A qué hora abren mañana?", "Abrimos mañana de las 8:00 a las 20:00."},
		{"es", sunday, "¿Cuándo abren?", "Abrimos mañana de las 8:00 a las 20:00."},
		{"es", monday, "¿Abren el sábado por la mañana?", "Abrimos el sábado de las 9:00 a las 13:00."},
		{"es", monday, "¿Cuál es su horario?", "Abrimos lunes a viernes de las 8:00 a las 20:00; sábado de las 9:00 a las 13:00."},
		{"es", monday, "¿Qué día es hoy?", "Hoy es lunes 30 de noviembre de 2026."},
	} {
		if got := askAt(t, c.language, c.now, c.question); got != c.want {
			t.Errorf("%s: %q\ngot  %s\nwant %s", c.now, c.question, got, c.want)
		}
	}
}

func TestFollowUpAboutHours(t *testing.T) {
	if got, want := askAt(t, "en", "2026-11-30 14:05", "are you open now", "and on sunday?"), "We are closed on Sunday."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := askAt(t, "en", "2026-11-30 14:05", "and on sunday?"); got != "(search_knowledge)" {
		t.Errorf("a day without a question about hours gets %q", got)
	}
}
