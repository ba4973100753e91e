package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// newRegistry makes tools of functions, by name. A tool whose name ends in "_write" has an
// effect.
func newRegistry(t testing.TB, funcs map[string]func(context.Context) (string, error)) *tools.Registry {
	t.Helper()
	var list []tools.Tool
	for name, call := range funcs {
		rule := gate.Rule{Consent: gate.NoConsent}
		if strings.HasSuffix(name, "_write") {
			rule.Effect = gate.Write
		}
		list = append(list, toolFunc{tools.Spec{Name: name, Parameters: json.RawMessage(`{"type":"object"}`), Rule: rule}, call})
	}
	r, err := tools.NewRegistry(list...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type toolFunc struct {
	spec tools.Spec
	call func(context.Context) (string, error)
}

func (f toolFunc) Spec() tools.Spec { return f.spec }

func (f toolFunc) Call(ctx context.Context, _ tools.Call) (tools.Result, error) {
	out, err := f.call(ctx)
	return tools.Result{Output: json.RawMessage(out)}, err
}

func TestToolsAreCalledAndTheirResultsTold(t *testing.T) {
	agent := &dialog.Agent{Model: toolCallingModel, Tools: newRegistry(t, map[string]func(context.Context) (string, error){
		"lookup": func(context.Context) (string, error) { return `{"n":1}`, nil },
	})}
	j := &fakeJournal{}
	c, _ := textCall(t, agent, Options{Journal: j}, func(c *fakeCaller) {
		c.types("lookup")
		synctest.Wait()
		c.types("lookup nothing")
	})
	want := `u:lookup | a:+lookup | t:{"n":1} | a:Let me see. It says {"n":1}.`
	if got := j.history(); !strings.HasPrefix(got, want) {
		t.Errorf("unexpected history %q", got)
	}
	if got := c.turns()[1].Tools; len(got) != 2 || got[0].CallID == got[1].CallID {
		t.Errorf("unexpected tool calls %+v", got)
	}
	if got := c.notices(); got != "" {
		t.Errorf("unexpected notices %q", got)
	}
}

func TestToolFailureIsTold(t *testing.T) {
	agent := &dialog.Agent{Model: toolCallingModel, Tools: newRegistry(t, map[string]func(context.Context) (string, error){
		"lookup": func(context.Context) (string, error) {
			return "", fault.New(fault.Unavailable, "the warehouse does not answer")
		},
	})}
	c, _ := textCall(t, agent, Options{}, func(c *fakeCaller) { c.types("lookup") })
	if got := c.replies(); len(got) != 1 || !strings.Contains(got[0], "the warehouse does not answer") {
		t.Errorf("unexpected replies %q", got)
	}
	if c.notices() != "tool_failed" || !c.turns()[0].Tools[0].Failed {
		t.Errorf("unexpected notices %q, turn %+v", c.notices(), c.turns()[0])
	}
}

func TestToolWithAnEffectFinishesAfterItsReplyIsCut(t *testing.T) {
	for _, tt := range []struct {
		tool, result string
	}{
		{"refund_write", `{"done":true}`},
		{"lookup", `{"error":{"code":"unavailable","message":"it was cancelled"}}`},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			slow := func(ctx context.Context) (string, error) {
				select {
				case <-time.After(2 * time.Second):
					return `{"done":true}`, nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}
			agent := &dialog.Agent{Model: toolCallingModel, Tools: newRegistry(t, map[string]func(context.Context) (string, error){tt.tool: slow})}
			var prompt []dialog.Message
			agent.Model = modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
				if lastUser(p.Messages) == "stop" {
					prompt = p.Messages
					yield(dialog.Chunk{Text: "fine"}, nil)
					return
				}
				toolCallingModel(ctx, p, yield)
			})
			j := &fakeJournal{}
			c, _ := textCall(t, agent, Options{Journal: j}, func(c *fakeCaller) {
				c.types(tt.tool)
				c.wait(time.Second)
				c.types("stop")
				c.wait(time.Second)
				if got := outline(prompt); !strings.Contains(got, "+call_same ?call_same") && !strings.Contains(got, "+call_same =call_same") {
					t.Errorf("the model saw a call without a result: %q", got)
				}
				c.wait(5 * time.Second)
			})
			if got := j.history(); !strings.Contains(got, "t:"+tt.result) || !strings.HasPrefix(got, "u:"+tt.tool+" | a:+"+tt.tool+" | ") {
				t.Errorf("history %q, want the result %s", got, tt.result)
			}
			turns := c.turns()
			if len(turns) != 2 {
				t.Fatalf("unexpected turns %+v", turns)
			}
			if tt.tool == "refund_write" {
				checkTurnEndsAfterTool(t, c)
			}
			for _, turn := range turns {
				if turn.Number == 1 && (len(turn.Tools) != 1 || turn.Tools[0].Failed != (tt.tool == "lookup") || !turn.Interrupted) {
					t.Errorf("unexpected turn %+v", turn)
				}
			}
			if got := newHistory(j.messages).recent(nil, defaultMemoryTokens*bytesPerToken); !strings.Contains(outline(got), "+call_same =call_same") {
				t.Errorf("reloaded history %q", outline(got))
			}
		})
	}
}

