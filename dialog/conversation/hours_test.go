package conversation

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/hours"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// personTool asks for a person, and notes what it was told of call-backs.
type personTool struct{ told *tools.Caller }

func (personTool) Spec() tools.Spec {
	return tools.Spec{Name: "person", Parameters: []byte(`{"type":"object"}`), Rule: gate.Rule{Effect: gate.Communication, Consent: gate.NoConsent}}
}

func (p personTool) Call(ctx context.Context, _ tools.Call) (tools.Result, error) {
	*p.told = tools.CallerOf(ctx)
	return tools.Result{Output: []byte(`{}`), Notes: []tools.Note{{Kind: handoverNote}}}, nil
}

// openFrom returns opening hours of every day. The clock of these tests begins at midnight of
// 1 January 2000, a Saturday, in UTC.
func openFrom(t *testing.T, text string) *hours.Hours {
	t.Helper()
	h, err := hours.New(hours.Config{Timezone: "Europe/Berlin", Open: map[string]string{"mon-sun": text}})
	require.NoError(t, err)
	return h
}

func TestPeopleAreCalledInOpeningHoursOnly(t *testing.T) {
	for _, language := range []string{"en", "de"} {
		synctest.Test(t, func(t *testing.T) {
			var told tools.Caller
			var transfers int
			registry, err := tools.NewRegistry(personTool{&told})
			require.NoError(t, err)
			agent := &dialog.Agent{Language: language, Model: toolCallingModel, Tools: registry, Handover: dialog.Handover{Hours: openFrom(t, "8:00-20:00")}}
			c := newFakeCaller()
			line := c.line()
			line.Transfer = func(context.Context, dialog.HandoverRequest) error { transfers++; return nil }
			done := make(chan dialog.Outcome, 1)
			go func() {
				outcome, _ := Run(tools.WithCaller(t.Context(), tools.Caller{CanTransfer: true}), agent, line, Options{NewID: countingIDs()})
				done <- outcome
			}()
			c.types("person") // at one o'clock at night
			synctest.Wait()
			opening := map[string]string{"en": "today at 8 am", "de": "heute um 8 Uhr"}[language]
			if told.CanTransfer || !told.CallBack.IsClosed || told.CallBack.Said != opening || told.CallBack.From.UTC().Hour() != 7 || transfers != 0 {
				t.Errorf("outside the hours: the tool was told %+v, and %d calls were transferred", told, transfers)
			}
			if !strings.Contains(told.CallBack.Closed, opening) {
				t.Errorf("the caller is told %q", told.CallBack.Closed)
			}
			for range 8 * 12 { // until nine o'clock, and the caller does not stay silent for long
				c.types("nothing")
				c.wait(5 * time.Minute)
			}
			c.types("person")
			synctest.Wait()
			if !told.CanTransfer || told.CallBack.IsClosed || !told.CallBack.From.IsZero() || transfers != 1 {
				t.Errorf("in the hours: the tool was told %+v, and %d calls were transferred", told, transfers)
			}
			if outcome := <-done; outcome != dialog.Transferred {
				t.Errorf("the call ended with %q", outcome)
			}
		})
	}
}

func TestModelsKnowTheDateAndTheHours(t *testing.T) {
	var prompts []dialog.Prompt
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		prompts = append(prompts, p)
		yield(dialog.Chunk{Text: "It is the 1st of January 2000, 1:00, we open at 8:45 and close at 20:15. " + lastUser(p.Messages)}, nil)
	})
	agent := &dialog.Agent{Instructions: "Be kind.", Model: model, Handover: dialog.Handover{Hours: openFrom(t, "8:45-20:15")}}
	c, _ := textCall(t, agent, Options{}, func(c *fakeCaller) {
		c.types("hello")
		c.wait(70 * time.Second)
		c.types("hello again")
	})
	if len(prompts) < 2 {
		t.Fatalf("%d prompts", len(prompts))
	}
	first, last := prompts[0].System(), prompts[len(prompts)-1].System()
	const now = "\n\nIt is now Saturday, 1 January 2000, 01:00 (time zone Europe/Berlin). The business is closed"
	before, _, ok := strings.Cut(first, now)
	if !ok || !strings.HasPrefix(last, before) || !strings.Contains(last, "01:01") {
		t.Errorf("the model was told\n%s\nand later\n%s", first, last)
	}
	for _, reply := range c.replies() {
		if strings.Contains(reply, "confirm") || !strings.Contains(reply, "20:15") {
			t.Errorf("the caller heard %q", reply)
		}
	}
}

// A caller who wants to be called back tomorrow is not connected now.
func TestCallerWhoNamesATimeIsNotTransferred(t *testing.T) {
	for arguments, isTransferred := range map[string]bool{`{"reason":"x"}`: true, `{"reason":"x","when":"2026-12-01T15:00"}`: false} {
		c := &conversation{line: dialog.Line{Transfer: func(context.Context, dialog.HandoverRequest) error { return nil }}}
		c.requestHandover(tools.Call{Arguments: []byte(arguments)}, tools.Result{Notes: []tools.Note{{Kind: handoverNote, ID: "T-1"}}})
		if got := c.handover.request != nil; got != isTransferred {
			t.Errorf("%s: transferred is %v, want %v", arguments, got, isTransferred)
		}
	}
}
