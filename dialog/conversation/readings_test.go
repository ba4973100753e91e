package conversation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/tools"
)

// readerModel reads every turn as angry and not answered, after a delay, and records when it was
// asked.
func readerModel(delay time.Duration, asked *[]string) modelFunc {
	return func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		*asked = append(*asked, p.Messages[0].Text)
		select {
		case <-time.After(delay):
			yield(dialog.Chunk{Text: `{"intent":"complaint","entities":[],"sentiment":-0.9,"confidence":0.8,"answered":false,"topic":"","issue":"open"}`}, nil)
		case <-ctx.Done():
			yield(dialog.Chunk{}, ctx.Err())
		}
	}
}

func readingAgent(p dialog.ReadingPolicy) *dialog.Agent {
	p.ByModel = true
	return &dialog.Agent{Model: answeringModel, Memory: dialog.MemoryPolicy{Reading: p}}
}

// readingsOf returns the outcome of each reading: "model", or the failure.
func readingsOf(c *fakeCaller) string {
	var out []string
	for _, e := range c.eventsOf(dialog.TurnRead) {
		if e.Reading.Understanding != nil {
			out = append(out, "model")
		} else {
			out = append(out, e.Reading.Failure)
		}
	}
	return strings.Join(out, " ")
}

func TestAModelReadsTurnsOffTheCallersPath(t *testing.T) {
	for name, c := range map[string]struct {
		agent *dialog.Agent
		delay time.Duration // of the reader
		pause time.Duration // of the caller after each turn
		turns int
		want  string
	}{
		"not wanted":        {&dialog.Agent{Model: answeringModel}, 0, time.Second, 2, ""},
		"each turn":         {readingAgent(dialog.ReadingPolicy{}), time.Second, 2 * time.Second, 3, "model model model"},
		"too slow":          {readingAgent(dialog.ReadingPolicy{Timeout: time.Second}), 2 * time.Second, 3 * time.Second, 2, "timeout timeout"},
		"the call ends":     {readingAgent(dialog.ReadingPolicy{}), time.Second, 0, 1, "cancelled"},
		"too many wait":     {readingAgent(dialog.ReadingPolicy{}), 5 * time.Second, 10 * time.Millisecond, 7, "dropped dropped cancelled"},
		"tokens are spent":  {readingAgent(dialog.ReadingPolicy{MaxTokens: 200}), time.Second, 2 * time.Second, 3, "model dropped dropped"},
		"waiting in a line": {readingAgent(dialog.ReadingPolicy{}), time.Second, 100 * time.Millisecond, 3, "model model cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			j := &fakeJournal{}
			caller, _ := textCall(t, c.agent, Options{Reader: readerModel(c.delay, &asked), Journal: j}, func(f *fakeCaller) {
				for i := range c.turns {
					started := time.Now()
					f.types("where is it")
					synctest.Wait()
					if len(f.turns()) != i+1 || time.Since(started) > 0 {
						t.Errorf("turn %d waited", i+1)
					}
					time.Sleep(c.pause)
				}
				if name == "waiting in a line" {
					time.Sleep(1800 * time.Millisecond)
				}
			})
			if got := readingsOf(caller); got != c.want {
				t.Errorf("readings %q, want %q", got, c.want)
			}
			if want := len(strings.Fields(c.want)) - strings.Count(c.want, "dropped"); len(asked) != want || len(j.readings) != want {
				t.Errorf("the reader was asked %d times, and %d readings were recorded, want %d", len(asked), len(j.readings), want)
			}
			for _, r := range j.readings {
				if r.Usage.Input == 0 {
					t.Errorf("a reading cost nothing: %+v", r)
				}
			}
		})
	}
}

// TestALateReadingEscalatesTheNextTurn has a caller whose words the rules do not read as bad.
func TestALateReadingEscalatesTheNextTurn(t *testing.T) {
	for name, c := range map[string]struct {
		rules  dialog.Escalation
		offers string
		why    string
	}{
		"sentiment": {dialog.Escalation{SentimentBelow: -0.6}, "no yes no", "sentiment"},
		"misses":    {dialog.Escalation{Misses: 3}, "no no no", ""}, // the current turn is always the rules'
		"one turn":  {dialog.Escalation{Words: []string{"lawyer"}}, "no no no", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var calls, asked []string
			registry, err := tools.NewRegistry(colleagueTool{&calls})
			require.NoError(t, err)
			agent := readingAgent(dialog.ReadingPolicy{})
			agent.Tools, agent.Handover = registry, dialog.Handover{Escalation: c.rules}
			caller, _ := textCall(t, agent, Options{Reader: readerModel(time.Second, &asked)}, func(f *fakeCaller) {
				for range 3 {
					f.types("well done, you broke it again")
					time.Sleep(2 * time.Second)
				}
			})
			var offers, why []string
			for _, reply := range caller.replies() {
				offers = append(offers, map[bool]string{true: "yes", false: "no"}[strings.HasSuffix(reply, offer)])
			}
			for _, e := range caller.eventsOf(dialog.ToolHeld) {
				why = append(why, e.Text)
			}
			if strings.Join(offers, " ") != c.offers || strings.Join(why, " ") != c.why {
				t.Errorf("offers %q because of %q, want %q because of %q", offers, why, c.offers, c.why)
			}
		})
	}
}

