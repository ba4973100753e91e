package conversation

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// pendingHistory is that of a line that broke while a tool ran in the background.
func pendingHistory(tool string, more ...dialog.Message) []dialog.Message {
	return append([]dialog.Message{
		{ID: "a", Role: dialog.User, Text: tool},
		{ID: "b", Role: dialog.Assistant, Calls: []tools.Call{{ID: "call_x", Name: tool, Arguments: json.RawMessage(`{}`)}}},
		{ID: "c", Role: dialog.ToolRole, Result: &tools.Result{CallID: "call_x", Pending: true, Output: json.RawMessage(`{"status":"running"}`)}},
		{ID: "d", Role: dialog.Assistant, Text: "That takes a little longer."},
	}, more...)
}

func TestBackgroundGoesOnAfterTheLineBroke(t *testing.T) {
	call := tools.Call{ID: "call_x", Name: "lookup", Arguments: json.RawMessage(`{}`)}
	ids := countingIDs()
	late := newLateResult(call, gate.Read, tools.Result{Output: json.RawMessage(`{"n":7}`)}, func(p string) string { return ids("late_" + p) })
	failed := newLateResult(call, gate.Read, tools.Failed(call, fault.New(fault.Provider, "it broke")), func(p string) string { return ids("late_" + p) })
	failed.messages[1].Result.Err = nil // the store does not keep it
	for _, test := range []struct {
		name    string
		history []dialog.Message
		model   dialog.Model
		runs    int
		want    []string
	}{
		{"a read runs again", pendingHistory("lookup"), toolCallingModel, 1, []string{`It says {"n":1}.`}},
		{"an effect is unknown", pendingHistory("refund_write"), wordlessModel, 0, []string{englishTexts.tools.isUnknown}},
		{"a result came after the break", pendingHistory("lookup", late.messages[:]...), toolCallingModel, 0, []string{`It says {"n":7}.`}},
		{"a failure came after the break", pendingHistory("lookup", failed.messages[:]...), wordlessModel, 0, []string{englishTexts.tools.didNotWork}},
		{"the result was told", append(pendingHistory("lookup", late.messages[:]...), dialog.Message{ID: "e", Role: dialog.Assistant, Text: "It is seven."}),
			toolCallingModel, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			runs := 0
			answer := func(context.Context) (string, error) {
				runs++
				return `{"n":1}`, nil
			}
			agent := &dialog.Agent{Model: test.model, Tools: newRegistry(t, map[string]func(context.Context) (string, error){"lookup": answer, "refund_write": answer})}
			j := &fakeJournal{}
			c, _ := textCall(t, agent, Options{Journal: j, History: test.history, LastTurn: 1}, func(c *fakeCaller) { c.wait(5 * time.Second) })
			if got := c.replies(); strings.Join(got, "|") != strings.Join(test.want, "|") || runs != test.runs {
				t.Errorf("replies %q after %d runs, want %q after %d", got, runs, test.want, test.runs)
			}
			o := j.stored()
			o.History = append(test.history, o.History...)
			again, _ := textCall(t, agent, o, func(c *fakeCaller) { c.wait(5 * time.Second) })
			if got := again.replies(); len(got) > 0 {
				t.Errorf("the next line tells it again: %q", got)
			}
		})
	}
}
