package conversation

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

// story is a model whose reply lasts some seconds when spoken.
var story = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	yield(dialog.Chunk{Text: "About " + lastUser(p.Messages) + ". one two three four five six seven eight nine ten eleven twelve. The end."}, nil)
})

func TestASpokenQuestionIsAnsweredAloud(t *testing.T) {
	p, end := telephone(t, &dialog.Agent{Greeting: "Hello.", Model: echo}, Options{}, func(p *phone) {
		p.wait(time.Second)
		p.says("where is my order")
		p.wait(3 * time.Second)
	})
	if end.outcome != dialog.CallerGone || end.err != nil {
		t.Errorf("ended %v, %v", end.outcome, end.err)
	}
	want := "a:Hello. | u:where is my order | a:You said: where is my order."
	if got := p.journal.history(); got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	turn := p.turns()[0]
	steps := []time.Time{turn.Times.Onset, turn.Times.SpeechEnd, turn.Times.Endpoint, turn.Times.Transcript,
		turn.Times.FirstToken, turn.Times.FirstClause, turn.Times.FirstAudio, turn.Times.Heard}
	for i, at := range steps {
		if at.IsZero() || i > 0 && at.Before(steps[i-1]) {
			t.Errorf("stage %d is at %v, the one before at %v", i, at, steps[max(i, 1)-1])
		}
	}
	if wait := turn.Times.Endpoint.Sub(turn.Times.SpeechEnd); wait < 60*time.Millisecond || wait > 500*time.Millisecond || turn.EndpointReason == "" {
		t.Errorf("a question was judged finished after %v of silence (%q)", wait, turn.EndpointReason)
	}
	if added := turn.Times.FirstAudio.Sub(turn.Times.Transcript); added > 60*time.Millisecond {
		t.Errorf("%v from transcript to sound with parts that take no time", added)
	}
}

func TestBargeInKeepsOnlyWhatWasHeard(t *testing.T) {
	var silentAt time.Duration
	p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
		p.says("tell me")
		p.wait(3 * time.Second)
		p.microphone.says("stop it now", 200*time.Millisecond)
		for silentAt = 0; p.speaker.now() != 0; silentAt += 20 * time.Millisecond {
			p.wait(20 * time.Millisecond)
		}
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || !turns[0].Interrupted || turns[0].Status != dialog.Cancelled || turns[1].Interrupted {
		t.Fatalf("turns %+v", turns)
	}
	if heard := turns[0].Reply; !strings.HasPrefix(heard, "About tell me. one two") || strings.Contains(heard, "end") ||
		!strings.HasPrefix(turns[0].Written, heard) {
		t.Errorf("heard %q of %q", heard, turns[0].Written)
	}
	if want := "u:tell me | a:" + turns[0].Reply + "– | u:stop it now | a:" + turns[1].Reply; p.journal.history() != want {
		t.Errorf("history %q, want %q", p.journal.history(), want)
	}
	if silentAt > 300*time.Millisecond {
		t.Errorf("the agent was silent %v after the first sound of an interruption of whole words", silentAt)
	}
}

func TestABackchannelDucksTheAgentAndLetsItGoOn(t *testing.T) {
	var ducked, after int16
	p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
		p.says("tell me")
		p.wait(2 * time.Second)
		p.says("uh huh")
		ducked = p.speaker.now()
		p.wait(time.Second)
		after = p.speaker.now()
		p.wait(10 * time.Second)
	})
	if ducked == 0 || ducked >= 1000 || after != 1000 {
		t.Errorf("loudness %d while the caller murmured, %d afterwards", ducked, after)
	}
	if turns := p.turns(); len(turns) != 1 || turns[0].Interrupted || turns[0].Reply != turns[0].Written {
		t.Errorf("turns %+v", turns)
	}
	if got := p.journal.history(); strings.Contains(got, "huh") {
		t.Errorf("a back-channel is in the history: %s", got)
	}
}

