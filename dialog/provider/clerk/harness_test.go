package clerk

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	_ "modernc.org/sqlite" // driver "sqlite"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/gate"
	"frontdesk/tools/knowledge"
)

const demoFolder = "../../../agents/demo"

const handoverMessage = "A colleague calls you back within one hour."

// endCallSpec is the tool that a conversation adds to the tools of its agent.
var endCallSpec = tools.Spec{Name: endCall, Parameters: []byte(`{"type":"object","properties":{}}`)}

// demoTools returns the real tools of the demo agent.
func demoTools(t testing.TB) *tools.Registry {
	t.Helper()
	ctx := context.Background()
	base, err := knowledge.Open(ctx, filepath.Join(demoFolder, "knowledge"), knowledge.Options{Language: "en"})
	require.NoError(t, err)
	t.Cleanup(func() { base.Close() })
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "tickets.db"))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	tickets, err := tools.OpenTickets(ctx, db)
	require.NoError(t, err)
	orders, err := tools.OpenLookup(tools.LookupConfig{
		Name: "order_status", Description: "Look up an order.", File: filepath.Join(demoFolder, "orders.csv"), Key: "order",
	})
	require.NoError(t, err)
	registry, err := tools.NewRegistry(append([]tools.Tool{knowledge.Tool(base), orders}, tickets.Tools(handoverMessage)...)...)
	require.NoError(t, err)
	return registry
}

var sessions atomic.Int64 // tool calls are idempotent per session

// conversation is a conversation with the clerk, without speech.
type conversation struct {
	t           testing.TB
	agent       *dialog.Agent
	tools       *tools.Registry
	messages    []dialog.Message
	ctx         context.Context
	calledTools []string // in the last turn, by name
	hasEnded    bool
	held        *tools.Call // waits for the caller's consent
}

func newConversation(t testing.TB, registry *tools.Registry) *conversation {
	greeting := "Hello, this is Willow Lane, how can I help you?"
	return &conversation{
		t: t, tools: registry, ctx: tools.WithCaller(context.Background(), tools.Caller{Session: fmt.Sprint("session", sessions.Add(1))}),
		agent:    &dialog.Agent{Name: "demo", Title: "Willow Lane", Language: "en-US", Greeting: greeting, Suggestions: []string{"What time do you open on Saturday?"}},
		messages: []dialog.Message{{ID: "greeting", Role: dialog.Assistant, Text: greeting}},
	}
}

// say speaks to the clerk and returns its reply.
func (c *conversation) say(text string) string { return c.takeTurn(text, false) }

// takeTurn speaks or types to the clerk, runs the tools it calls, and returns its reply.
func (c *conversation) takeTurn(text string, isTyped bool) string {
	c.t.Helper()
	c.messages = append(c.messages, dialog.Message{ID: fmt.Sprint("item", len(c.messages)), Role: dialog.User, Text: text, Typed: isTyped})
	c.calledTools, c.hasEnded = nil, false
	c.consent(text)
	for range 6 {
		reply, calls := c.reply()
		if len(calls) == 0 {
			if reply == "" {
				c.t.Fatalf("empty reply to %q", text)
			}
			c.messages = append(c.messages, dialog.Message{ID: fmt.Sprint("item", len(c.messages)), Role: dialog.Assistant, Text: reply})
			return reply
		}
		c.messages = append(c.messages, dialog.Message{ID: fmt.Sprint("item", len(c.messages)), Role: dialog.Assistant, Calls: calls})
		for _, call := range calls {
			c.calledTools = append(c.calledTools, call.Name)
			if call.Name == endCall {
				c.hasEnded = true
				return "(ends)"
			}
			result := c.run(call)
			c.messages = append(c.messages, dialog.Message{Role: dialog.ToolRole, Result: &result})
		}
		if c.held != nil {
			question := strings.TrimSpace(reply + " " + consentQuestion + " " + c.held.Name)
			c.messages = append(c.messages, dialog.Message{ID: fmt.Sprint("item", len(c.messages)), Role: dialog.Assistant, Text: question})
			return question
		}
	}
	c.t.Fatalf("the clerk keeps calling tools after %q", text)
	return ""
}

// run runs a call if the gate lets it, and holds one for which the caller must be asked.
func (c *conversation) run(call tools.Call) tools.Result {
	spec, ok := c.tools.Find(call.Name)
	checked, err := c.tools.Check(call)
	if !ok || err != nil {
		return tools.Failed(call, err)
	}
	evidence := gate.Evidence{Line: tools.CallerOf(c.ctx).Number}
	for _, m := range c.messages {
		switch {
		case m.Role == dialog.User:
			evidence.Said = append(evidence.Said, m.Text)
		case m.Result != nil && !m.Result.Failed:
			evidence.Outputs = append(evidence.Outputs, gate.Output{JSON: m.Result.Output})
		}
	}
	decision := gate.New(gate.NewCounter()).Decide(c.ctx, gate.Request{
		Agent: c.agent.Name, Tool: call.Name, Rule: spec.Rule, Arguments: checked.Arguments, Evidence: evidence,
	})
	switch decision.Verdict {
	case gate.Refused:
		return tools.Failed(call, decision.Err)
	case gate.MustAsk:
		c.held = &checked
		c.calledTools = slices.DeleteFunc(c.calledTools, func(name string) bool { return name == call.Name })
		return tools.Result{CallID: call.ID, Held: true, Output: json.RawMessage(`{"status":"awaiting_caller"}`)}
	}
	return c.tools.Do(c.ctx, checked, decision.Permit)
}

// reply returns what the clerk yields for the present messages.
func (c *conversation) reply() (text string, calls []tools.Call) {
	c.t.Helper()
	specs := append(c.tools.Specs(), endCallSpec)
	var b strings.Builder
	for chunk, err := range (Clerk{}).Reply(context.Background(), dialog.Prompt{Agent: c.agent, Messages: c.messages, Tools: specs}) {
		require.NoError(c.t, err)
		b.WriteString(chunk.Text)
		if chunk.Call != nil {
			calls = append(calls, *chunk.Call)
		}
	}
	return strings.TrimSpace(b.String()), calls
}

// interrupt cuts the last reply after what the caller heard.
func (c *conversation) interrupt(heard string) {
	last := &c.messages[len(c.messages)-1]
	if !strings.HasPrefix(last.Text, heard) {
		c.t.Fatalf("the reply %q does not begin with %q", last.Text, heard)
	}
	last.Text, last.Interrupted = heard, true
}

// consentQuestion stands for the conversation's question for consent.
const consentQuestion = "(consent?)"

// consent runs the held call if the caller agrees, as a conversation does.
func (c *conversation) consent(said string) {
	call := c.held
	c.held = nil
	if call == nil || gate.AnswerIn(said) != gate.Yes {
		return
	}
	c.calledTools = append(c.calledTools, call.Name)
	call.ID += "_agreed"
	c.messages = append(c.messages, dialog.Message{ID: fmt.Sprint("item", len(c.messages)), Role: dialog.Assistant, Calls: []tools.Call{*call}})
	result := c.tools.DoAsOperator(c.ctx, *call)
	c.messages = append(c.messages, dialog.Message{Role: dialog.ToolRole, Result: &result})
}
