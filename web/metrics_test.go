package web

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func scrape(m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestToolLabelIsBounded(t *testing.T) {
	m := NewMetrics()
	for i := range 3 * maxToolNames {
		name := "tool" + strings.Repeat("x", i%60) + string(rune('a'+i/60))
		m.Event("shop", dialog.Event{Kind: dialog.ToolEnded, Call: &tools.Call{Name: name}, Result: &tools.Result{Failed: true}})
	}
	body := scrape(m)
	if n := strings.Count(body, "frontdesk_tool_calls_total{"); n != maxToolNames+1 {
		t.Errorf("%d tool labels, want %d and other", n, maxToolNames)
	}
	if !strings.Contains(body, `frontdesk_tool_calls_total{outcome="failed",tool="other"} 400`) {
		t.Error("further tools are not counted as other")
	}
}

func TestAgentLabelIsBounded(t *testing.T) {
	m := NewMetrics()
	for i := range maxAgentNames + 10 {
		u := dialog.Understanding{Intent: dialog.IntentHours}
		m.Event(fmt.Sprint("agent", i), dialog.Event{Kind: dialog.TurnEnded, Finished: &dialog.Turn{Understanding: &u}})
	}
	body := scrape(m)
	if n := strings.Count(body, "frontdesk_turns_understood_total{"); n != maxAgentNames+1 {
		t.Errorf("%d agent labels, want %d and other", n, maxAgentNames)
	}
	if !strings.Contains(body, `frontdesk_turns_understood_total{agent="other",answered="false",intent="hours"} 10`) {
		t.Error("further agents are not counted as other")
	}
}

func TestWhatTheGateDecidesIsCounted(t *testing.T) {
	m := NewMetrics()
	refund, invented := &tools.Call{Name: "refund"}, &tools.Call{Name: "invented"}
	for _, e := range []dialog.Event{
		{Kind: dialog.ToolHeld, Call: refund},
		{Kind: dialog.ToolStarted, Call: refund, Text: dialog.Consented},
		{Kind: dialog.ToolEnded, Call: refund, Result: &tools.Result{}},
		{Kind: dialog.ToolStarted, Call: refund},
		{Kind: dialog.ToolEnded, Call: refund, Result: &tools.Result{Failed: true}},
		{Kind: dialog.ToolRefused, Call: refund, Text: "origin", Result: &tools.Result{Failed: true}},
		{Kind: dialog.ToolRefused, Call: invented, Text: dialog.UnknownTool, Result: &tools.Result{Failed: true}},
		{Kind: dialog.ClauseReplaced, Text: "claim"},
		{Kind: dialog.ClientToolCalled, Call: invented},
	} {
		m.Event("shop", e)
	}
	body := scrape(m)
	for _, want := range []string{
		`frontdesk_tool_calls_total{outcome="done",tool="refund"} 1`,
		`frontdesk_tool_calls_total{outcome="failed",tool="refund"} 1`,
		`frontdesk_tool_calls_total{outcome="held",tool="refund"} 1`,
		`frontdesk_tool_calls_total{outcome="refused",tool="refund"} 1`,
		`frontdesk_tool_calls_total{outcome="refused",tool="other"} 1`,
		`frontdesk_tool_refusals_total{rule="origin"} 1`,
		`frontdesk_tool_refusals_total{rule="unknown tool"} 1`,
		`frontdesk_consents_total{step="asked"} 1`,
		`frontdesk_consents_total{step="given"} 1`,
		`frontdesk_clauses_replaced_total{why="claim"} 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("missing %s", want)
		}
	}
	if strings.Contains(body, "invented") {
		t.Error("the metrics have a name that a model made up")
	}
}

func TestWhatIsUnderstoodIsCounted(t *testing.T) {
	m := NewMetrics()
	u := dialog.Understanding{Intent: dialog.IntentRefund, Sentiment: -0.7}
	m.Event("shop", dialog.Event{Kind: dialog.TurnEnded, Finished: &dialog.Turn{Status: dialog.Completed, Understanding: &u}})
	m.Event("shop", dialog.Event{Kind: dialog.TurnEnded, Finished: &dialog.Turn{Status: dialog.Completed}})
	m.Event("shop", dialog.Event{Kind: dialog.ToolHeld, Call: &tools.Call{Name: "hand_over"}, Text: "sentiment"})
	m.Event("shop", dialog.Event{Kind: dialog.OverviewChanged, Overview: &dialog.Overview{}, Issues: []dialog.Issue{{State: dialog.IssueResolved}}})
	for _, r := range []dialog.Reading{
		{Understanding: &u, AgreesWithRules: true, Took: 300 * time.Millisecond}, {Understanding: &u, Took: 3 * time.Second},
		{Failure: "timeout", Took: 10 * time.Second}, {Failure: dialog.ReadingDropped},
	} {
		m.Event("shop", dialog.Event{Kind: dialog.TurnRead, Reading: &r})
	}
	body := scrape(m)
	for _, want := range []string{
		`frontdesk_turns_understood_total{agent="shop",answered="false",intent="refund"} 1`,
		`frontdesk_turn_sentiment_count 1`,
		`frontdesk_turn_sentiment_bucket{le="-0.8"} 0`,
		`frontdesk_turn_sentiment_bucket{le="-0.6"} 1`,
		`frontdesk_escalations_total{condition="sentiment"} 1`,
		`frontdesk_issues_total{agent="shop",state="resolved"} 1`,
		`frontdesk_turn_readings_total{outcome="agreed"} 1`,
		`frontdesk_turn_readings_total{outcome="differed"} 1`,
		`frontdesk_turn_readings_total{outcome="dropped"} 1`,
		`frontdesk_turn_readings_total{outcome="timeout"} 1`,
		`frontdesk_turn_reading_seconds_bucket{le="1"} 1`,
		`frontdesk_turn_reading_seconds_count 3`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("missing %s", want)
		}
	}
}
