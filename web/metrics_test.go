package web

import (
	"net/http/httptest"
	"strings"
	"testing"

	"frontdesk/dialog"
)

func TestToolLabelIsBounded(t *testing.T) {
	m := NewMetrics()
	for i := range 3 * maxToolNames {
		m.Event(dialog.Event{Kind: dialog.TurnEnded, Finished: &dialog.Turn{Tools: []dialog.ToolUse{{Name: "tool" + strings.Repeat("x", i%60) + string(rune('a'+i/60)), Failed: true}}}})
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body := w.Body.String()
	if n := strings.Count(body, "frontdesk_tool_calls_total{"); n != maxToolNames+1 {
		t.Errorf("%d tool labels, want %d and other", n, maxToolNames)
	}
	if !strings.Contains(body, `frontdesk_tool_calls_total{outcome="failed",tool="other"} 400`) {
		t.Error("further tools are not counted as other")
	}
}