// checkTurnEndsAfterTool checks that turn 1 ended after the result of its tool, which came
// after the turn's reply had ended.
func checkTurnEndsAfterTool(t *testing.T, c *fakeCaller) {
	t.Helper()
	var kinds []dialog.EventKind
	for _, e := range c.eventsOf(dialog.ToolStarted, dialog.ReplyEnded, dialog.ToolEnded, dialog.TurnEnded) {
		isReplyOfTurn1 := e.Kind == dialog.ReplyEnded && e.Text == "Let me see."
		if isReplyOfTurn1 || e.Kind != dialog.ReplyEnded && e.Turn == 1 {
			kinds = append(kinds, e.Kind)
		}
	}
	if want := []dialog.EventKind{dialog.ToolStarted, dialog.ReplyEnded, dialog.ToolEnded, dialog.TurnEnded}; !slices.Equal(kinds, want) {
		t.Errorf("events of turn 1: %v, want %v", kinds, want)
	}
}

func TestToolWithAnEffectFinishesAfterAHangUp(t *testing.T) {
	agent := &dialog.Agent{Model: toolCallingModel, Tools: newRegistry(t, map[string]func(context.Context) (string, error){
		"refund_write": func(ctx context.Context) (string, error) {
			<-time.After(2 * time.Second)
			return `{"done":true}`, ctx.Err()
		},
	})}
	j := &fakeJournal{}
	_, result := textCall(t, agent, Options{Journal: j}, func(c *fakeCaller) {
		c.types("refund_write")
		c.wait(time.Second)
	})
	if want := `u:refund_write | a:+refund_write | a:Let me see.– | t:{"done":true}`; j.history() != want || result.outcome != dialog.CallerGone {
		t.Errorf("history %q, want %q; Run returned %+v", j.history(), want, result)
	}
	if len(j.turns) != 1 || len(j.turns[0].Tools) != 1 {
		t.Errorf("unexpected turns %+v", j.turns)
	}
}

func TestToolWithAnEffectRunsOnlyIfItsCallIsRecorded(t *testing.T) {
	ran := false
	agent := &dialog.Agent{Model: toolCallingModel, Tools: newRegistry(t, map[string]func(context.Context) (string, error){
		"refund_write": func(context.Context) (string, error) { ran = true; return `{}`, nil },
	})}
	j := &fakeJournal{err: fault.New(fault.Storage, "disk full")}
	c, _ := textCall(t, agent, Options{Journal: j}, func(c *fakeCaller) { c.types("refund_write") })
	if ran {
		t.Error("the tool ran although its call could not be recorded")
	}
	if got := c.notices(); !strings.Contains(got, "not_saved") || !strings.Contains(got, "tool_failed") {
		t.Errorf("unexpected notices %q", got)
	}
	if got := c.replies(); !strings.Contains(got[0], "cannot be recorded") {
		t.Errorf("unexpected replies %q", got)
	}
}

func TestModelMustAnswerAfterTheLastStep(t *testing.T) {
	steps := 0
	onlyCalls := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		steps++
		yield(dialog.Chunk{Call: &tools.Call{ID: fmt.Sprint(steps), Name: "lookup", Arguments: []byte(`{broken`)}}, nil)
	})
	agent := &dialog.Agent{Model: onlyCalls, Tools: newRegistry(t, map[string]func(context.Context) (string, error){
		"lookup": func(context.Context) (string, error) { return `{}`, nil },
	})}
	c, _ := textCall(t, agent, Options{}, func(c *fakeCaller) { c.types("go") })
	if got := c.replies(); steps != maxSteps+1 || len(got) != 1 || got[0] != englishTexts.notUnderstood {
		t.Errorf("%d steps, want %d; replies %q", steps, maxSteps+1, got)
	}
}

func TestReplyThatIsCutStartsNoTool(t *testing.T) {
	agent := &dialog.Agent{Tools: newRegistry(t, map[string]func(context.Context) (string, error){
		"refund_write": func(context.Context) (string, error) { return `{}`, nil },
	})}
	c := newConversation(t.Context(), agent, dialog.Line{}, Options{NewID: func(prefix string) string { return prefix + "1" }})
	r := &reply{turn: &turn{}, text: replyText{drafts: make(map[string]string)}}
	r.ctx, r.cancel = context.WithCancel(t.Context())
	c.reply = r
	go func() { // the owner, which handles a barge-in before the model's calls
		p := <-c.tasks.posts
		c.cutReply()
		p.run()
		close(p.done)
	}()
	c.callTools(r, answer{calls: []tools.Call{{ID: "call_1", Name: "refund_write"}}})
	if n := len(c.recall.history.messages); n != 0 || r.turn.tools != 0 {
		t.Errorf("%d messages and %d running tools after a reply that was cut, want none", n, r.turn.tools)
	}
}
