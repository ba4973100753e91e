package clerk

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/tools"
)

var update = flag.Bool("update", false, "write what the clerk says into testdata/dialogs")

// TestDialogs holds whole conversations, with the agent's real tools, against
// testdata/dialogs: "> " is what the caller says, "T " what the caller types, "< "
// the reply, "= " the tools that were used.
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogs/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogs", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := newConversation(t, shop(t))
			var got strings.Builder
			for line := range strings.Lines(string(script)) {
				line = strings.TrimRight(line, "\n")
				text, typed := strings.CutPrefix(line, "T ")
				text, spoken := strings.CutPrefix(text, "> ")
				if !typed && !spoken {
					continue
				}
				reply := c.turn(text, typed)
				fmt.Fprintln(&got, line)
				if len(c.used) > 0 {
					fmt.Fprintln(&got, "=", strings.Join(c.used, " "))
				}
				fmt.Fprintln(&got, "<", reply)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got.String() != string(script) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), script)
			}
		})
	}
}

func TestTheSamePromptGetsTheSameReply(t *testing.T) {
	c := newConversation(t, shop(t))
	c.say("do you ship to canada")
	c.messages = append(c.messages, dialog.Message{ID: "x", Role: dialog.User, Text: "how much is it and where is my order 47329"})
	text, calls := c.step()
	for range 20 {
		again, callsAgain := c.step()
		if again != text || fmt.Sprint(callsAgain) != fmt.Sprint(calls) {
			t.Fatalf("got %q %v, then %q %v", text, calls, again, callsAgain)
		}
	}
}

func TestRepeatSaysAllOfAnInterruptedReply(t *testing.T) {
	c := newConversation(t, shop(t))
	whole := c.say("how long does a refund take")
	c.interrupt("A refund takes")
	if got := c.say("sorry can you repeat that"); got != whole {
		t.Errorf("got %q, want %q", got, whole)
	}
}

func TestAnInterruptedQuestionCanBeAnswered(t *testing.T) {
	c := newConversation(t, shop(t))
	c.say("my printer stopped working after the update")
	c.interrupt("If your printer stopped working")
	if got := c.say("yes please"); got != inEnglish.ask[whatContact] {
		t.Errorf("got %q", got)
	}
}

func TestANumberInTwoPiecesIsOne(t *testing.T) {
	c := newConversation(t, shop(t))
	c.messages = append(c.messages,
		dialog.Message{ID: "a", Role: dialog.User, Text: "my order number is four seven"},
		dialog.Message{ID: "b", Role: dialog.Assistant, Interrupted: true})
	if got := c.say("three two nine"); !strings.Contains(got, "Order 4 7 3 2 9") {
		t.Errorf("got %q", got)
	}
}

func TestATicketIsNotOpenedTwice(t *testing.T) {
	c := newConversation(t, shop(t))
	c.say("please open a ticket my lamp is broken and smells")
	c.say("i don't want to leave a contact")
	if !slices.Equal(c.used, []string{createTicket}) {
		t.Fatalf("used %v", c.used)
	}
	c.interrupt("") // the caller heard nothing of it
	c.say("okay")
	if slices.Contains(c.used, createTicket) {
		t.Error("the ticket was opened again")
	}
}

// alone is a conversation with only some tools.
func alone(t *testing.T, allow ...string) *conversation {
	t.Helper()
	registry, err := shop(t).Restrict(tools.Policy{Allow: append([]string{}, allow...)})
	if err != nil {
		t.Fatal(err)
	}
	return newConversation(t, registry)
}

