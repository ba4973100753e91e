package clerk

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/knowledge"
)

var update = flag.Bool("update", false, "write the replies to testdata/dialogs")

// TestDialogs compares whole conversations, with the real tools of the demo agent, with
// testdata/dialogs. A line begins with "> " for what the caller says, "T " for what the
// caller types, "< " for the reply, and "= " for the called tools. NUMBER is the number of
// the ticket that was opened last, as it is written or said; SPOKEN is how a caller says it.
// "--" begins another conversation, with the same tickets.
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogs/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata/dialogs is empty (error %v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			require.NoError(t, err)
			registry := demoTools(t)
			c := newConversation(t, registry)
			c.agent.Language, _, _ = strings.Cut(filepath.Base(file), "_")
			var got strings.Builder
			var ticket ticketNames
			for line := range strings.Lines(string(script)) {
				line = strings.TrimRight(line, "\n")
				if line == "--" {
					language := c.agent.Language
					c = newConversation(t, registry)
					c.agent.Language = language
					fmt.Fprintln(&got, line)
				}
				text, isTyped := strings.CutPrefix(line, "T ")
				text, spoken := strings.CutPrefix(text, "> ")
				if !isTyped && !spoken {
					continue
				}
				reply := c.takeTurn(ticket.replaceNames(text, c.agent.Language), isTyped)
				ticket.learn(c.messages)
				fmt.Fprintln(&got, line)
				if len(c.calledTools) > 0 {
					fmt.Fprintln(&got, "=", strings.Join(c.calledTools, " "))
				}
				fmt.Fprintln(&got, "<", ticket.hide(reply))
			}
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
			} else if got.String() != string(script) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), script)
			}
		})
	}
}

// ticketNames stand for the random number of the ticket that was opened last.
type ticketNames struct{ id tools.TicketID }

// learn finds the ticket among the results of tools.
func (n *ticketNames) learn(messages []dialog.Message) {
	for _, m := range messages {
		if m.Result == nil || len(m.Result.Notes) == 0 || m.Result.Notes[0].Kind != "ticket" {
			continue
		}
		n.id, _ = tools.ParseTicketID(m.Result.Notes[0].ID)
	}
}

// digitWords are the digits in each language.
var digitWords = map[string]string{
	"de": "null eins zwei drei vier fünf sechs sieben acht neun",
	"es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
	"fr": "zéro un deux trois quatre cinq six sept huit neuf",
}

func (n *ticketNames) replaceNames(said, language string) string {
	names := strings.Fields(cmp.Or(digitWords[language], "zero one two three four five six seven eight nine"))
	var spoken []string
	for _, digit := range strings.TrimPrefix(n.id.String(), "T-") {
		spoken = append(spoken, names[digit-'0'])
	}
	return strings.NewReplacer("NUMBER", n.id.String(), "SPOKEN", strings.Join(spoken, " ")).Replace(said)
}

func (n *ticketNames) hide(reply string) string {
	if n.id == 0 {
		return reply
	}
	return strings.NewReplacer(n.id.String(), "NUMBER", n.id.Say(), "NUMBER").Replace(reply)
}

func TestSamePromptGetsSameReply(t *testing.T) {
	c := newConversation(t, demoTools(t))
	c.say("do you ship to canada")
	c.messages = append(c.messages, dialog.Message{ID: "x", Role: dialog.User, Text: "how much is it and where is my order 47329"})
	text, calls := c.reply()
	for range 20 {
		text2, calls2 := c.reply()
		if text2 != text || fmt.Sprint(calls2) != fmt.Sprint(calls) {
			t.Fatalf("got %q %v, then %q %v", text, calls, text2, calls2)
		}
	}
}

func TestRepeatSaysWholeInterruptedReply(t *testing.T) {
	c := newConversation(t, demoTools(t))
	whole := c.say("how long does a refund take")
	c.interrupt("A refund takes")
	if got := c.say("sorry can you repeat that"); got != whole {
		t.Errorf("got %q, want %q", got, whole)
	}
}

func TestCallerCanAnswerAnInterruptedQuestion(t *testing.T) {
	c := newConversation(t, demoTools(t))
	c.say("my printer stopped working after the update")
	c.interrupt("If your printer stopped working")
	if got := c.say("yes please"); got != englishPhrases.ask[whatContact] {
		t.Errorf("got %q", got)
	}
}

