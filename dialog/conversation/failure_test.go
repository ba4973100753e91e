package conversation

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

// answering is a model that says text at once.
func answering(text string) modelFunc {
	return func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		yield(dialog.Chunk{Text: text}, nil)
	}
}

// failing is a model that says text, if any, and then fails.
func failing(text string, err error) modelFunc {
	return func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if text == "" || yield(dialog.Chunk{Text: text}, nil) {
			yield(dialog.Chunk{}, err)
		}
	}
}

// hanging is a model that says text, if any, and then nothing.
func hanging(text string) modelFunc {
	return func(ctx context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if text == "" || yield(dialog.Chunk{Text: text}, nil) {
			<-ctx.Done()
			yield(dialog.Chunk{}, ctx.Err())
		}
	}
}

// inTurn is a model that is each of models once, then the last one.
func inTurn(models ...dialog.Model) modelFunc {
	i := 0
	return func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		m := models[min(i, len(models)-1)]
		i++
		for c, err := range m.Reply(ctx, p) {
			if !yield(c, err) {
				return
			}
		}
	}
}

func TestAModelsFailureIsToldAndTheConversationGoesOn(t *testing.T) {
	soon := fault.New(fault.Provider, "overloaded").Retryable(0)
	never := fault.New(fault.Provider, "wrong key")
	for _, tt := range []struct {
		name    string
		model   dialog.Model
		replies string
		notices string
		status  dialog.Status
		code    string
	}{
		{"retryable, nothing said", inTurn(failing("", soon), echo), "You said: one.", "", dialog.Completed, ""},
		{"retryable, twice", inTurn(failing("", soon), failing("", soon), echo), apologies[0], "model_lost", dialog.Failed, "provider_failed"},
		{"not retryable", inTurn(failing("", never), echo), apologies[0], "model_lost", dialog.Failed, "provider_failed"},
		{"in the middle", inTurn(failing("Well, it", soon), echo), "Well, it " + apologies[0], "model_lost", dialog.Failed, "provider_failed"},
		{"no first token", inTurn(hanging(""), echo), apologies[0], "model_lost", dialog.Failed, "timeout"},
		{"stalled", inTurn(hanging("Well, it"), echo), "Well, it " + apologies[0], "model_lost", dialog.Failed, "timeout"},
		{"no words", inTurn(answering(" \n"), echo), notUnderstood, "", dialog.Completed, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := converse(t, &dialog.Agent{Model: tt.model}, Options{}, func(c *caller) {
				c.types("one")
				c.wait(time.Minute)
				c.types("two")
			})
			replies := c.replies()
			if len(replies) != 2 || replies[0] != tt.replies || replies[1] != "You said: two." {
				t.Errorf("replies %q", replies)
			}
			if got := c.notices(); got != tt.notices {
				t.Errorf("notices %q", got)
			}
			if turn := c.turns()[0]; turn.Status != tt.status || turn.Error != tt.code {
				t.Errorf("turn %+v", turn)
			}
		})
	}
}

func TestAToolThatFailsIsTold(t *testing.T) {
	agent := &dialog.Agent{Model: useOnce, Tools: registry(t, map[string]func(context.Context) (string, error){
		"look": func(context.Context) (string, error) {
			return "", fault.New(fault.Unavailable, "the warehouse does not answer")
		},
	})}
	c, _ := converse(t, agent, Options{}, func(c *caller) { c.types("look") })
	if got := c.replies(); len(got) != 1 || !strings.Contains(got[0], "the warehouse does not answer") {
		t.Errorf("replies %q", got)
	}
	if c.notices() != "tool_failed" || !c.turns()[0].Tools[0].Failed {
		t.Errorf("notices %q, turn %+v", c.notices(), c.turns()[0])
	}
}

