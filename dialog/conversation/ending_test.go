package conversation

import (
	"context"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func TestModelEndsTheCall(t *testing.T) {
	endingCall := func(text string) modelFunc {
		return func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
			if text == "" || yield(dialog.Chunk{Text: text}, nil) {
				yield(dialog.Chunk{Call: &tools.Call{Name: "end_call"}}, nil)
			}
		}
	}
	for text, want := range map[string]string{"Take care.": "Take care.", "": "So long."} {
		c, result := textCall(t, &dialog.Agent{Model: endingCall(text), Farewell: "So long."}, Options{}, func(c *fakeCaller) { c.types("I am done") })
		if got := c.replies(); len(got) != 1 || got[0] != want || result.outcome != dialog.Goodbye {
			t.Errorf("replies %q, Run returned %+v", got, result)
		}
	}
}

func TestGoodbyeIsAnsweredAndEndsTheCall(t *testing.T) {
	p, result := voiceCall(t, &dialog.Agent{Model: echoModel, Farewell: "Have a nice day."}, Options{}, func(p *fakePhone) {
		p.says("no thanks goodbye")
		p.wait(5 * time.Second)
	})
	if got := p.replies(); len(got) != 1 || got[0] != "Have a nice day." || result.outcome != dialog.Goodbye {
		t.Errorf("replies %q, Run returned %+v", got, result)
	}
}

func TestSilentCallerIsPromptedThenTheCallEnds(t *testing.T) {
	agent := &dialog.Agent{Greeting: "Hello.", Model: echoModel, Farewell: "Goodbye.", Silence: dialog.Silence{Prompt: "Are you there?", Wait: 5 * time.Second, MaxPrompts: 2}}
	p, result := voiceCall(t, agent, Options{}, func(p *fakePhone) {
		p.wait(7 * time.Second)
		p.says("yes I am")
		p.wait(60 * time.Second)
	})
	want := []string{"Hello.", "Are you there?", "You said: yes I am.", "Are you there?", "Are you there?", "Goodbye."}
	if got := p.replies(); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("unexpected replies %q", got)
	}
	if result.outcome != dialog.NoAnswer || result.err != nil {
		t.Errorf("Run returned %q, %v", result.outcome, result.err)
	}
}

func TestIdleTextLineEndsWithoutPrompts(t *testing.T) {
	c, result := textCall(t, &dialog.Agent{Greeting: "Hello.", Model: echoModel, Farewell: "Bye."}, Options{}, func(c *fakeCaller) {
		c.wait(silenceOnTextLine - time.Second)
		if len(c.replies()) != 1 {
			t.Errorf("unexpected replies %q", c.replies())
		}
		c.wait(time.Minute)
	})
	if got := c.replies(); len(got) != 2 || got[1] != "Bye." || result.outcome != dialog.NoAnswer {
		t.Errorf("replies %q, Run returned %+v", got, result)
	}
}
