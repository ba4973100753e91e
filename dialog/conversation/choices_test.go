package conversation

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// spokenTexts records what it is asked to say.
type spokenTexts struct {
	fakeSynthesizer
	mu    sync.Mutex
	texts []string
}

func (s *spokenTexts) Speak(ctx context.Context, text string, v dialog.Voice) iter.Seq2[[]int16, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, v.Language+": "+text)
	return s.fakeSynthesizer.Speak(ctx, text, v)
}

// receptionist returns an English agent from which keys lead to itself and a German one.
func receptionist() (english, german *dialog.Agent, o Options, germanVoice *spokenTexts) {
	germanVoice = &spokenTexts{}
	german = &dialog.Agent{Name: "zentrale", Language: "de-DE", Model: echoModel, Synthesizer: germanVoice}
	english = &dialog.Agent{Name: "desk", Language: "en-US", Model: echoModel, Greeting: "Welcome.", Silence: dialog.Silence{Wait: time.Hour}}
	o.Choices = []dialog.Choice{
		{Key: "1", Agent: english, Text: ChoiceText("en-US", "1")}, {Key: "2", Agent: german, Text: ChoiceText("de-DE", "2")},
	}
	return english, german, o, germanVoice
}

// choosingCall is a call of agent by telephone. It returns the agents that were chosen.
func choosingCall(t *testing.T, agent *dialog.Agent, o Options, script func(*fakePhone)) (*fakePhone, runResult, []*dialog.Agent) {
	t.Helper()
	var chosen []*dialog.Agent
	refuse := o.Choose
	o.Choose = func(ctx context.Context, a *dialog.Agent) error {
		chosen = append(chosen, a)
		if refuse != nil {
			return refuse(ctx, a)
		}
		return nil
	}
	p, r := preparedCall(t, agent, o, func(_ *dialog.Agent, line *dialog.Line) { line.HasKeypad = true }, script)
	return p, r, chosen
}

func TestCallerHearsEachChoiceInItsOwnVoice(t *testing.T) {
	english, _, o, germanVoice := receptionist()
	p, _, chosen := choosingCall(t, english, o, func(p *fakePhone) { p.wait(20 * time.Second) })
	if got := strings.Join(p.replies(), "|"); got != "Welcome.|For English, press 1.|Für Deutsch drücken Sie die 2." {
		t.Errorf("unexpected replies %q", got)
	}
	if !slices.Equal(germanVoice.texts, []string{"de-DE: Für Deutsch drücken Sie die 2."}) || len(chosen) != 0 {
		t.Errorf("the German voice said %q, chosen %v", germanVoice.texts, chosen)
	}
}

func TestKeyChoosesAnAgent(t *testing.T) {
	for name, wait := range map[string]time.Duration{"during the greeting": 200 * time.Millisecond, "after the choices": 15 * time.Second} {
		t.Run(name, func(t *testing.T) {
			english, german, o, _ := receptionist()
			_, r, chosen := choosingCall(t, english, o, func(p *fakePhone) {
				p.wait(wait)
				p.presses("2")
				p.wait(5 * time.Second)
			})
			if r.outcome != dialog.Chosen || r.err != nil || !slices.Equal(chosen, []*dialog.Agent{german}) {
				t.Errorf("outcome %q, error %v, chosen %v", r.outcome, r.err, chosen)
			}
		})
	}
}

func TestKeyOfTheSpeakingAgentDoesNotGreetAgain(t *testing.T) {
	for name, test := range map[string]struct {
		wait time.Duration
		want string
	}{
		"during the greeting": {200 * time.Millisecond, "Welcome.|You said: 2."},
		"after the choices":   {15 * time.Second, "Welcome.|For English, press 1.|Für Deutsch drücken Sie die 2.|" + englishTexts.choiceKept + "|You said: 2."},
	} {
		t.Run(name, func(t *testing.T) {
			english, _, o, _ := receptionist()
			p, r, chosen := choosingCall(t, english, o, func(p *fakePhone) {
				p.wait(test.wait)
				p.presses("1")
				p.wait(10 * time.Second)
				p.presses("2") // no longer a choice
				p.wait(6 * time.Second)
			})
			if got := strings.Join(p.replies(), "|"); got != test.want || len(chosen) != 0 || r.outcome == dialog.Chosen {
				t.Errorf("replies %q, want %q; chosen %v, outcome %q", got, test.want, chosen, r.outcome)
			}
		})
	}
}

