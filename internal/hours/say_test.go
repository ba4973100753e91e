package hours

import (
	"testing"
	"time"
)

func TestWhatIsSaid(t *testing.T) {
	h := shop(t)
	monday := at(t, h, "2026-11-30 14:05")
	saturday := at(t, h, "2026-12-05 18:30")
	holiday := at(t, h, "2026-12-24 12:30")
	for _, c := range []struct{ got, want string }{
		{h.SayNow("en-US", monday), "Yes, we are open now, until 8 pm."},
		{h.SayNow("de", monday), "Ja, wir haben jetzt geöffnet, bis 20 Uhr."},
		{h.SayNow("fr", monday), "Oui, nous sommes ouverts maintenant, jusqu'à 20 heures."},
		{h.SayNow("es", monday), "Sí, estamos abiertos ahora, hasta las 20:00."},
		{h.SayNow("en", saturday), "No, we are closed now. We open again on Monday at 8 am."},
		{h.SayNow("de", saturday), "Nein, wir haben jetzt geschlossen. Wir öffnen wieder am Montag um 8 Uhr."},
		{h.SayNow("fr", saturday), "Non, nous sommes fermés maintenant. Nous rouvrons lundi à 8 heures."},
		{h.SayNow("es", saturday), "No, ahora estamos cerrados. Volvemos a abrir el lunes a las 8:00."},
		{h.SayDay("en", h.day(monday, 5), monday), "We are open on Saturday from 9 am to 1 pm and from 2 pm to 6 pm."},
		{h.SayDay("de", h.day(monday, 5), monday), "Wir haben am Samstag von 9 Uhr bis 13 Uhr und von 14 Uhr bis 18 Uhr geöffnet."},
		{h.SayDay("en", h.day(monday, 6), monday), "We are closed on Sunday."},
		{h.SayDay("en", h.day(monday, 1), monday), "We are open tomorrow from 8 am to 8 pm."},
		{h.SayDay("fr", h.day(monday, 1), monday), "Nous sommes ouverts demain de 8 heures à 20 heures."},
		{h.SayNext("en", holiday), "We are open on Monday from 8 am to 8 pm."},
		{h.SayWhen("en", at(t, h, "2026-12-28 08:00"), monday), "on Monday, December 28 at 8 am"},
		{h.SayWhen("de", at(t, h, "2026-12-28 08:00"), monday), "am Montag, dem 28. Dezember um 8 Uhr"},
		{h.SayWhen("es", at(t, h, "2026-12-28 13:30"), monday), "el lunes 28 de diciembre a las 13:30"},
		{h.SayWeek("en"), "We are open Monday to Friday from 8 am to 8 pm; Saturday from 9 am to 1 pm and from 2 pm to 6 pm."},
		{h.SayWeek("de"), "Wir haben geöffnet: Montag bis Freitag von 8 Uhr bis 20 Uhr; Samstag von 9 Uhr bis 13 Uhr und von 14 Uhr bis 18 Uhr."},
		{h.SayDate("en", monday), "Today is Monday, November 30, 2026."},
		{h.SayDate("de", monday), "Heute ist Montag, der 30. November 2026."},
		{h.SayDate("fr", monday), "Nous sommes le lundi 30 novembre 2026."},
		{h.SayDate("es", monday), "Hoy es lunes 30 de noviembre de 2026."},
		{h.SayTime("en", monday.UTC()), "It is 2:05 pm."},
		{h.SayTime("de", monday), "Es ist 14:05 Uhr."},
		{h.Prompt(saturday), "It is now Saturday, 5 December 2026, 18:30 (time zone Europe/Berlin). The business is closed, and no person can be reached; " +
			"it opens next on Monday, 7 December, 08:00. Opening hours: Saturday, 5 December, 09:00 to 13:00 and 14:00 to 18:00; Sunday, 6 December, closed; " +
			"Monday, 7 December, 08:00 to 20:00; Tuesday, 8 December, 08:00 to 20:00; Wednesday, 9 December, 08:00 to 20:00; Thursday, 10 December, 08:00 to 20:00; " +
			"Friday, 11 December, 08:00 to 20:00; Saturday, 12 December, 09:00 to 13:00 and 14:00 to 18:00."},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
}

func TestAgentsWithoutHoursSayTimes(t *testing.T) {
	var h *Hours
	now := time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC)
	if got := h.SayWhen("en", now.AddDate(0, 0, 1), now); got != "tomorrow at 2 pm" {
		t.Errorf("got %q", got)
	}
	if got := h.SayDate("en", now) + h.SayTime("de", now); got == "" {
		t.Error("the date and the time are missing")
	}
}
