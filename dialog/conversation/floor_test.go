package conversation

import (
	"context"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

func TestBargeInKeepsOnlyWhatWasHeard(t *testing.T) {
	var stoppedAfter time.Duration
	p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel}, Options{}, func(p *fakePhone) {
		p.says("tell me")
		p.wait(3 * time.Second)
		p.mic.queue("stop it now", 200*time.Millisecond)
		for stoppedAfter = 0; p.speaker.amplitude() != 0; stoppedAfter += 20 * time.Millisecond {
			p.wait(20 * time.Millisecond)
		}
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || !turns[0].Interrupted || turns[0].Status != dialog.Cancelled || turns[1].Interrupted {
		t.Fatalf("unexpected turns %+v", turns)
	}
	if heard := turns[0].Reply; !strings.HasPrefix(heard, "About tell me. one two") || strings.Contains(heard, "end") ||
		!strings.HasPrefix(turns[0].Written, heard) {
		t.Errorf("the caller heard %q of %q", heard, turns[0].Written)
	}
	if want := "u:tell me | a:" + turns[0].Reply + "– | u:stop it now | a:" + turns[1].Reply; p.journal.history() != want {
		t.Errorf("history %q, want %q", p.journal.history(), want)
	}
	if stoppedAfter > 300*time.Millisecond {
		t.Errorf("the agent stopped %v after the caller began, want at most 300 ms", stoppedAfter)
	}
}

func TestBackchannelDucksTheAgentAndDoesNotInterruptIt(t *testing.T) {
	var ducked, after int16
	p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel}, Options{}, func(p *fakePhone) {
		p.says("tell me")
		p.wait(2 * time.Second)
		p.says("uh huh")
		ducked = p.speaker.amplitude()
		p.wait(time.Second)
		after = p.speaker.amplitude()
		p.wait(10 * time.Second)
	})
	if ducked == 0 || ducked >= 1000 || after != 1000 {
		t.Errorf("amplitude %d during the backchannel, want less than 1000 and not 0; %d afterwards, want 1000", ducked, after)
	}
	if turns := p.turns(); len(turns) != 1 || turns[0].Interrupted || turns[0].Reply != turns[0].Written {
		t.Errorf("unexpected turns %+v", turns)
	}
	if got := p.journal.history(); strings.Contains(got, "huh") {
		t.Errorf("the backchannel is in the history: %s", got)
	}
}

// sayOverReply calls an agent that speaks language and has a long reply, and says words 2 s
// into it. A recognizer without partials returns them at their end.
func sayOverReply(t *testing.T, language string, partials bool, words string) *fakePhone {
	t.Helper()
	p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel, Language: language}, Options{}, func(p *fakePhone) {
		p.recognizer.sendsPartials = partials
		p.says("tell me")
		p.wait(2 * time.Second)
		p.says(words)
		p.wait(12 * time.Second)
	})
	return p
}

func TestSpeechOverTheAgentDucksAndHoldsItAtOnce(t *testing.T) {
	for _, says := range []string{"stop it now", "!"} {
		var ducked, held time.Duration
		voiceCall(t, &dialog.Agent{Model: longReplyModel}, Options{}, func(p *fakePhone) {
			p.recognizer.sendsPartials = false
			p.says("tell me")
			p.wait(2 * time.Second)
			p.mic.queue(says, 200*time.Millisecond)
			for at := time.Duration(0); at < 400*time.Millisecond; at += 20 * time.Millisecond {
				switch now := p.speaker.amplitude(); {
				case now == 0 && held == 0:
					held = at
				case now < 500 && ducked == 0:
					ducked = at
				}
				p.wait(20 * time.Millisecond)
			}
			p.wait(10 * time.Second)
		})
		if ducked == 0 || ducked > 60*time.Millisecond || held == 0 || held > 120*time.Millisecond {
			t.Errorf("%q: ducked after %v, want at most 60 ms; held after %v, want at most 120 ms", says, ducked, held)
		}
	}
}