func TestSpeechOverTheAgentIsNoticedAtOnce(t *testing.T) {
	for _, says := range []string{"stop it now", "!"} {
		var low, silent time.Duration
		telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
			p.partials = false
			p.says("tell me")
			p.wait(2 * time.Second)
			p.microphone.says(says, 200*time.Millisecond)
			for at := time.Duration(0); at < 400*time.Millisecond; at += 20 * time.Millisecond {
				switch now := p.speaker.now(); {
				case now == 0 && silent == 0:
					silent = at
				case now < 500 && low == 0:
					low = at
				}
				p.wait(20 * time.Millisecond)
			}
			p.wait(10 * time.Second)
		})
		if low == 0 || low > 60*time.Millisecond || silent == 0 || silent > 120*time.Millisecond {
			t.Errorf("%q: quieter after %v, silent after %v", says, low, silent)
		}
	}
}

func TestAHeldVoiceGoesOnWhereItWas(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
		p.partials = false
		p.says("tell me")
		p.wait(2 * time.Second)
		p.says("!")
		p.wait(12 * time.Second)
	})
	turn := p.turns()[0]
	played := 0
	for _, f := range p.speaker.frames {
		if f > 0 {
			played++
		}
	}
	if want := letters(turn.Reply) * perLetter / media.MouthFrame; turn.Reply != turn.Written || played < want || played > want+2 {
		t.Errorf("%d frames of sound for %d frames of text, %q", played, want, turn.Reply)
	}
}

func TestACoughDucksTheAgentAndLetsItGoOn(t *testing.T) {
	for _, partials := range []bool{true, false} {
		p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
			p.partials = partials
			p.says("tell me")
			p.wait(2 * time.Second)
			p.says("!")
			p.wait(10 * time.Second)
		})
		if turns := p.turns(); len(turns) != 1 || turns[0].Interrupted {
			t.Errorf("partials %v: turns %+v", partials, turns)
		}
	}
}

func TestAnEarWithoutPartialsIsInterruptedByLongSpeech(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
		p.partials = false
		p.says("tell me")
		p.wait(2 * time.Second)
		p.says("no I meant the other one")
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || !turns[0].Interrupted || turns[1].Caller != "no I meant the other one" {
		t.Errorf("turns %+v", turns)
	}
}

func TestOneShortWordStopsTheAgentOnlyWhenItIsMeantForIt(t *testing.T) {
	for _, tt := range []struct {
		says, language, cut string
	}{
		{"though", "", ""},
		{"why", "", "words"},
		{"stop", "", "words"},
		{"my printer is on fire since this morning", "", "words"},
		{"nein", "de-DE", "words"},
	} {
		for _, partials := range []bool{true, false} {
			p, _ := telephone(t, &dialog.Agent{Model: story, Language: tt.language}, Options{}, func(p *phone) {
				p.partials = partials
				p.says("tell me")
				p.wait(2 * time.Second)
				p.says(tt.says)
				p.wait(10 * time.Second)
			})
			cut := tt.cut
			if got := p.turns()[0]; got.Interrupted != (cut != "") || (got.InterruptedBy == "") != (cut == "") || partials && got.InterruptedBy != cut {
				t.Errorf("%s, partials %v: cut for %q, want %q", tt.says, partials, got.InterruptedBy, cut)
			}
		}
	}
}

func TestACallerWhoAsksForTimeIsGivenIt(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
		p.says("tell me")
		p.wait(2 * time.Second)
		p.says("hold on a second")
		p.wait(5 * time.Second)
	})
	if turns := p.turns(); len(turns) != 2 || !turns[0].Interrupted || turns[1].Reply != takeYourTime {
		t.Errorf("turns %+v", turns)
	}
}

func TestLongNoiseIsAskedAbout(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
		p.partials = false
		p.says("tell me")
		p.wait(2 * time.Second)
		p.says("! ! ! ! ! ! ! ! !")
		p.wait(6 * time.Second)
	})
	if got := p.replies(); len(got) != 2 || got[1] != notUnderstood {
		t.Errorf("replies %q", got)
	}
}

