package conversation

import (
	"fmt"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func callMessage(id string) dialog.Message {
	return dialog.Message{ID: "m" + id, Role: dialog.Assistant, Calls: []tools.Call{{ID: id, Name: "t"}}}
}

func resultMessage(id string) dialog.Message {
	return dialog.Message{ID: "r" + id, Role: dialog.ToolRole, Result: &tools.Result{CallID: id, Output: []byte(`{}`)}}
}

func userMessage(text string) dialog.Message {
	return dialog.Message{ID: text, Role: dialog.User, Text: text}
}

// outline shows messages as text, "+id" for a call, "=id" for a result, and "?id" for a
// result that the history itself adds.
func outline(messages []dialog.Message) string {
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

func TestResultsFollowTheirCalls(t *testing.T) {
	both := dialog.Message{ID: "m", Role: dialog.Assistant, Calls: []tools.Call{{ID: "a"}, {ID: "b"}}}
	for _, tt := range []struct {
		name string
		in   []dialog.Message
		want string
	}{
		{"in order", []dialog.Message{userMessage("u"), callMessage("a"), resultMessage("a")}, "u +a =a"},
		{"after another message", []dialog.Message{userMessage("u"), callMessage("a"), userMessage("v"), resultMessage("a")}, "u +a =a v"},
		{"missing", []dialog.Message{userMessage("u"), callMessage("a"), userMessage("v")}, "u +a ?a v"},
		{"one of two", []dialog.Message{userMessage("u"), both, resultMessage("b"), userMessage("v")}, "u +a +b =b ?a v"},
		{"twice", []dialog.Message{userMessage("u"), callMessage("a"), resultMessage("a"), resultMessage("a")}, "u +a =a"},
		{"without a call", []dialog.Message{userMessage("u"), resultMessage("x")}, "u"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := outline(newHistory(tt.in).recent(nil, defaultMemoryTokens*bytesPerToken)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLongHistoryLosesItsBeginningAndKeepsResultsWithCalls(t *testing.T) {
	h := newHistory(nil)
	for i := range 200 {
		id := fmt.Sprint(i)
		h.add(userMessage("u" + id))
		h.add(callMessage(id))
		h.add(resultMessage(id))
		got := h.recent(nil, defaultMemoryTokens*bytesPerToken)
		if len(got) > maxMessages {
			t.Fatalf("%d messages, want at most %d", len(got), maxMessages)
		}
		if got[0].Role != dialog.User {
			t.Fatalf("the history begins with %q, want a user's message", outline(got[:1]))
		}
		if s := outline(got); strings.Count(s, "+") != strings.Count(s, "=") || !strings.HasSuffix(s, "u"+id+" +"+id+" ="+id) {
			t.Fatalf("a call is not followed by its result: %s", s)
		}
	}
}

func TestHugeMessageLeavesNoRoomForOlderOnes(t *testing.T) {
	h := newHistory([]dialog.Message{userMessage("old"), {Role: dialog.Assistant, Text: "hm"}, userMessage(strings.Repeat("x", defaultMemoryTokens*bytesPerToken+1))})
	if got := h.recent(nil, defaultMemoryTokens*bytesPerToken); len(got) != 1 || len(got[0].Text) != defaultMemoryTokens*bytesPerToken+1 {
		t.Errorf("got %d messages, want only the huge one", len(got))
	}
}

func TestHugeResultKeepsTheQuestionItAnswers(t *testing.T) {
	huge := resultMessage("a")
	huge.Result.Output = []byte(`"` + strings.Repeat("x", defaultMemoryTokens*bytesPerToken) + `"`)
	h := newHistory([]dialog.Message{userMessage("old"), userMessage("u"), callMessage("a"), huge})
	if got := outline(h.recent(nil, defaultMemoryTokens*bytesPerToken)); got != "u +a =a" {
		t.Errorf("got %q, want %q", got, "u +a =a")
	}
}
