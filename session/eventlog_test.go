package session

import (
	"errors"
	"fmt"
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