func TestNumberSaidInTwoPieces(t *testing.T) {
	c := newConversation(t, demoTools(t))
	c.messages = append(c.messages,
		dialog.Message{ID: "a", Role: dialog.User, Text: "my order number is four seven"},
		dialog.Message{ID: "b", Role: dialog.Assistant, Interrupted: true})
	if got := c.say("three two nine"); !strings.Contains(got, "Order 4 7 3 2 9") {
		t.Errorf("got %q", got)
	}
}

func TestTicketIsNotOpenedTwice(t *testing.T) {
	c := newConversation(t, demoTools(t))
	c.say("please open a ticket my lamp is broken and smells")
	c.say("i don't want to leave a contact")
	c.say("yes")
	if !slices.Equal(c.calledTools, []string{createTicket}) {
		t.Fatalf("called tools %v, want %s", c.calledTools, createTicket)
	}
	c.interrupt("") // before the caller heard anything
	c.say("okay")
	if slices.Contains(c.calledTools, createTicket) {
		t.Error("the clerk opened the ticket again")
	}
}

// newRestrictedConversation returns a conversation with only some of the demo's tools.
func newRestrictedConversation(t *testing.T, allow ...string) *conversation {
	t.Helper()
	registry, err := demoTools(t).Restrict(tools.Policy{Allow: append([]string{}, allow...)})
	require.NoError(t, err)
	return newConversation(t, registry)
}

func TestClerkOffersOnlyWhatItsToolsCanDo(t *testing.T) {
	c := newRestrictedConversation(t)
	for _, said := range []string{"do you ship to canada", "open a ticket", "agent please", "where is my order 47329",
		"this is useless", "what is the status of ticket t one two", "john at example dot com", "yes", "close ticket t five"} {
		reply := c.say(said)
		if strings.Contains(reply, "hall I") || len(c.calledTools) > 0 {
			t.Errorf("%q: got %q and tool calls %v, want neither an offer nor a call", said, reply, c.calledTools)
		}
	}
	c = newRestrictedConversation(t, searchKnowledge, handOver)
	if got := c.say("do you sell dog food"); !strings.HasSuffix(got, consentQuestion+" "+handOver) {
		t.Errorf("got %q, want the offer of a person", got)
	}
}

func TestClerkAdmitsAFailedTool(t *testing.T) {
	failing := func(name, parameters string) tools.Tool { return failingTool{name, parameters} }
	registry, err := tools.NewRegistry(
		failing(searchKnowledge, `{"type":"object"}`), failing(createTicket, `{"type":"object"}`), failing(handOver, `{"type":"object"}`),
		failing(getTicket, `{"type":"object"}`), failing("order_status", `{"type":"object","properties":{"key":{"type":"string"}},"required":["key"]}`))
	require.NoError(t, err)
	for _, said := range []string{"do you ship to canada", "where is order 47329", "agent please", "status of ticket t four eight two nine one five three two"} {
		if got := newConversation(t, registry).say(said); !strings.HasPrefix(got, englishPhrases.failed) {
			t.Errorf("%q: got %q", said, got)
		}
	}
}

// failingTool is a tool that always fails.
type failingTool struct{ name, parameters string }

func (f failingTool) Spec() tools.Spec {
	return tools.Spec{Name: f.name, Description: f.name, Parameters: []byte(f.parameters)}
}

func (f failingTool) Call(context.Context, tools.Call) (tools.Result, error) {
	return tools.Result{}, os.ErrDeadlineExceeded
}