// TestAModelsReadingRevisesMisses has a model that finds turns unanswered which the rules found
// answered: the next turn that the rules find unanswered makes the agent offer a person.
func TestAModelsReadingRevisesMisses(t *testing.T) {
	var calls, asked []string
	registry, err := tools.NewRegistry(colleagueTool{&calls})
	require.NoError(t, err)
	agent := readingAgent(dialog.ReadingPolicy{})
	agent.Tools, agent.Handover = registry, dialog.Handover{Escalation: dialog.Escalation{Misses: 3}}
	caller, _ := textCall(t, agent, Options{Reader: readerModel(time.Second, &asked)}, func(f *fakeCaller) {
		for _, text := range []string{"where is it", "where is it", "strange"} {
			f.types(text)
			time.Sleep(2 * time.Second)
		}
	})
	if got := caller.replies(); !strings.HasSuffix(got[2], offer) || strings.HasSuffix(got[1], offer) {
		t.Errorf("replies %q", got)
	}
}

// TestTheOverviewGoesOnOnAnotherLine begins with what an earlier line has left.
func TestTheOverviewGoesOnOnAnotherLine(t *testing.T) {
	j := &fakeJournal{}
	first, _ := textCall(t, &dialog.Agent{Model: answeringModel}, Options{Journal: j}, func(f *fakeCaller) { f.types("where is order 47329") })
	if e := first.eventsOf(dialog.OverviewChanged); len(e) != 1 || len(e[0].Issues) != 1 || e[0].Issues[0].State != dialog.IssueAnswered {
		t.Fatalf("events %+v", e)
	}
	if j.overview == nil || len(j.overview.Issues) != 1 {
		t.Fatalf("the journal has %+v", j.overview)
	}
	before := *j.overview
	j = &fakeJournal{}
	_, _ = textCall(t, &dialog.Agent{Model: answeringModel}, Options{Journal: j, Overview: before, LastTurn: 1}, func(f *fakeCaller) {
		f.types("thank you")
	})
	if i := j.overview.Issues; len(i) != 1 || i[0].State != dialog.IssueResolved || i[0].Reason != dialog.BecauseConfirmed || i[0].About != "47329" {
		t.Errorf("the journal has %+v", i)
	}
}

func TestIssuesAreRememberedAsFacts(t *testing.T) {
	before := dialog.Memory{Summary: "Ann called.", Facts: []dialog.Fact{
		{Kind: "open", Text: "delivery, 47329: late"}, {Kind: "open", Text: "T-48291532 about a kettle"}, {Kind: "number", Text: "47329"},
	}}
	o := &dialog.Overview{Issues: []dialog.Issue{
		{ID: 1, Intent: dialog.IntentDelivery, About: "47329", Said: "where is it", State: dialog.IssueResolved},
		{ID: 2, Intent: dialog.IntentTicketStatus, Ticket: "T-48291532", State: dialog.IssueOpen},
		{ID: 3, Intent: dialog.IntentOther, Said: strings.Repeat("long\n", 100), State: dialog.IssueOpen},
	}}
	want := []dialog.Fact{
		{Kind: "number", Text: "47329"}, {Kind: "solved", Text: "delivery, 47329: \u201cwhere is it\u201d"}, {Kind: "open", Text: "ticket status, T-48291532"},
	}
	got := WithIssues(before, o)
	if len(got.Facts) != 4 || !slices.Equal(got.Facts[:3], want) || len(got.Facts[3].Text) > maxFact || strings.Contains(got.Facts[3].Text, "\n") {
		t.Errorf("got %+v", got.Facts)
	}
	if again := WithIssues(got, o); len(again.Facts) != 4 {
		t.Errorf("the same issues again: %+v", again.Facts)
	}
	if same := WithIssues(before, nil); len(same.Facts) != 3 || len(before.Facts) != 3 {
		t.Errorf("nothing changed %+v", same.Facts)
	}
	c := &conversation{}
	c.recall.overview = *o
	if told := c.openIssues(); strings.Count(told, "\n") != 1 || !strings.HasPrefix(told, "- ticket status, T-48291532\n- other: ") {
		t.Errorf("a person is told %q", told)
	}
}