func TestHeldAudioContinuesWhereItStopped(t *testing.T) {
	p := sayOverReply(t, "", false, "!")
	turn := p.turns()[0]
	played := p.speaker.framesWithAudio()
	if want := letters(turn.Reply) * samplesPerLetter / media.MouthFrame; turn.Reply != turn.Written || played < want || played > want+2 {
		t.Errorf("%d frames were played, want %d for %q", played, want, turn.Reply)
	}
}

func TestCoughDoesNotInterruptTheAgent(t *testing.T) {
	for _, partials := range []bool{true, false} {
		p := sayOverReply(t, "", partials, "!")
		if turns := p.turns(); len(turns) != 1 || turns[0].Interrupted {
			t.Errorf("partials %v: unexpected turns %+v", partials, turns)
		}
	}
}

func TestLongSpeechInterruptsWithoutPartialTranscripts(t *testing.T) {
	p := sayOverReply(t, "", false, "no I meant the other one")
	turns := p.turns()
	if len(turns) != 2 || !turns[0].Interrupted || turns[1].Caller != "no I meant the other one" {
		t.Errorf("unexpected turns %+v", turns)
	}
}

func TestShortWordInterruptsTheAgentOnlyIfItIsUrgent(t *testing.T) {
	for _, tt := range []struct {
		says, language, interruptedBy string
	}{
		{"though", "", ""},
		{"why", "", "words"},
		{"stop", "", "words"},
		{"my printer is on fire since this morning", "", "words"},
		{"nein", "de-DE", "words"},
	} {
		for _, partials := range []bool{true, false} {
			p := sayOverReply(t, tt.language, partials, tt.says)
			want := tt.interruptedBy
			if got := p.turns()[0]; got.Interrupted != (want != "") || (got.InterruptedBy == "") != (want == "") || partials && got.InterruptedBy != want {
				t.Errorf("%s, partials %v: interrupted by %q, want %q", tt.says, partials, got.InterruptedBy, want)
			}
		}
	}
}

func TestCallerWhoAsksForTimeGetsIt(t *testing.T) {
	p := sayOverReply(t, "", true, "hold on a second")
	if turns := p.turns(); len(turns) != 2 || !turns[0].Interrupted || turns[1].Reply != englishTexts.takeYourTime {
		t.Errorf("unexpected turns %+v", turns)
	}
}

func TestCallerIsAskedToRepeatAfterLongNoise(t *testing.T) {
	p := sayOverReply(t, "", false, "! ! ! ! ! ! ! ! ! ! ! ! !")
	if got := p.replies(); len(got) != 2 || got[1] != englishTexts.notUnderstood {
		t.Errorf("unexpected replies %q", got)
	}
}

func TestBackchannelAtTheEndOfAQuestionAnswersIt(t *testing.T) {
	asks := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if lastUser(p.Messages) == "okay" {
			yield(dialog.Chunk{Text: "Very well."}, nil)
			return
		}
		yield(dialog.Chunk{Text: "I can make a ticket for you and somebody will call you back tomorrow, is that alright?"}, nil)
	})
	p, _ := voiceCall(t, &dialog.Agent{Model: asks}, Options{}, func(p *fakePhone) {
		p.says("my lamp is broken")
		p.wait(3600 * time.Millisecond)
		p.says("okay")
		p.wait(10 * time.Second)
	})
	if got := p.replies(); len(got) < 2 || got[1] != "Very well." {
		t.Errorf("unexpected replies %q", got)
	}
}

func TestAgentDoesNotStartWhileTheCallerSpeaks(t *testing.T) {
	slowModel := modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		<-time.After(500 * time.Millisecond)
		echoModel(ctx, p, yield)
	})
	p, _ := voiceCall(t, &dialog.Agent{Model: slowModel}, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(250 * time.Millisecond) // the model is working now
		p.says("! ! ! ! ! ! ! ! !")
		if p.speaker.amplitude() != 0 {
			t.Error("the agent speaks while the caller does")
		}
		p.wait(5 * time.Second)
	})
	if got := p.replies(); len(got) != 1 || got[0] != "You said: where is my order." {
		t.Errorf("unexpected replies %q", got)
	}
}