func TestAToolWithAnEffectOutlivesAnInterruption(t *testing.T) {
	for _, tt := range []struct {
		tool, want string
	}{
		{"refund_write", `u:refund_write | a:+refund_write | a:Let me see.– | u:stop | a:It says {"done":true}. | t:{"done":true}`},
		{"look", `u:look | a:+look | a:Let me see.– | t:{"error":{"code":"unavailable","message":"it was cancelled"}} | u:stop | a:fine`},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			slow := func(ctx context.Context) (string, error) {
				select {
				case <-time.After(3 * time.Second):
					return `{"done":true}`, nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}
			agent := &dialog.Agent{Model: useOnce, Tools: registry(t, map[string]func(context.Context) (string, error){tt.tool: slow})}
			var prompt []dialog.Message
			agent.Model = modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
				if lastUser(p.Messages) == "stop" {
					prompt = p.Messages
					yield(dialog.Chunk{Text: "fine"}, nil)
					return
				}
				useOnce(ctx, p, yield)
			})
			j := &fakeJournal{}
			c, _ := converse(t, agent, Options{Journal: j}, func(c *caller) {
				c.types(tt.tool)
				c.wait(time.Second)
				c.types("stop")
				c.wait(time.Second)
				if got := shape(prompt); !strings.Contains(got, "+call_same ?call_same") && !strings.Contains(got, "+call_same =call_same") {
					t.Errorf("the model saw %q: a call without a result", got)
				}
				c.wait(5 * time.Second)
			})
			done := strings.Contains(j.history(), `{"done":true}`)
			if done != (tt.tool == "refund_write") {
				t.Errorf("history %q", j.history())
			}
			turns := c.turns()
			if len(turns) != 2 {
				t.Fatalf("turns %+v", turns)
			}
			for _, turn := range turns {
				if turn.Number == 1 && (len(turn.Tools) != 1 || turn.Tools[0].Failed == done || !turn.Interrupted) {
					t.Errorf("turn %+v", turn)
				}
			}
			if got := newHistory(j.messages).recent(nil, defaultMemoryTokens*bytesPerToken); !strings.Contains(shape(got), "+call_same =call_same") {
				t.Errorf("reloaded history %q", shape(got))
			}
		})
	}
}

func TestAToolWithAnEffectOutlivesTheLine(t *testing.T) {
	agent := &dialog.Agent{Model: useOnce, Tools: registry(t, map[string]func(context.Context) (string, error){
		"refund_write": func(ctx context.Context) (string, error) {
			<-time.After(3 * time.Second)
			return `{"done":true}`, ctx.Err()
		},
	})}
	j := &fakeJournal{}
	_, end := converse(t, agent, Options{Journal: j}, func(c *caller) {
		c.types("refund_write")
		c.wait(time.Second)
	})
	if want := `u:refund_write | a:+refund_write | a:Let me see.– | t:{"done":true}`; j.history() != want || end.outcome != dialog.CallerGone {
		t.Errorf("history %q, want %q; ended %v", j.history(), want, end)
	}
	if len(j.turns) != 1 || len(j.turns[0].Tools) != 1 {
		t.Errorf("turns %+v", j.turns)
	}
}

func TestNothingWithAnEffectIsDoneUnrecorded(t *testing.T) {
	ran := false
	agent := &dialog.Agent{Model: useOnce, Tools: registry(t, map[string]func(context.Context) (string, error){
		"refund_write": func(context.Context) (string, error) { ran = true; return `{}`, nil },
	})}
	j := &fakeJournal{err: fault.New(fault.Storage, "disk full")}
	c, _ := converse(t, agent, Options{Journal: j}, func(c *caller) { c.types("refund_write") })
	if ran {
		t.Error("the tool ran although its call could not be recorded")
	}
	if got := c.notices(); !strings.Contains(got, "not_saved") || !strings.Contains(got, "tool_failed") {
		t.Errorf("notices %q", got)
	}
	if got := c.replies(); !strings.Contains(got[0], "cannot be recorded") {
		t.Errorf("replies %q", got)
	}
}

func TestAModelThatOnlyUsesToolsMustAnswerInTheEnd(t *testing.T) {
	steps := 0
	greedy := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		steps++
		yield(dialog.Chunk{Call: &tools.Call{ID: fmt.Sprint(steps), Name: "look", Arguments: []byte(`{broken`)}}, nil)
	})
	agent := &dialog.Agent{Model: greedy, Tools: registry(t, map[string]func(context.Context) (string, error){
		"look": func(context.Context) (string, error) { return `{}`, nil },
	})}
	c, _ := converse(t, agent, Options{}, func(c *caller) { c.types("go") })
	if got := c.replies(); steps != maxSteps+1 || len(got) != 1 || got[0] != notUnderstood {
		t.Errorf("%d steps, replies %q", steps, got)
	}
}

func TestAnEndlessReplyIsCutAfterAClause(t *testing.T) {
	endless := modelFunc(func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		for yield(dialog.Chunk{Text: "This goes on and on. "}, nil) {
		}
	})
	c, _ := converse(t, &dialog.Agent{Model: endless}, Options{}, func(c *caller) { c.types("go") })
	if got := c.replies(); len(got) != 1 || len(got[0]) < maxReply-200 || len(got[0]) > maxReply+200 || !strings.HasSuffix(got[0], "on.") {
		t.Errorf("a reply of %d bytes", len(got[0]))
	}
}