func TestAYesAtTheEndOfAQuestionAnswersIt(t *testing.T) {
	asks := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if lastUser(p.Messages) == "okay" {
			yield(dialog.Chunk{Text: "It is done."}, nil)
			return
		}
		yield(dialog.Chunk{Text: "I can make a ticket for you and somebody will call you back tomorrow, is that alright?"}, nil)
	})
	p, _ := telephone(t, &dialog.Agent{Model: asks}, Options{}, func(p *phone) {
		p.says("my lamp is broken")
		p.wait(3600 * time.Millisecond)
		p.says("okay")
		p.wait(10 * time.Second)
	})
	if got := p.replies(); len(got) < 2 || got[1] != "It is done." {
		t.Errorf("replies %q", got)
	}
}

func TestWordsBeforeTheAnswerBeginsAreAnsweredTogether(t *testing.T) {
	slow := modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		select {
		case <-time.After(2 * time.Second):
			echo(ctx, p, yield)
		case <-ctx.Done():
			yield(dialog.Chunk{}, ctx.Err())
		}
	})
	p, _ := telephone(t, &dialog.Agent{Model: slow}, Options{}, func(p *phone) {
		p.says("where is my order")
		p.wait(time.Second)
		p.says("the one with the lamp")
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || turns[0].Reply != "" || turns[0].Status != dialog.Cancelled || turns[1].Reply != "Just a second. You said: the one with the lamp." {
		t.Errorf("turns %+v", turns)
	}
	if got := p.journal.history(); !strings.HasPrefix(got, "u:where is my order | u:the one with the lamp | a:") {
		t.Errorf("history %q", got)
	}
}

func TestTheAgentDoesNotBeginWhileTheCallerSpeaks(t *testing.T) {
	slow := modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		<-time.After(500 * time.Millisecond)
		echo(ctx, p, yield)
	})
	p, _ := telephone(t, &dialog.Agent{Model: slow}, Options{}, func(p *phone) {
		p.says("where is my order")
		p.wait(450 * time.Millisecond) // now the model thinks
		p.says("! ! ! ! ! ! ! ! !")
		if p.speaker.now() != 0 {
			t.Error("the agent speaks over the caller")
		}
		p.wait(5 * time.Second)
	})
	if got := p.replies(); len(got) != 1 || got[0] != "You said: where is my order." {
		t.Errorf("replies %q", got)
	}
}

func TestTheSoftBeginningOfAnUtteranceIsHeard(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: echo}, Options{}, func(p *phone) {
		p.wait(time.Second)
		p.says("~the lamp")
		p.wait(5 * time.Second)
	})
	if got := p.replies(); len(got) != 1 || got[0] != "You said: the lamp." {
		t.Errorf("replies %q", got)
	}
}

func TestARecogniserSlowerThanRealTimeLosesNothing(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: echo, Silence: dialog.Silence{Wait: time.Minute}}, Options{}, func(p *phone) {
		p.pace = 2 * media.FrameTime
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
		t.Errorf("the caller said %q, notices %q", got, p.notices())
	}
}

func TestAVoiceThatFailsOnceIsAskedAgain(t *testing.T) {
	tries := 0
	flaky := reader{fail: func(string) error {
		if tries++; tries == 1 {
			return fault.New(fault.Provider, "busy").Retryable(0)
		}
		return nil
	}}
	p, _ := telephone(t, &dialog.Agent{Model: echo, Synthesizer: flaky}, Options{}, func(p *phone) {
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	if len(p.all(dialog.SpeakingStarted)) != 1 || p.notices() != "" || p.replies()[0] != "You said: where is my order." {
		t.Errorf("notices %q, replies %q", p.notices(), p.replies())
	}
}

func TestARecogniserThatFailsOnceGetsTheUtteranceAgain(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: echo}, Options{}, func(p *phone) {
		p.fail = func(try int) error {
			if try == 1 {
				return fault.New(fault.Provider, "broken pipe").Retryable(0)
			}
			return nil
		}
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	if got := p.replies(); len(got) != 1 || got[0] != "You said: where is my order." {
		t.Errorf("replies %q", got)
	}
	if p.opened != 2 || p.notices() != "" {
		t.Errorf("opened %d times, notices %q", p.opened, p.notices())
	}
}

func TestARecogniserThatDiesLeavesTheCallToText(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: echo}, Options{}, func(p *phone) {
		p.fail = func(int) error { return errors.New("out of memory") }
		p.says("where is my order")
		p.wait(8 * time.Second)
		p.says("hello hello")
		p.types("can you read this")
		p.wait(5 * time.Second)
	})
	if got := p.notices(); got != "hearing_lost" {
		t.Errorf("notices %q", got)
	}
	if got := strings.Join(p.replies(), "|"); got != hearingLost+"|You said: can you read this." {
		t.Errorf("replies %q", got)
	}
}

