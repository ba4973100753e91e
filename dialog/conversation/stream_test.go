package conversation

import (
	"context"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

func TestModelFailureIsToldAndTheConversationContinues(t *testing.T) {
	retryable := fault.New(fault.Provider, "overloaded").Retryable(0)
	permanent := fault.New(fault.Provider, "wrong key")
	for _, tt := range []struct {
		name    string
		model   dialog.Model
		replies string
		notices string
		status  dialog.Status
		code    string
	}{
		{"retryable, before any text", modelsInTurn(modelFailing("", retryable), echoModel), "You said: one.", "", dialog.Completed, ""},
		{"retryable, twice", modelsInTurn(modelFailing("", retryable), modelFailing("", retryable), echoModel), englishTexts.apologies[0], "model_lost", dialog.Failed, "provider_failed"},
		{"not retryable", modelsInTurn(modelFailing("", permanent), echoModel), englishTexts.apologies[0], "model_lost", dialog.Failed, "provider_failed"},
		{"after some text", modelsInTurn(modelFailing("Well, it", retryable), echoModel), "Well, it " + englishTexts.apologies[0], "model_lost", dialog.Failed, "provider_failed"},
		{"no first token", modelsInTurn(modelHanging(""), echoModel), englishTexts.apologies[0], "model_lost", dialog.Failed, "timeout"},
		{"no further token", modelsInTurn(modelHanging("Well, it"), echoModel), "Well, it " + englishTexts.apologies[0], "model_lost", dialog.Failed, "timeout"},
		{"only white space", modelsInTurn(modelSaying(" \n"), echoModel), englishTexts.notUnderstood, "", dialog.Completed, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := textCall(t, &dialog.Agent{Model: tt.model}, Options{}, func(c *fakeCaller) {
				c.types("one")
				c.wait(time.Minute)
				c.types("two")
			})
			replies := c.replies()
			if len(replies) != 2 || replies[0] != tt.replies || replies[1] != "You said: two." {
				t.Errorf("unexpected replies %q", replies)
			}
			if got := c.notices(); got != tt.notices {
				t.Errorf("unexpected notices %q", got)
			}
			if turn := c.turns()[0]; turn.Status != tt.status || turn.Error != tt.code {
				t.Errorf("unexpected turn %+v", turn)
			}
		})
	}
}

func TestEndlessReplyIsCutAfterAClause(t *testing.T) {
	endless := modelFunc(func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		for yield(dialog.Chunk{Text: "This goes on and on. "}, nil) {
		}
	})
	c, _ := textCall(t, &dialog.Agent{Model: endless}, Options{}, func(c *fakeCaller) { c.types("go") })
	if got := c.replies(); len(got) != 1 || len(got[0]) < maxReply-200 || len(got[0]) > maxReply+200 || !strings.HasSuffix(got[0], "on.") {
		t.Errorf("%d replies, the first of %d bytes: want one of about %d bytes that ends with a clause", len(got), len(got[0]), maxReply)
	}
}

// A model that ignores cancellation for a while delays the end of its own reply, and
// nothing else: nothing is lost, and nothing is said twice.
func TestModelThatIgnoresCancellationDelaysOnlyTheEndOfItsReply(t *testing.T) {
	for _, ignores := range []time.Duration{0, 5 * time.Second} {
		t.Run(ignores.String(), func(t *testing.T) {
			model := modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
				if lastUser(p.Messages) != "tell me" {
					echoModel(ctx, p, yield)
					return
				}
				if !yield(dialog.Chunk{Text: "Well, it is a long story. "}, nil) {
					return
				}
				<-ctx.Done()
				<-time.After(ignores)
				yield(dialog.Chunk{Text: "It goes on. And on."}, nil)
			})
			j := &fakeJournal{}
			var cutAt time.Time
			c, r := textCall(t, &dialog.Agent{Model: model}, Options{Journal: j}, func(c *fakeCaller) {
				c.types("tell me")
				c.wait(time.Second)
				cutAt = time.Now()
				c.types("stop")
				c.wait(time.Second)
				c.types("please")
				c.wait(time.Minute)
			})
			if r.outcome != dialog.CallerGone || r.err != nil {
				t.Errorf("Run returned %q, %v", r.outcome, r.err)
			}
			want := "u:tell me | a:Well, it is a long story.– | u:stop | a:You said: stop. | u:please | a:You said: please."
			if ignores > 0 { // both are answered once the reply has ended
				want = "u:tell me | a:Well, it is a long story.– | u:stop | u:please | a:You said: please."
			}
			if got := j.history(); got != want {
				t.Errorf("history %q, want %q", got, want)
			}
			written := ""
			for _, e := range c.eventsOf(dialog.ReplyText) {
				written += e.Text
			}
			if strings.Contains(written, "goes on") || strings.Count(written, "long story") != 1 {
				t.Errorf("the replies were written as %q", written)
			}
			first := c.eventsOf(dialog.ReplyEnded)[0]
			if first.Status != dialog.Cancelled || first.At.Sub(cutAt) != ignores {
				t.Errorf("the reply ended as %q %v after it was cut, want %v", first.Status, first.At.Sub(cutAt), ignores)
			}
		})
	}
}

func TestClosedScriptTakesNoFiller(t *testing.T) {
	s := &script{clauses: make(chan string, scriptQueue), left: maxReply}
	s.close()
	if s.writeFirst("One moment.") {
		t.Error("a filler was written to a closed script")
	}
}

func TestClausesAreJoinedWithASpace(t *testing.T) {
	for before, want := range map[string]string{
		"Je regarde déjà": " Voilà.", // the last byte of "à" is that of a no-break space
		"One moment.":     " Voilà.",
		"One moment. ":    "Voilà.",
	} {
		s := &script{left: maxReply}
		s.fit(before)
		if got, _ := s.fit("Voilà."); got != want {
			t.Errorf("after %q: got %q, want %q", before, got, want)
		}
	}
}
