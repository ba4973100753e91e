package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// output answers a client's tool the call was for.
func (c *caller) output(call, out string) {
	c.send(dialog.Heard{Kind: dialog.ToolOutput, Result: &tools.Result{CallID: call, Output: json.RawMessage(out)}})
}

func TestTheClientsToolsAreAnsweredByTheClient(t *testing.T) {
	spec := []tools.Spec{{Name: "page", Parameters: json.RawMessage(`{"type":"object"}`)}, {Name: "light", Parameters: json.RawMessage(`{"type":"object"}`)}}
	for _, tt := range []struct {
		name   string
		script func(c *caller, calls []dialog.Event)
		want   string // replies
		failed int    // tool uses of the first turn
	}{
		{"answered and asked for", func(c *caller, calls []dialog.Event) {
			c.output(calls[0].Call.ID, `{"n":1}`)
			c.send(dialog.Heard{Kind: dialog.Respond}) // as clients do after each output
			synctest.Wait()
			c.output(calls[1].Call.ID, `{"n":2}`)
			c.send(dialog.Heard{Kind: dialog.Respond})
		}, `Let me see.|It says {"n":2}.`, 0},
		{"answered, and no reply wanted", func(c *caller, calls []dialog.Event) {
			c.output(calls[0].Call.ID, `{"n":1}`)
			c.output(calls[1].Call.ID, `{"n":2}`)
			c.wait(time.Minute)
		}, `Let me see.`, 0},
		{"never answered", func(c *caller, calls []dialog.Event) {
			c.wait(time.Minute)
		}, `Let me see.|It says {"error":{"code":"timeout","message":"the caller's device did not answer"}}.`, 2},
		{"the caller goes on", func(c *caller, calls []dialog.Event) {
			c.types("hello")
			synctest.Wait()
			c.output(calls[0].Call.ID, `{"n":1}`)
			c.wait(time.Minute)
		}, `Let me see.|Hello.`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			model := modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
				if lastUser(p.Messages) == "hello" {
					yield(dialog.Chunk{Text: "Hello."}, nil)
					return
				}
				useOnce(ctx, p, yield)
			})
			c, _ := converse(t, &dialog.Agent{Model: model}, Options{Tools: spec}, func(c *caller) {
				c.types("page light")
				synctest.Wait()
				tt.script(c, c.all(dialog.ClientToolCalled))
				synctest.Wait()
			})
			if got := strings.Join(c.replies(), "|"); got != tt.want {
				t.Errorf("replies %q", got)
			}
			failed := 0
			for _, u := range c.turns()[0].Tools {
				if u.Failed {
					failed++
				}
			}
			if failed != tt.failed {
				t.Errorf("turn %+v", c.turns()[0])
			}
		})
	}
}

func TestAToolOutputForNoCallIsRefused(t *testing.T) {
	c, _ := converse(t, &dialog.Agent{Model: echo}, Options{}, func(c *caller) {
		c.output("call_x", `{}`)
		c.send(dialog.Heard{Kind: dialog.ToolOutput})
	})
	if got := c.notices(); got != "not_found" {
		t.Errorf("notices %q", got)
	}
}

func TestStopSilencesTheAgentAndAsksForNothing(t *testing.T) {
	c, _ := converse(t, &dialog.Agent{Model: hanging("Well, it is a long story. And")}, Options{}, func(c *caller) {
		c.types("tell me")
		c.wait(time.Second)
		c.send(dialog.Heard{Kind: dialog.CancelReply})
		c.wait(time.Minute)
	})
	ends := c.all(dialog.ReplyEnded)
	if len(ends) != 1 || ends[0].Status != dialog.Cancelled || ends[0].Text != "Well, it is a long story." {
		t.Errorf("replies %+v", ends)
	}
}

func TestTypedTextWaitsUntilAReplyIsAskedFor(t *testing.T) {
	j := &fakeJournal{}
	c, _ := converse(t, &dialog.Agent{Model: echo}, Options{Journal: j}, func(c *caller) {
		c.send(dialog.Heard{Kind: dialog.Typed, Text: "one"})
		c.wait(time.Minute)
		if n := len(c.all(dialog.ReplyStarted)); n > 0 {
			t.Errorf("%d replies nobody asked for", n)
		}
		c.types("two")
		synctest.Wait()
		c.send(dialog.Heard{Kind: dialog.Typed, Text: "three"})
	})
	if got, want := j.history(), "u:one | u:two | a:You said: two. | u:three"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if got := c.turns(); len(got) != 1 || got[0].Caller != "one two" {
		t.Errorf("turns %+v", got)
	}
}

func TestTextThatIsTooLongIsRefusedAndNothingElse(t *testing.T) {
	c, _ := converse(t, &dialog.Agent{Model: echo}, Options{}, func(c *caller) {
		c.send(dialog.Heard{Kind: dialog.Typed, Text: strings.Repeat("x", maxTyped+1)})
		c.types("hi")
	})
	if c.notices() != "too_large" || len(c.replies()) != 1 || c.replies()[0] != "You said: hi." {
		t.Errorf("notices %q, replies %q", c.notices(), c.replies())
	}
}

