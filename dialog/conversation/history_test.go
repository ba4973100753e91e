package conversation

import (
	"fmt"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func call(id string) dialog.Message {
	return dialog.Message{ID: "m" + id, Role: dialog.Assistant, Calls: []tools.Call{{ID: id, Name: "t"}}}
}

func result(id string) dialog.Message {
	return dialog.Message{ID: "r" + id, Role: dialog.ToolRole, Result: &tools.Result{CallID: id, Output: []byte(`{}`)}}
}

func user(text string) dialog.Message { return dialog.Message{ID: text, Role: dialog.User, Text: text} }

func shape(messages []dialog.Message) string {
	var out []string
	for _, m := range messages {
		switch {
		case m.Result != nil && m.ID == "":
			out = append(out, "?"+m.Result.CallID)
		case m.Result != nil:
			out = append(out, "="+m.Result.CallID)
		case len(m.Calls) > 0:
			for _, c := range m.Calls {
				out = append(out, "+"+c.ID)
			}
		default:
			out = append(out, m.Text)
		}
	}
	return strings.Join(out, " ")
}

func TestResultsStandBehindTheirCalls(t *testing.T) {
	both := dialog.Message{ID: "m", Role: dialog.Assistant, Calls: []tools.Call{{ID: "a"}, {ID: "b"}}}
	for _, tt := range []struct {
		name string
		in   []dialog.Message
		want string
	}{
		{"in order", []dialog.Message{user("u"), call("a"), result("a")}, "u +a =a"},
		{"late", []dialog.Message{user("u"), call("a"), user("v"), result("a")}, "u +a =a v"},
		{"never", []dialog.Message{user("u"), call("a"), user("v")}, "u +a ?a v"},
		{"one of two", []dialog.Message{user("u"), both, result("b"), user("v")}, "u +a +b =b ?a v"},
		{"twice", []dialog.Message{user("u"), call("a"), result("a"), result("a")}, "u +a =a"},
		{"of nobody", []dialog.Message{user("u"), result("x")}, "u"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := shape(newHistory(tt.in).recent(nil, defaultMemoryTokens*bytesPerToken)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLongHistoriesLoseTheirBeginningNotACallsResult(t *testing.T) {
	h := newHistory(nil)
	for i := range 200 {
		id := fmt.Sprint(i)
		h.add(user("u" + id))
		h.add(call(id))
		h.add(result(id))
		got := h.recent(nil, defaultMemoryTokens*bytesPerToken)
		if len(got) > maxMessages {
			t.Fatalf("%d messages", len(got))
		}
		if got[0].Role != dialog.User {
			t.Fatalf("begins with %q", shape(got[:1]))
		}
		if s := shape(got); strings.Count(s, "+") != strings.Count(s, "=") || !strings.HasSuffix(s, "u"+id+" +"+id+" ="+id) {
			t.Fatalf("a call and its result came apart: %s", s)
		}
	}
}

func TestAHugeMessagePushesOldOnesOut(t *testing.T) {
	h := newHistory([]dialog.Message{user("old"), {Role: dialog.Assistant, Text: "hm"}, user(strings.Repeat("x", defaultMemoryTokens*bytesPerToken+1))})
	if got := h.recent(nil, defaultMemoryTokens*bytesPerToken); len(got) != 1 || len(got[0].Text) != defaultMemoryTokens*bytesPerToken+1 {
		t.Errorf("got %d messages", len(got))
	}
}

func TestAHugeResultKeepsTheQuestionItAnswers(t *testing.T) {
	huge := result("a")
	huge.Result.Output = []byte(`"` + strings.Repeat("x", defaultMemoryTokens*bytesPerToken) + `"`)
	h := newHistory([]dialog.Message{user("old"), user("u"), call("a"), huge})
	if got := shape(h.recent(nil, defaultMemoryTokens*bytesPerToken)); got != "u +a =a" {
		t.Errorf("got %q", got)
	}
}
