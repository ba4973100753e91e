package conversation

import (
	"context"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
)

func TestSpokenQuestionIsAnsweredByVoice(t *testing.T) {
	p, result := voiceCall(t, &dialog.Agent{Greeting: "Hello.", Model: echoModel}, Options{}, func(p *fakePhone) {
		p.wait(time.Second)
		p.says("where is my order")
		p.wait(3 * time.Second)
	})
	if result.outcome != dialog.CallerGone || result.err != nil {
		t.Errorf("Run returned %q, %v", result.outcome, result.err)
	}
	want := "a:Hello. | u:where is my order | a:You said: where is my order."
	if got := p.journal.history(); got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	turn := p.turns()[0]
	stages := []time.Time{turn.Times.Onset, turn.Times.SpeechEnd, turn.Times.Endpoint, turn.Times.Transcript,
		turn.Times.FirstToken, turn.Times.FirstClause, turn.Times.FirstAudio, turn.Times.Heard}
	for i, at := range stages {
		if at.IsZero() || i > 0 && at.Before(stages[i-1]) {
			t.Errorf("stage %d is at %v, the one before it at %v", i, at, stages[max(i, 1)-1])
		}
	}
	if wait := turn.Times.Endpoint.Sub(turn.Times.SpeechEnd); wait < 60*time.Millisecond || wait > 500*time.Millisecond || turn.EndpointReason == "" {
		t.Errorf("the turn was judged finished after %v of silence (%q), want 60 to 500 ms", wait, turn.EndpointReason)
	}
	if added := turn.Times.FirstAudio.Sub(turn.Times.Transcript); added > 60*time.Millisecond {
		t.Errorf("first audio %v after the transcript, want at most 60 ms because model and voice take no time", added)
	}
}

func TestSoftBeginningOfAnUtteranceIsTranscribed(t *testing.T) {
	p, _ := voiceCall(t, &dialog.Agent{Model: echoModel}, Options{}, func(p *fakePhone) {
		p.wait(time.Second)
		p.says("~the lamp")
		p.wait(5 * time.Second)
	})
	if got := p.replies(); len(got) != 1 || got[0] != "You said: the lamp." {
		t.Errorf("unexpected replies %q", got)
	}
}

func TestSpeechBeforeTheAnswerReplacesIt(t *testing.T) {
	slowModel := modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		select {
		case <-time.After(2 * time.Second):
			echoModel(ctx, p, yield)
		case <-ctx.Done():
			yield(dialog.Chunk{}, ctx.Err())
		}
	})
	p, _ := voiceCall(t, &dialog.Agent{Model: slowModel}, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(time.Second)
		p.says("the one with the lamp")
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || turns[0].Reply != "" || turns[0].Status != dialog.Cancelled || turns[1].Reply != "Just a second. You said: the one with the lamp." {
		t.Errorf("unexpected turns %+v", turns)
	}
	if got := p.journal.history(); !strings.HasPrefix(got, "u:where is my order | u:the one with the lamp | a:") {
		t.Errorf("unexpected history %q", got)
	}
}