func TestNothingIsOfferedThatCannotBeDone(t *testing.T) {
	c := alone(t)
	for _, said := range []string{"do you ship to canada", "open a ticket", "agent please", "where is my order 47329",
		"this is useless", "what is the status of ticket t one two", "john at example dot com", "yes", "close ticket t five"} {
		reply := c.say(said)
		if strings.Contains(reply, "hall I") || len(c.used) > 0 {
			t.Errorf("%q: got %q with tools %v", said, reply, c.used)
		}
	}
	c = alone(t, searchKnowledge, handOver)
	if got := c.say("do you sell dog food"); !strings.HasSuffix(got, inEnglish.ask[shallPerson]) {
		t.Errorf("got %q, want a person offered", got)
	}
}

func TestAFailedToolIsAdmitted(t *testing.T) {
	broken := func(name, parameters string) tools.Tool { return failing{name, parameters} }
	registry, err := tools.NewRegistry(
		broken(searchKnowledge, `{"type":"object"}`), broken(createTicket, `{"type":"object"}`), broken(handOver, `{"type":"object"}`),
		broken(getTicket, `{"type":"object"}`), broken("order_status", `{"type":"object","properties":{"key":{"type":"string"}},"required":["key"]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"do you ship to canada", "where is order 47329", "agent please", "status of ticket t one two"} {
		if got := newConversation(t, registry).say(said); !strings.HasPrefix(got, inEnglish.failed) {
			t.Errorf("%q: got %q", said, got)
		}
	}
}

// failing is a tool that cannot do it.
type failing struct{ name, parameters string }

func (f failing) Spec() tools.Spec {
	return tools.Spec{Name: f.name, Description: f.name, Parameters: []byte(f.parameters)}
}

func (f failing) Call(context.Context, tools.Call) (tools.Result, error) {
	return tools.Result{}, os.ErrDeadlineExceeded
}

func TestOtherLanguages(t *testing.T) {
	dir := t.TempDir()
	page := "# Öffnungszeiten\n\nUnser Laden öffnet am Samstag um 9 Uhr und schließt um 18 Uhr.\n"
	if err := os.WriteFile(filepath.Join(dir, "zeiten.md"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	knowledge, err := tools.OpenKnowledge(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { knowledge.Close() })
	registry, err := shop(t).Restrict(tools.Policy{Allow: []string{createTicket, handOver, getTicket, updateTicket}})
	if err != nil {
		t.Fatal(err)
	}
	if registry, err = registry.With(tools.KnowledgeTool(knowledge)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ language, said, want string }{
		{"de-DE", "wann öffnet der laden am samstag", "Das steht auf unserer Seite Öffnungszeiten."},
		{"de-DE", "ich möchte mit einem mitarbeiter sprechen", inGerman.ask[whatContact]},
		{"de-DE", "ich möchte ein ticket anlegen", inGerman.ask[whatProblem]},
		{"de-DE", "vielen dank", inGerman.welcome},
		{"de-DE", "ja", inGerman.stopped},
		{"es", "hola", inSpanish.here},
		{"es-MX", "quiero hablar con una persona", inSpanish.ask[whatContact]},
		{"fr-FR", "merci beaucoup", inFrench.welcome},
		{"fr", "je voudrais parler à un conseiller", inFrench.ask[whatContact]},
		{"pl", "dziękuję", inEnglish.unknown},
	} {
		talk := newConversation(t, registry)
		talk.agent.Language = c.language
		if got := talk.say(c.said); !strings.Contains(got, c.want) {
			t.Errorf("%s %q: got %q, want %q in it", c.language, c.said, got, c.want)
		}
	}
}

func TestTextStreamsBySentence(t *testing.T) {
	c := newConversation(t, shop(t))
	c.say("how long does a refund take")
	c.messages = c.messages[:len(c.messages)-1]
	var pieces []string
	for chunk := range (Clerk{}).Reply(context.Background(), dialog.Prompt{Agent: c.agent, Messages: c.messages, Tools: c.tools.Specs()}) {
		pieces = append(pieces, chunk.Text)
	}
	if len(pieces) < 2 || !strings.HasSuffix(pieces[0], ". ") {
		t.Errorf("got %q, want a sentence at a time", pieces)
	}
}

func TestACancelledReplyIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range (Clerk{}).Reply(ctx, dialog.Prompt{}) {
		if err == nil {
			t.Error("no error")
		}
	}
}

// FuzzAnyHistoryEndsInWords feeds histories no loop would make and plays tools that
// answer anything: the clerk always says something in the end, or ends the call.
func FuzzAnyHistoryEndsInWords(f *testing.F) {
	f.Add("u:hello|a:Is that right?|u:yes", `{"passages":[{"page":"P","text":"One. Two."}]}`, "en")
	f.Add("u:open a ticket my lamp broke|a:How can we reach you, by e-mail or by phone?|u:j at x dot com|a:Is that right?|u:yes", `{"id":"T-1"}`, "de-DE")
	f.Add("u:order 47329|c:order_status|u:no 47|a:What is your order number?|u:329", `{"found":true,"record":{"status":"lost"}}`, "")
	f.Add("a:hi|i:What is your|u:repeat that|i:W|u:repeat that|u:and|u:first a second b third c", `[]`, "xx")
	f.Add("u:\xff\x00 @ at dot|u:double triple|u:a at b dot|u:"+strings.Repeat("seven ", 500), `null`, "fr")
	f.Add("u:close ticket t 5|a:Shall I close it?|u:yes", `{"error":{"code":"not_found"}}`, "en-US")
	f.Fuzz(func(t *testing.T, history, output, language string) {
		if len(history) > 4000 {
			return
		}
		var messages []dialog.Message
		for i, line := range strings.Split(history, "|") {
			kind, text, _ := strings.Cut(line, ":")
			m := dialog.Message{ID: fmt.Sprint(i), Role: dialog.User, Text: text}
			switch kind {
			case "a", "i":
				m.Role, m.Interrupted = dialog.Assistant, kind == "i"
			case "c":
				m = dialog.Message{ID: m.ID, Role: dialog.Assistant, Calls: []tools.Call{{ID: m.ID, Name: text}}}
			case "r":
				m = dialog.Message{ID: m.ID, Role: dialog.ToolRole, Result: &tools.Result{CallID: fmt.Sprint(i - 1), Output: []byte(output)}}
			case "t":
				m.Typed = true
			}
			messages = append(messages, m)
		}
		specs := []tools.Spec{endCallSpec, {Name: "order_status", Parameters: []byte(`{"required":["key"],"properties":{"key":{}}}`)}}
		for _, name := range []string{searchKnowledge, createTicket, getTicket, updateTicket, handOver} {
			specs = append(specs, tools.Spec{Name: name, Parameters: []byte("{}")})
		}
		prompt := dialog.Prompt{Agent: &dialog.Agent{Language: language}, Messages: messages, Tools: specs}
		for range 3 {
			var text string
			var calls []tools.Call
			for chunk, err := range (Clerk{}).Reply(context.Background(), prompt) {
				if err != nil {
					t.Fatal(err)
				}
				text += chunk.Text
				if chunk.Call != nil {
					calls = append(calls, *chunk.Call)
				}
			}
			if len(calls) == 0 {
				if strings.TrimSpace(text) == "" {
					t.Fatal("neither words nor a call")
				}
				return
			}
			prompt.Messages = append(prompt.Messages, dialog.Message{Role: dialog.Assistant, Calls: calls})
			for _, c := range calls {
				prompt.Messages = append(prompt.Messages, dialog.Message{Role: dialog.ToolRole, Result: &tools.Result{CallID: c.ID, Output: []byte(output)}})
			}
		}
		t.Fatal("the clerk goes on calling tools")
	})
}

func BenchmarkReply(b *testing.B) {
	c := newConversation(b, shop(b))
	for range 10 {
		c.say("do you ship to canada")
		c.say("my printer stopped working after the update")
	}
	c.messages = c.messages[:len(c.messages)-1]
	b.ReportAllocs()
	for b.Loop() {
		c.step()
	}
}