func TestOtherLanguages(t *testing.T) {
	dir := t.TempDir()
	page := "# Öffnungszeiten\n\nUnser Laden öffnet am Samstag um 9 Uhr und schließt um 18 Uhr.\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "zeiten.md"), []byte(page), 0o644))
	base, err := knowledge.Open(context.Background(), dir, knowledge.Options{Language: "de"})
	require.NoError(t, err)
	t.Cleanup(func() { base.Close() })
	registry, err := demoTools(t).Restrict(tools.Policy{Allow: []string{createTicket, handOver, getTicket, updateTicket}})
	require.NoError(t, err)
	if registry, err = registry.With(knowledge.Tool(base)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ language, said, want string }{
		{"de-DE", "wann öffnet der laden am samstag", "Das steht auf unserer Seite Öffnungszeiten."},
		{"de-DE", "ich möchte mit einem mitarbeiter sprechen", germanPhrases.ask[whatContact]},
		{"de-DE", "ich möchte ein ticket anlegen", germanPhrases.ask[whatProblem]},
		{"de-DE", "vielen dank", germanPhrases.welcome},
		{"de-DE", "ja", germanPhrases.stopped},
		{"es", "hola", spanishPhrases.here},
		{"es-MX", "quiero hablar con una persona", spanishPhrases.ask[whatContact]},
		{"es", "sí, claro", spanishPhrases.stopped},
		{"fr-FR", "merci beaucoup", frenchPhrases.welcome},
		{"fr", "s'il vous plaît", frenchPhrases.stopped},
		{"fr", "je voudrais parler à un conseiller", frenchPhrases.ask[whatContact]},
		{"pl", "dziękuję", englishPhrases.unknown},
	} {
		conversation := newConversation(t, registry)
		conversation.agent.Language = c.language
		if got := conversation.say(c.said); !strings.Contains(got, c.want) {
			t.Errorf("%s %q: got %q, want it to contain %q", c.language, c.said, got, c.want)
		}
	}
}

func TestStatusOfATicketIsSaidInTheLanguageOfTheAgent(t *testing.T) {
	for language, asks := range map[string][5]string{
		"de": {"ich möchte ein ticket anlegen", "mein drucker ist kaputt", "anna@example.com", "ja bitte", "was ist der stand des tickets"},
		"fr": {"je voudrais ouvrir un ticket", "mon imprimante est en panne", "anna@example.com", "oui", "quel est l'état du ticket"},
		"es": {"quiero abrir un ticket", "mi impresora no funciona", "anna@example.com", "sí", "cuál es el estado del ticket"},
	} {
		c := newConversation(t, demoTools(t))
		c.agent.Language = language
		got := ""
		for _, said := range asks {
			got = c.takeTurn(said, true)
		}
		if want := phrasesFor(language).statuses[tools.Open]; !strings.Contains(got, want+".") {
			t.Errorf("%s: got %q, want it to contain %q", language, got, want)
		}
	}
}

func TestReplyYieldsOneSentencePerChunk(t *testing.T) {
	c := newConversation(t, demoTools(t))
	c.say("how long does a refund take")
	c.messages = c.messages[:len(c.messages)-1]
	var pieces []string
	for chunk := range (Clerk{}).Reply(context.Background(), dialog.Prompt{Agent: c.agent, Messages: c.messages, Tools: c.tools.Specs()}) {
		pieces = append(pieces, chunk.Text)
	}
	if len(pieces) < 2 || !strings.HasSuffix(pieces[0], ". ") {
		t.Errorf("got chunks %q, want one sentence each", pieces)
	}
}

func TestCancelledReplyYieldsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range (Clerk{}).Reply(ctx, dialog.Prompt{}) {
		if err == nil {
			t.Error("Reply yielded a chunk, want an error")
		}
	}
}

// FuzzHistory gives the clerk impossible histories and tools with any output. In the end the
// clerk always says something or ends the call.
func FuzzHistory(f *testing.F) {
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
				require.NoError(t, err)
				text += chunk.Text
				if chunk.Call != nil {
					calls = append(calls, *chunk.Call)
				}
			}
			if len(calls) == 0 {
				if strings.TrimSpace(text) == "" {
					t.Fatal("the reply has neither text nor a tool call")
				}
				return
			}
			prompt.Messages = append(prompt.Messages, dialog.Message{Role: dialog.Assistant, Calls: calls})
			for _, c := range calls {
				prompt.Messages = append(prompt.Messages, dialog.Message{Role: dialog.ToolRole, Result: &tools.Result{CallID: c.ID, Output: []byte(output)}})
			}
		}
		t.Fatal("the clerk keeps calling tools")
	})
}

func BenchmarkReply(b *testing.B) {
	c := newConversation(b, demoTools(b))
	for range 10 {
		c.say("do you ship to canada")
		c.say("my printer stopped working after the update")
	}
	c.messages = c.messages[:len(c.messages)-1]
	b.ReportAllocs()
	for b.Loop() {
		c.reply()
	}
}
