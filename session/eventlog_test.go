package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

// logged runs events with an eventLog, whose lines and passed events it returns.
func logged(events func(l func(dialog.Event))) (lines []observer.LoggedEntry, passed int) {
	core, logs := observer.New(zap.DebugLevel)
	l := &eventLog{log: zap.New(core), seen: make(map[string]*seenEvent)}
	events(func(e dialog.Event) {
		if l.event(e) {
			passed++
		}
	})
	l.close()
	return logs.All(), passed
}

func refusal(tool string, rule string, err *fault.Error) dialog.Event {
	return dialog.Event{Kind: dialog.ToolRefused, Text: rule, Call: &tools.Call{Name: tool}, Result: &tools.Result{Failed: true, Err: err}}
}

func TestAHostileModelCannotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines, passed := logged(func(event func(dialog.Event)) {
			for i := range 1000 {
				event(refusal(fmt.Sprint("made_up_", i), dialog.UnknownTool, fault.New(fault.NotFound, "unknown")))
				event(dialog.Event{Kind: dialog.ClauseReplaced, Text: "unfounded"})
				event(dialog.Event{Kind: dialog.NoticeRaised, Notice: &dialog.Notice{Code: dialog.NoticeToolFailed, Err: errors.New("down")}})
				time.Sleep(10 * time.Millisecond) // 10 s in all
			}
			time.Sleep(repeatAfter)
			event(dialog.Event{Kind: dialog.ClauseReplaced, Text: "unfounded"})
			event(dialog.Event{Kind: dialog.ClauseReplaced, Text: "claim"})
		})
		counts := make(map[string]int)
		all := 0
		for _, line := range lines {
			counts[line.Message]++
			left, _ := line.ContextMap()["left_out"].(int64)
			all += 1 + int(left)
		}
		if len(lines) > 10 || counts["tool call refused"] == 0 || counts["notice"] == 0 || counts["a clause of the model was not said"] != 3 {
			t.Errorf("%d lines: %v", len(lines), counts)
		}
		if all != 3002 {
			t.Errorf("the lines are about %d events, want 3002", all)
		}
		if passed != 2003 {
			t.Errorf("%d events passed to the client, want all but 999 notices", passed)
		}
	})
}

func TestNoticesThatChangeSomethingAlwaysReachTheClient(t *testing.T) {
	_, passed := logged(func(event func(dialog.Event)) {
		for range 5 {
			event(dialog.Event{Kind: dialog.NoticeRaised, Notice: &dialog.Notice{Code: "voice_lost"}})
			event(dialog.Event{Kind: dialog.NoticeRaised, Notice: &dialog.Notice{Code: "voice_back"}})
		}
	})
	if passed != 10 {
		t.Errorf("%d of 10 notices passed", passed)
	}
}

func TestTheLogNamesRuleCodeAndFieldOfARefusal(t *testing.T) {
	err := fault.New(fault.Invalid, "the caller's own words")
	err.Details = map[string]any{"field": "order.id"}
	lines, _ := logged(func(event func(dialog.Event)) { event(refusal("refund", "schema", err)) })
	got := lines[0].ContextMap()
	want := map[string]any{"turn": int64(0), "tool": "refund", "rule": "schema", "code": "invalid_request", "field": "order.id"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("logged %v, want %v", got, want)
	}
}

func TestTheMessageOfAFailedToolIsNotLogged(t *testing.T) {
	const value = "ann@example.com"
	for _, tt := range []struct {
		err  error
		want map[string]any
	}{
		{fault.New(fault.Conflict, "the order of %s is closed", value), map[string]any{"failure": "conflict"}},
		{fault.Wrap(errors.New("connection refused"), fault.Unavailable, "the desk of %s is away", value),
			map[string]any{"failure": "unavailable", "error": "connection refused"}},
		{errors.New("nil map"), map[string]any{"failure": "internal", "error": "nil map"}},
	} {
		lines, _ := logged(func(event func(dialog.Event)) {
			event(dialog.Event{Kind: dialog.NoticeRaised, Call: &tools.Call{Name: "orders"}, Notice: &dialog.Notice{Code: dialog.NoticeToolFailed, Err: tt.err}})
		})
		tt.want["turn"], tt.want["code"], tt.want["tool"] = int64(0), "tool_failed", "orders"
		if got := lines[0].ContextMap(); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("logged %v, want %v", got, tt.want)
		}
	}
}

func TestTheLogOfATurnHasWhatWasUnderstoodAndNoValue(t *testing.T) {
	const value = "ann@example.com"
	u := &dialog.Understanding{
		Intent: dialog.IntentDelivery, Confidence: 0.8, Sentiment: -0.5, Answered: true,
		Entities: []dialog.Entity{{Kind: dialog.EntityContact, Value: value}},
	}
	turn := &dialog.Turn{Number: 3, Caller: value, Reply: value, Written: value, Status: dialog.Completed, Understanding: u}
	lines, _ := logged(func(event func(dialog.Event)) {
		event(dialog.Event{Kind: dialog.TurnEnded, Turn: 3, Finished: turn})
		event(dialog.Event{Kind: dialog.TurnEnded, Finished: &dialog.Turn{}}) // of an earlier version
		event(dialog.Event{Kind: dialog.TurnRead, Reading: &dialog.Reading{Turn: 3, Understanding: u, Usage: dialog.Usage{Input: 200, Output: 40}}})
		event(dialog.Event{Kind: dialog.TurnRead, Reading: &dialog.Reading{Turn: 4, Failure: dialog.ReadingCancelled}})
		for range 3 {
			event(dialog.Event{Kind: dialog.TurnRead, Reading: &dialog.Reading{Turn: 5, Failure: "timeout"}})
		}
	})
	issues, _ := logged(func(event func(dialog.Event)) {
		event(dialog.Event{Kind: dialog.OverviewChanged, Turn: 3, Overview: &dialog.Overview{},
			Issues: []dialog.Issue{{ID: 1, Intent: dialog.IntentDelivery, About: value, Said: value, State: dialog.IssueOpen, Reason: dialog.BecauseUnanswered}}})
	})
	want := map[string]any{"turn": int64(3), "issue": int64(1), "intent": "delivery", "state": "open", "reason": "unanswered"}
	if got := issues[0].ContextMap(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("logged %v, want %v", got, want)
	}
	var messages []string
	for _, l := range lines {
		messages = append(messages, l.Message)
		if strings.Contains(fmt.Sprint(l.ContextMap()), "ann") {
			t.Errorf("%s: %v has a value of the caller", l.Message, l.ContextMap())
		}
	}
	failed := "no model read the turn; the rules' reading stays"
	if want := []string{"turn", "turn", "turn read by the model", failed, failed}; !slices.Equal(messages, want) {
		t.Fatalf("logged %q, want %q", messages, want)
	}
	for i, want := range map[int]map[string]any{
		0: {"turn": int64(3), "intent": "delivery", "confidence": 0.8, "sentiment": -0.5, "answered": true, "entities": 1},
		2: {"turn": int64(3), "intent": "delivery", "tokens": int64(240)},
		3: {"turn": int64(5), "code": "timeout"},
	} {
		for k, v := range want {
			if got := lines[i].ContextMap()[k]; got != v {
				t.Errorf("line %d: %s is %v, want %v", i, k, got, v)
			}
		}
	}
}
