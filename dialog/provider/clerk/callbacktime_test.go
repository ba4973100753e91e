package clerk

import (
	"encoding/json"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/hours"
	"frontdesk/internal/require"
	"frontdesk/tools"
)

// whenOf returns when the clerk asks to call a caller back, "" for now, and "-" if it does not
// hand over. It is Monday, 30 November 2026, 14:05.
func whenOf(t *testing.T, language, said string, h *hours.Hours) string {
	t.Helper()
	p := dialog.Prompt{
		Agent: &dialog.Agent{Language: language, Handover: dialog.Handover{Hours: h}},
		Now:   h.In(time.Date(2026, 11, 30, 13, 5, 0, 0, time.UTC)),
		Tools: []tools.Spec{{Name: handOver}}, Messages: []dialog.Message{{Role: dialog.User, Text: said}},
	}
	for chunk, err := range (Clerk{}).Reply(t.Context(), p) {
		require.NoError(t, err)
		if chunk.Call != nil && chunk.Call.Name == handOver {
			var arguments struct{ When string }
			require.NoError(t, json.Unmarshal(chunk.Call.Arguments, &arguments))
			return arguments.When
		}
	}
	return "-"
}

func TestCallersSayWhenToCallThemBack(t *testing.T) {
	h, err := hours.New(hours.Config{Timezone: "Europe/Berlin", Open: map[string]string{"mon-fri": "8:00-18:00"}})
	require.NoError(t, err)
	for _, c := range []struct{ language, said, want string }{
		{"en", "call me back tomorrow at three", "2026-12-01T15:00"},
		{"en", "Can somebody call me back at 4:30 pm?", "2026-11-30T16:30"},
		{"en", "please call me back at nine", "2026-12-01T09:00"}, // it is over today
		{"en", "call me tomorrow", "2026-12-01T08:00"},
		{"en", "call me back on Wednesday afternoon", "2026-12-02T14:00"},
		{"en", "call me back on Friday at half past ten", "2026-12-04T10:30"},
		{"en", "call me back on Saturday at noon", "2026-12-07T08:00"}, // nobody works on Saturday
		{"en", "call me back tomorrow at 9 pm", "2026-12-02T08:00"},
		{"en", "call me back", ""},
		{"en", "call me back today", ""},
		{"en", "I want to talk to somebody about my order of tomorrow at three", ""},
		{"en", "call me back today or tomorrow at three", ""}, // the agent cannot choose
		{"de", "Rufen Sie mich bitte morgen um 15 Uhr zurück", "2026-12-01T15:00"},
		{"de", "Bitte um Rückruf am Mittwoch um halb zehn", "2026-12-02T09:30"},
		{"de", "Können Sie mich morgen zurückrufen", "2026-12-01T08:00"},
		{"fr", "Rappelez-moi demain à 15 heures", "2026-12-01T15:00"},
		{"fr", "Pouvez-vous me rappeler jeudi à dix heures et demie ?", "2026-12-03T10:30"},
		{"es", "Llámeme mañana a las tres de la tarde", "2026-12-01T15:00"},
		{"es", "Llámeme el jueves a las diez y media", "2026-12-03T10:30"},
	} {
		if got := whenOf(t, c.language, c.said, h); got != c.want {
			t.Errorf("%s: got %q, want %q", c.said, got, c.want)
		}
	}
	zone, err := hours.New(hours.Config{Timezone: "Europe/Berlin"})
	require.NoError(t, err)
	for said, want := range map[string]string{"call me back tomorrow at three": "2026-12-01T15:00", "call me back at eleven": "2026-12-01T11:00", "call me tomorrow": ""} {
		if got := whenOf(t, "en", said, zone); got != want {
			t.Errorf("without hours, %s: got %q, want %q", said, got, want)
		}
	}
}

func FuzzCallBackTime(f *testing.F) {
	for _, text := range []string{"call me back tomorrow at three", "Rufen Sie mich um halb zehn zurück", "Rappelez-moi à 25 heures", "Llámeme a las 12 y 99", "call back at 0"} {
		for language := range callBackWordsOf {
			f.Add(text, language)
		}
	}
	h, err := hours.New(hours.Config{Timezone: "Europe/Berlin", Open: map[string]string{"mon-fri": "8:00-18:00"}})
	require.NoError(f, err)
	now := h.In(time.Date(2026, 11, 30, 13, 5, 0, 0, time.UTC))
	f.Fuzz(func(t *testing.T, text, language string) {
		r := &responder{language: language, hours: h, now: now}
		when := r.callBackTime(text)
		if when == "" {
			return
		}
		at, err := time.ParseInLocation(callBackLayout, when, now.Location())
		if err != nil || at.Before(now.Truncate(time.Minute)) || !h.IsOpen(at) || at.Sub(now) > 14*24*time.Hour {
			t.Errorf("%q in %s: got %q, %v", text, language, when, err)
		}
	})
}
