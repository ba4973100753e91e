package understanding

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"frontdesk/dialog"
)

func TestIntents(t *testing.T) {
	for _, c := range []struct {
		caller, tool string
		want         dialog.Intent
	}{
		{"Where is my order 47329?", "order_status", dialog.IntentDelivery},
		{"it is 47329", "order_status", dialog.IntentLookup},
		{"Can I talk to a person please", "", dialog.IntentPerson},
		{"how long does the battery last", "search_knowledge", dialog.IntentQuestion},
		{"my kettle leaks", "search_knowledge", dialog.IntentQuestion},
		{"yes please", "create_ticket", dialog.IntentYes},
		{"open a ticket about the kettle", "create_ticket", dialog.IntentTicketNew},
		{"what is the status of my ticket", "", dialog.IntentTicketStatus},
		{"I want to make a complaint", "", dialog.IntentComplaint},
		{"thanks, bye", "end_call", dialog.IntentGoodbye},
		{"Wann haben Sie am Samstag geöffnet?", "", dialog.IntentHours},
		{"Wo bleibt mein Paket?", "", dialog.IntentDelivery},
		{"Je voudrais parler à un conseiller", "", dialog.IntentPerson},
		{"Comment retourner un article ?", "search_knowledge", dialog.IntentRefund},
		{"¿Dónde está mi pedido?", "", dialog.IntentDelivery},
		{"gracias", "", dialog.IntentThanks},
		{"the blue one", "", dialog.IntentOther},
	} {
		turn := Turn{Language: "en", Caller: c.caller, Reply: "Here it is.", Status: dialog.Completed}
		if c.tool != "" {
			turn.Tools = []dialog.ToolUse{{Name: c.tool}}
		}
		got := Read(turn)
		if got.Intent != c.want || got.Confidence <= 0 || got.Confidence > 1 || !got.Answered {
			t.Errorf("%q: got %+v, want %s", c.caller, got, c.want)
		}
	}
}

func TestEntities(t *testing.T) {
	for text, want := range map[string]string{
		"where is order 47329 from last Tuesday":               "order=47329 date=Tuesday",
		"my ticket is T-48291532":                              "ticket=T-48291532",
		"Bestellung 12345 kostet 19,90 €, das war am 3. März.": "order=12345 amount=19,90 € date=3. März",
		"I paid $45.50, mail me at Ann.Lee@example.com":        "contact=ann.lee@example.com amount=$45.50",
		"call me on +44 20 7946 0123 tomorrow":                 "date=tomorrow contact=+442079460123",
		"a commande 88123 de demain":                           "order=88123 date=demain",
		"nothing in here":                                      "",
		"on 2026-11-30 at 14:30":                               "date=2026-11-30",
	} {
		var got []string
		for _, e := range Read(Turn{Caller: text}).Entities {
			got = append(got, fmt.Sprintf("%s=%s", e.Kind, e.Value))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", text, strings.Join(got, " "), want)
		}
	}
	u := Read(Turn{Caller: "where is it", Outputs: []json.RawMessage{[]byte(`{"records":[{"item":"Kettle","status":"sent"},{"item":"Kettle"}]}`), []byte(`broken`)}})
	if want := []dialog.Entity{{Kind: dialog.EntityProduct, Value: "Kettle"}}; !slices.Equal(u.Entities, want) {
		t.Errorf("products %v, want %v", u.Entities, want)
	}
}

func TestAnswered(t *testing.T) {
	ok, failed := []dialog.ToolUse{{Name: "x"}}, []dialog.ToolUse{{Name: "x", Failed: true}}
	for _, c := range []struct {
		turn Turn
		want bool
	}{
		{Turn{Reply: "We open at 8.", Status: dialog.Completed}, true},
		{Turn{Reply: "", Status: dialog.Completed}, false},
		{Turn{Reply: "We open at 8.", Status: dialog.Failed}, false},
		{Turn{Reply: "Sorry.", Status: dialog.Completed, Tools: failed}, false},
		{Turn{Reply: "It is on its way.", Status: dialog.Completed, Tools: append(failed, ok...)}, true},
		{Turn{Reply: "I'm sorry, our pages don't say anything about that. Shall I open a ticket?", Status: dialog.Completed}, false},
		{Turn{Reply: "Sorry, I did not get that. Could you say it another way?", Status: dialog.Completed}, false},
		{Turn{Reply: "Dazu steht auf unseren Seiten leider nichts.", Status: dialog.Completed}, false},
		{Turn{Reply: "Désolé, nos pages ne disent rien à ce sujet.", Status: dialog.Completed}, false},
		{Turn{Reply: "Lo siento, nuestras páginas no dicen nada sobre eso.", Status: dialog.Completed}, false},
	} {
		if got := Read(c.turn).Answered; got != c.want {
			t.Errorf("%q: answered is %v, want %v", c.turn.Reply, got, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("where is order 47329, I am very angry!", "I don't know.", `{"item":"Kettle"}`)
	f.Add("T-48291532 3. März 19,90 €", "\xff", `[[[{"product":["x"]}]]]`)
	f.Fuzz(func(t *testing.T, caller, reply, output string) {
		u := Read(Turn{Caller: caller, Reply: reply, Tools: []dialog.ToolUse{{Name: "x"}}, Outputs: []json.RawMessage{[]byte(output)}})
		if math.IsNaN(u.Sentiment) || u.Sentiment < -1 || u.Sentiment > 1 || u.Confidence < 0 || u.Confidence > 1 || u.Intent == "" || len(u.Entities) > 2*maxEntities {
			t.Fatalf("got %+v", u)
		}
		for _, e := range u.Entities {
			if e.Value == "" || len(e.Value) > maxValue || !utf8.ValidString(e.Value) {
				t.Fatalf("entity %+v", e)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	turn := Turn{Language: "en", Caller: "Hello, where is my order 47329? I ordered it last Tuesday and I am really not happy about this.", Reply: "It is on its way.", Tools: []dialog.ToolUse{{Name: "order_status"}}}
	for b.Loop() {
		Read(turn)
	}
}
