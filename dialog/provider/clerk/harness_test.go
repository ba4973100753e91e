package clerk

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "modernc.org/sqlite" // driver "sqlite"

	"frontdesk/dialog"
	"frontdesk/tools"
)

const demo = "../../../agents/demo"

const handoverMessage = "A colleague calls you back within one hour."

// endCallSpec is the tool the conversation loop adds to every agent's own.
var endCallSpec = tools.Spec{Name: endCall, Parameters: []byte(`{"type":"object","properties":{}}`)}

// shop is the demo agent's real tools.
func shop(t testing.TB) *tools.Registry {
	t.Helper()
	ctx := context.Background()
	knowledge, err := tools.OpenKnowledge(ctx, filepath.Join(demo, "knowledge"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { knowledge.Close() })
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "tickets.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	tickets, err := tools.OpenTickets(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	orders, err := tools.OpenLookup(tools.LookupConfig{
		Name: "order_status", Description: "Look up an order.", File: filepath.Join(demo, "orders.csv"), Key: "order",
	})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := tools.NewRegistry(append([]tools.Tool{tools.KnowledgeTool(knowledge), orders}, tickets.Tools(handoverMessage)...)...)
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

var sessions atomic.Int64 // a call is done once per session

// conversation is a talk with the clerk, as the loop would lead it.
type conversation struct {
	t        testing.TB
	agent    *dialog.Agent
	tools    *tools.Registry
	messages []dialog.Message
	ctx      context.Context
	used     []string // names of the tools called in the last turn
	ended    bool
}

func newConversation(t testing.TB, registry *tools.Registry) *conversation {
	greeting := "Hello, this is Willow Lane, how can I help you?"
	return &conversation{
		t: t, tools: registry, ctx: tools.WithSession(context.Background(), fmt.Sprint("session", sessions.Add(1))),
		agent:    &dialog.Agent{Name: "demo", Title: "Willow Lane", Language: "en-US", Greeting: greeting, Suggestions: []string{"What time do you open on Saturday?"}},
		messages: []dialog.Message{{ID: "greeting", Role: dialog.Assistant, Text: greeting}},
	}
}

// say is what the clerk answers to spoken text.
func (c *conversation) say(text string) string { return c.turn(text, false) }

func (c *conversation) turn(text string, typed bool) string {
	c.t.Helper()
	c.messages = append(c.messages, dialog.Message{ID: fmt.Sprint("item", len(c.messages)), Role: dialog.User, Text: text, Typed: typed})
	c.used, c.ended = nil, false
	for range 6 {
		reply, calls := c.step()
		if len(calls) == 0 {
			if reply == "" {
				c.t.Fatalf("no answer to %q", text)
			}
			c.messages = append(c.messages, dialog.Message{ID: fmt.Sprint("item", len(c.messages)), Role: dialog.Assistant, Text: reply})
			return reply
		}
		c.messages = append(c.messages, dialog.Message{ID: fmt.Sprint("item", len(c.messages)), Role: dialog.Assistant, Calls: calls})
		for _, call := range calls {
			c.used = append(c.used, call.Name)
			if call.Name == endCall {
				c.ended = true
				return "(ends)"
			}
			r := c.tools.Do(c.ctx, call)
			c.messages = append(c.messages, dialog.Message{Role: dialog.ToolRole, Result: &r})
		}
	}
	c.t.Fatalf("no end of tools after %q", text)
	return ""
}

// step asks the clerk once.
func (c *conversation) step() (text string, calls []tools.Call) {
	c.t.Helper()
	specs := append(c.tools.Specs(), endCallSpec)
	var b strings.Builder
	for chunk, err := range (Clerk{}).Reply(context.Background(), dialog.Prompt{Agent: c.agent, Messages: c.messages, Tools: specs}) {
		if err != nil {
			c.t.Fatal(err)
		}
		b.WriteString(chunk.Text)
		if chunk.Call != nil {
			calls = append(calls, *chunk.Call)
		}
	}
	return strings.TrimSpace(b.String()), calls
}

// interrupt cuts the last reply after what was heard of it.
func (c *conversation) interrupt(heard string) {
	last := &c.messages[len(c.messages)-1]
	if !strings.HasPrefix(last.Text, heard) {
		c.t.Fatalf("the reply %q does not begin with %q", last.Text, heard)
	}
	last.Text, last.Interrupted = heard, true
}
