package conversation

import (
	"errors"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

func TestRecognizerSlowerThanRealTimeLosesNothing(t *testing.T) {
	p, _ := voiceCall(t, &dialog.Agent{Model: echoModel, Silence: dialog.Silence{Wait: time.Minute}}, Options{}, func(p *fakePhone) {
		p.recognizer.timePerFrame = 2 * media.FrameTime
		p.says("where is my order")
		p.wait(2 * time.Second)
		p.says("the one with the lamp")
		p.wait(20 * time.Second)
	})
	var said []string
	for _, turn := range p.turns() {
		said = append(said, turn.Caller)
	}
	if got := strings.Join(said, "|"); got != "where is my order|the one with the lamp" || p.notices() != "" {
		t.Errorf("the transcripts were %q, notices %q", got, p.notices())
	}
}

func TestFailedRecognizerGetsTheUtteranceAgain(t *testing.T) {
	p, _ := voiceCall(t, &dialog.Agent{Model: echoModel}, Options{}, func(p *fakePhone) {
		p.recognizer.fail = func(try int) error {
			if try == 1 {
				return fault.New(fault.Provider, "broken pipe").Retryable(0)
			}
			return nil
		}
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	if got := p.replies(); len(got) != 1 || got[0] != "You said: where is my order." {
		t.Errorf("unexpected replies %q", got)
	}
	if p.recognizer.opened != 2 || p.notices() != "" {
		t.Errorf("the recognizer was opened %d times, want 2; notices %q", p.recognizer.opened, p.notices())
	}
}

func TestCallContinuesByTextWithoutARecognizer(t *testing.T) {
	p, _ := voiceCall(t, &dialog.Agent{Model: echoModel}, Options{}, func(p *fakePhone) {
		p.recognizer.fail = func(int) error { return errors.New("out of memory") }
		p.says("where is my order")
		p.wait(8 * time.Second)
		p.says("hello hello")
		p.types("can you read this")
		p.wait(5 * time.Second)
	})
	if got := p.notices(); got != "hearing_lost" {
		t.Errorf("unexpected notices %q", got)
	}
	if got := strings.Join(p.replies(), "|"); got != englishTexts.notices.hearingLost+"|You said: can you read this." {
		t.Errorf("unexpected replies %q", got)
	}
}

func TestSynthesizerIsRetriedAfterAFailure(t *testing.T) {
	tries := 0
	failsOnce := fakeSynthesizer{fail: func(string) error {
		if tries++; tries == 1 {
			return fault.New(fault.Provider, "busy").Retryable(0)
		}
		return nil
	}}
	p, _ := voiceCall(t, &dialog.Agent{Model: echoModel, Synthesizer: failsOnce}, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	if len(p.eventsOf(dialog.SpeakingStarted)) != 1 || p.notices() != "" || p.replies()[0] != "You said: where is my order." {
		t.Errorf("unexpected notices %q, replies %q", p.notices(), p.replies())
	}
}

func TestReplyContinuesAsTextWithoutASynthesizer(t *testing.T) {
	broken := fakeSynthesizer{fail: func(text string) error {
		if strings.Contains(text, "eight") {
			return errors.New("out of memory")
		}
		return nil
	}}
	p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel, Synthesizer: broken}, Options{}, func(p *fakePhone) {
		p.says("tell me")
		p.wait(10 * time.Second)
		p.says("and again")
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || turns[0].Reply != turns[0].Written || turns[0].Status != dialog.Completed {
		t.Errorf("unexpected turns %+v", turns)
	}
	if got := p.notices(); got != "voice_lost" {
		t.Errorf("unexpected notices %q", got)
	}
}
