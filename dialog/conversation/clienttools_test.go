package conversation

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// output sends the result of a call of the client's own tool.
func (c *fakeCaller) output(callID, out string) {
	c.send(dialog.Heard{Kind: dialog.ToolOutput, Result: &tools.Result{CallID: callID, Output: json.RawMessage(out)}})
}

func TestClientAnswersCallsOfItsOwnTools(t *testing.T) {
	specs := []tools.Spec{{Name: "page", Parameters: json.RawMessage(`{"type":"object"}`)}, {Name: "light", Parameters: json.RawMessage(`{"type":"object"}`)}}
	for _, tt := range []struct {
		name   string
		script func(c *fakeCaller, calls []dialog.Event)
		want   string // replies
		failed int    // tool calls of the first turn
	}{
		{"results and requests for a reply", func(c *fakeCaller, calls []dialog.Event) {
			c.output(calls[0].Call.ID, `{"n":1}`)
			c.send(dialog.Heard{Kind: dialog.Respond}) // as clients do after each output
			synctest.Wait()
			c.output(calls[1].Call.ID, `{"n":2}`)
			c.send(dialog.Heard{Kind: dialog.Respond})
		}, `Let me see.|It says {"n":2}.`, 0},
		{"results without a request", func(c *fakeCaller, calls []dialog.Event) {
			c.output(calls[0].Call.ID, `{"n":1}`)
			c.output(calls[1].Call.ID, `{"n":2}`)
			c.wait(time.Minute)
		}, `Let me see.`, 0},
		{"no results", func(c *fakeCaller, calls []dialog.Event) {
			c.wait(time.Minute)
		}, `Let me see.|It says {"error":{"code":"timeout","message":"the caller's device did not answer"}}.`, 2},
		{"the caller types something else", func(c *fakeCaller, calls []dialog.Event) {
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
				toolCallingModel(ctx, p, yield)
			})
			c, _ := textCall(t, &dialog.Agent{Model: model}, Options{Tools: specs}, func(c *fakeCaller) {
				c.types("page light")
				synctest.Wait()
				tt.script(c, c.eventsOf(dialog.ClientToolCalled))
				synctest.Wait()
			})
			if got := strings.Join(c.replies(), "|"); got != tt.want {
				t.Errorf("unexpected replies %q", got)
			}
			failed := 0
			for _, u := range c.turns()[0].Tools {
				if u.Failed {
					failed++
				}
			}
			if failed != tt.failed {
				t.Errorf("%d failed tool calls, want %d: %+v", failed, tt.failed, c.turns()[0])
			}
		})
	}
}

func TestToolOutputWithoutACallIsRefused(t *testing.T) {
	c, _ := textCall(t, &dialog.Agent{Model: echoModel}, Options{}, func(c *fakeCaller) {
		c.output("call_x", `{}`)
		c.send(dialog.Heard{Kind: dialog.ToolOutput})
	})
	if got := c.notices(); got != "not_found" {
		t.Errorf("unexpected notices %q", got)
	}
}

func TestUpdateChangesInstructionsAndTools(t *testing.T) {
	var prompts []dialog.Prompt
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		prompts = append(prompts, p)
		yield(dialog.Chunk{Text: "Yes."}, nil)
	})
	text := "Be brief."
	textCall(t, &dialog.Agent{Model: model, Instructions: "Be kind."}, Options{}, func(c *fakeCaller) {
		c.types("one")
		synctest.Wait()
		c.send(dialog.Heard{Kind: dialog.Update, Update: &dialog.AgentUpdate{Instructions: &text, ReplaceTools: true, Tools: []tools.Spec{{Name: "page"}}}})
		c.types("two")
	})
	if len(prompts) != 2 || !strings.HasPrefix(prompts[0].Instructions, "Be kind.") || !strings.HasPrefix(prompts[1].Instructions, text) ||
		len(prompts[0].Tools) != 1 || len(prompts[1].Tools) != 2 {
		t.Errorf("unexpected prompts %+v", prompts)
	}
}