func TestMessagesNobodyWantsAnsweredAreBounded(t *testing.T) {
	c, _ := converse(t, &dialog.Agent{Model: echo}, Options{}, func(c *caller) {
		for range maxPending + 5 {
			c.send(dialog.Heard{Kind: dialog.Typed, Text: "x"})
		}
		synctest.Wait()
		c.send(dialog.Heard{Kind: dialog.Respond})
		c.wait(time.Second)
		c.types("hello")
	})
	if n := strings.Count(c.notices(), "rate_limited"); n != 5 || len(c.turns()) != 2 {
		t.Errorf("%d refused, %d turns", n, len(c.turns()))
	}
}

func TestATrustedClientAltersTheAgent(t *testing.T) {
	var seen []dialog.Prompt
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		seen = append(seen, p)
		yield(dialog.Chunk{Text: "Yes."}, nil)
	})
	text := "Be brief."
	converse(t, &dialog.Agent{Model: model, Instructions: "Be kind."}, Options{}, func(c *caller) {
		c.types("one")
		synctest.Wait()
		c.send(dialog.Heard{Kind: dialog.Update, Update: &dialog.AgentUpdate{Instructions: &text, ReplaceTools: true, Tools: []tools.Spec{{Name: "page"}}}})
		c.types("two")
	})
	if len(seen) != 2 || !strings.HasPrefix(seen[0].Instructions, "Be kind.") || !strings.HasPrefix(seen[1].Instructions, text) ||
		len(seen[0].Tools) != 1 || len(seen[1].Tools) != 2 {
		t.Errorf("prompts %+v", seen)
	}
}

func TestTheModelCanEndTheCall(t *testing.T) {
	ends := func(text string) modelFunc {
		return func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
			if text == "" || yield(dialog.Chunk{Text: text}, nil) {
				yield(dialog.Chunk{Call: &tools.Call{Name: "end_call"}}, nil)
			}
		}
	}
	for text, want := range map[string]string{"Take care.": "Take care.", "": "So long."} {
		c, end := converse(t, &dialog.Agent{Model: ends(text), Farewell: "So long."}, Options{}, func(c *caller) { c.types("I am done") })
		if got := c.replies(); len(got) != 1 || got[0] != want || end.outcome != dialog.Goodbye {
			t.Errorf("replies %q, ended %v", got, end)
		}
	}
}

func TestAnIdleTextLineEndsWithoutPrompts(t *testing.T) {
	c, end := converse(t, &dialog.Agent{Greeting: "Hello.", Model: echo, Farewell: "Bye."}, Options{}, func(c *caller) {
		c.wait(silenceOnTextLine - time.Second)
		if len(c.replies()) != 1 {
			t.Errorf("replies %q", c.replies())
		}
		c.wait(time.Minute)
	})
	if got := c.replies(); len(got) != 2 || got[1] != "Bye." || end.outcome != dialog.NoAnswer {
		t.Errorf("replies %q, ended %v", got, end)
	}
}

func TestAResumedConversationGoesOnWithItsHistory(t *testing.T) {
	var seen dialog.Prompt
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		seen = p
		yield(dialog.Chunk{Text: "Yes."}, nil)
	})
	old := []dialog.Message{user("before"), {ID: "a1", Role: dialog.Assistant, Text: "It was."}}
	c, _ := converse(t, &dialog.Agent{Greeting: "Hello.", Model: model}, Options{History: old, LastTurn: 7}, func(c *caller) { c.types("now") })
	if got := transcript(seen.Messages); got != "u:before | a:It was. | u:now" {
		t.Errorf("the model saw %q", got)
	}
	if got := c.turns(); len(got) != 1 || got[0].Number != 8 || len(c.replies()) != 1 {
		t.Errorf("turns %+v, replies %q", got, c.replies())
	}
}

func TestTheEventsOfACallComeInTheProtocolsOrder(t *testing.T) {
	agent := &dialog.Agent{Greeting: "Hello.", Model: useOnce, Tools: registry(t, map[string]func(context.Context) (string, error){
		"look": func(context.Context) (string, error) { return `{"n":1}`, nil },
	})}
	p, _ := telephone(t, agent, Options{}, func(p *phone) {
		p.wait(time.Second)
		p.says("look")
		p.wait(5 * time.Second)
	})
	var out strings.Builder
	for _, e := range p.all() {
		fmt.Fprintln(&out, eventLine(e))
	}
	golden := "testdata/events.golden"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("events\n%s\nwant\n%s", out.String(), want)
	}
}

// eventLine shows an event without its times.
func eventLine(e dialog.Event) string {
	names := [...]string{"CallerStarted", "CallerStopped", "CallerPartial", "CallerSaid", "ReplyStarted", "ReplyText", "SpeakingStarted",
		"ReplyHeard", "SpeakingStopped", "ReplyEnded", "ToolStarted", "ToolEnded", "ClientTool", "Noticed", "TurnEnded"}
	s := fmt.Sprintf("%d %s", e.Turn, names[e.Kind])
	for _, id := range []string{e.Item, e.Response} {
		if id != "" {
			s += " " + id
		}
	}
	if e.Text != "" {
		s += fmt.Sprintf(" %q", e.Text)
	}
	if e.Status != "" {
		s += " " + string(e.Status)
	}
	if e.Call != nil {
		s += " " + e.Call.Name
	}
	return s
}