func TestCallerOfAnAgentThatMayNotAnswerStaysWithTheFormerOne(t *testing.T) {
	english, german, o, germanVoice := receptionist()
	o.Choose = func(context.Context, *dialog.Agent) error {
		time.Sleep(time.Second) // the budget is counted by another server
		return fault.New(fault.Limited, "this agent has answered as much as it may for now")
	}
	p, r, chosen := choosingCall(t, english, o, func(p *fakePhone) {
		p.wait(15 * time.Second)
		p.presses("2")
		p.wait(10 * time.Second)
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	said := strings.ReplaceAll(strings.Join(germanVoice.texts, " "), "de-DE: ", "")
	if !slices.Equal(chosen, []*dialog.Agent{german}) || !strings.HasSuffix(said, germanTexts.choiceRefused) {
		t.Errorf("chosen %v, the German voice said %q", chosen, said)
	}
	got := p.replies()
	if n := len(got); r.outcome == dialog.Chosen || p.notices() != "choice_refused" || got[n-2] != germanTexts.choiceRefused || got[n-1] != "You said: where is my order." {
		t.Errorf("outcome %q, notices %q, replies %q", r.outcome, p.notices(), got)
	}
}

func TestKeysAreNumbersOnceTheCallerHasSpoken(t *testing.T) {
	english, _, o, _ := receptionist()
	p, r, chosen := choosingCall(t, english, o, func(p *fakePhone) {
		p.wait(500 * time.Millisecond)
		p.says("where is my order")
		p.wait(5 * time.Second)
		p.presses("2")
		p.wait(6 * time.Second)
	})
	if len(chosen) != 0 || r.outcome == dialog.Chosen {
		t.Errorf("chosen %v, outcome %q", chosen, r.outcome)
	}
	if got := p.replies(); len(got) < 2 || strings.Join(got[len(got)-2:], "|") != "You said: where is my order.|You said: 2." {
		t.Errorf("unexpected replies %q", got)
	}
}

func TestOtherKeyIsANumber(t *testing.T) {
	english, _, o, _ := receptionist()
	p, _, chosen := choosingCall(t, english, o, func(p *fakePhone) {
		p.wait(15 * time.Second)
		p.presses("42")
		p.wait(6 * time.Second)
	})
	if got := p.replies(); len(chosen) != 0 || got[len(got)-1] != "You said: 42." {
		t.Errorf("chosen %v, replies %q", chosen, got)
	}
}

func TestReturningCallerIsOfferedNoChoice(t *testing.T) {
	english, _, o, _ := receptionist()
	history := []dialog.Message{{ID: "item_x", Role: dialog.User, Text: "hello"}, {ID: "item_y", Role: dialog.Assistant, Text: "Hello."}}
	o.History, o.LastTurn = history, 1
	p, _, chosen := choosingCall(t, english, o, func(p *fakePhone) {
		p.wait(5 * time.Second)
		p.presses("2")
		p.wait(6 * time.Second)
	})
	if got := strings.Join(p.replies(), "|"); got != "You said: 2." || len(chosen) != 0 {
		t.Errorf("replies %q, chosen %v", got, chosen)
	}
}

func TestCallerWithAScreenIsToldNoKeys(t *testing.T) {
	english, german, o, _ := receptionist()
	var chosen *dialog.Agent
	o.Choose = func(_ context.Context, a *dialog.Agent) error { chosen = a; return nil }
	p, _ := voiceCall(t, english, o, func(p *fakePhone) {
		p.wait(10 * time.Second)
		p.presses("2")
	})
	if got := strings.Join(p.replies(), "|"); got != "Welcome." || chosen != german {
		t.Errorf("replies %q, chosen %v", got, chosen)
	}
}