func TestAVoiceThatDiesLeavesTheReplyAsText(t *testing.T) {
	dead := reader{fail: func(text string) error {
		if strings.Contains(text, "eight") {
			return errors.New("out of memory")
		}
		return nil
	}}
	p, _ := telephone(t, &dialog.Agent{Model: story, Synthesizer: dead}, Options{}, func(p *phone) {
		p.says("tell me")
		p.wait(10 * time.Second)
		p.says("and again")
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || turns[0].Reply != turns[0].Written || turns[0].Status != dialog.Completed {
		t.Errorf("turns %+v", turns)
	}
	if got := p.notices(); got != "voice_lost" {
		t.Errorf("notices %q", got)
	}
}

func TestTypedTextInTheMiddleStopsTheAgentAndIsAnswered(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
		p.says("tell me")
		p.wait(2 * time.Second)
		p.types("something else")
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || !turns[0].Interrupted || !turns[1].Typed || turns[1].Reply == "" {
		t.Errorf("turns %+v", turns)
	}
}

func TestSilenceIsAskedAboutAndThenEndsTheCall(t *testing.T) {
	agent := &dialog.Agent{Greeting: "Hello.", Model: echo, Farewell: "Goodbye.", Silence: dialog.Silence{Prompt: "Are you there?", Wait: 5 * time.Second, MaxPrompts: 2}}
	p, end := telephone(t, agent, Options{}, func(p *phone) {
		p.wait(7 * time.Second)
		p.says("yes I am")
		p.wait(60 * time.Second)
	})
	want := []string{"Hello.", "Are you there?", "You said: yes I am.", "Are you there?", "Are you there?", "Goodbye."}
	if got := p.replies(); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("replies %q", got)
	}
	if end.outcome != dialog.NoAnswer || end.err != nil {
		t.Errorf("ended %v, %v", end.outcome, end.err)
	}
}

func TestGoodbyeIsAnsweredAndEndsTheCall(t *testing.T) {
	p, end := telephone(t, &dialog.Agent{Model: echo, Farewell: "Have a nice day."}, Options{}, func(p *phone) {
		p.says("no thanks goodbye")
		p.wait(5 * time.Second)
	})
	if got := p.replies(); len(got) != 1 || got[0] != "Have a nice day." || end.outcome != dialog.Goodbye {
		t.Errorf("replies %q, ended %v", got, end)
	}
}

func TestDigitsBecomeANumber(t *testing.T) {
	p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
		p.says("tell me")
		p.wait(2 * time.Second)
		for _, d := range "1042#" {
			p.send(dialog.Heard{Kind: dialog.DTMF, Text: string(d)})
			p.wait(300 * time.Millisecond)
		}
		p.wait(5 * time.Second)
		p.send(dialog.Heard{Kind: dialog.DTMF, Text: "7"})
		p.wait(5 * time.Second)
	})
	var said []string
	for _, turn := range p.turns() {
		said = append(said, turn.Caller)
	}
	if got := strings.Join(said, "|"); got != "tell me|1042#|7" {
		t.Errorf("the caller said %q", got)
	}
}
