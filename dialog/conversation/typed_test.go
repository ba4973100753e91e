package conversation

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
)

func TestTypedQuestionIsAnswered(t *testing.T) {
	j := &fakeJournal{}
	c, result := textCall(t, &dialog.Agent{Greeting: "Hello, how can I help?", Model: echoModel}, Options{Journal: j}, func(c *fakeCaller) {
		c.types("hi")
		synctest.Wait()
		c.types("more")
	})
	if result.outcome != dialog.CallerGone || result.err != nil {
		t.Errorf("Run returned %q, %v", result.outcome, result.err)
	}
	want := "a:Hello, how can I help? | u:hi | a:You said: hi. | u:more | a:You said: more."
	if got := j.history(); got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if n := len(c.eventsOf(dialog.SpeakingStarted, dialog.SpeakingStopped)); n > 0 {
		t.Errorf("%d events of audio on a text line", n)
	}
	if got := c.turns(); len(got) != 2 || got[0].Number != 1 || got[1].Reply != "You said: more." || !got[1].Typed || got[1].Status != dialog.Completed {
		t.Errorf("unexpected turns %+v", got)
	}
}

func TestTypedTextIsAnsweredWhenAReplyIsRequested(t *testing.T) {
	j := &fakeJournal{}
	c, _ := textCall(t, &dialog.Agent{Model: echoModel}, Options{Journal: j}, func(c *fakeCaller) {
		c.send(dialog.Heard{Kind: dialog.Typed, Text: "one"})
		c.wait(time.Minute)
		if n := len(c.eventsOf(dialog.ReplyStarted)); n > 0 {
			t.Errorf("%d replies without a request", n)
		}
		c.types("two")
		synctest.Wait()
		c.send(dialog.Heard{Kind: dialog.Typed, Text: "three"})
	})
	if got, want := j.history(), "u:one | u:two | a:You said: two. | u:three"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if got := c.turns(); len(got) != 1 || got[0].Caller != "one two" {
		t.Errorf("unexpected turns %+v", got)
	}
}

func TestTypedTextInterruptsTheAgentAndIsAnswered(t *testing.T) {
	p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel}, Options{}, func(p *fakePhone) {
		p.says("tell me")
		p.wait(2 * time.Second)
		p.types("something else")
		p.wait(10 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || !turns[0].Interrupted || !turns[1].Typed || turns[1].Reply == "" {
		t.Errorf("unexpected turns %+v", turns)
	}
}

func TestCancelReplyStopsTheAgentAndStartsNoReply(t *testing.T) {
	c, _ := textCall(t, &dialog.Agent{Model: modelHanging("Well, it is a long story. And")}, Options{}, func(c *fakeCaller) {
		c.types("tell me")
		c.wait(time.Second)
		c.send(dialog.Heard{Kind: dialog.CancelReply})
		c.wait(time.Minute)
	})
	ends := c.eventsOf(dialog.ReplyEnded)
	if len(ends) != 1 || ends[0].Status != dialog.Cancelled || ends[0].Text != "Well, it is a long story." {
		t.Errorf("unexpected replies %+v", ends)
	}
}

func TestTooLongTextIsRefusedAndTheNextIsAnswered(t *testing.T) {
	c, _ := textCall(t, &dialog.Agent{Model: echoModel}, Options{}, func(c *fakeCaller) {
		c.send(dialog.Heard{Kind: dialog.Typed, Text: strings.Repeat("x", maxTyped+1)})
		c.types("hi")
	})
	if c.notices() != "too_large" || len(c.replies()) != 1 || c.replies()[0] != "You said: hi." {
		t.Errorf("unexpected notices %q, replies %q", c.notices(), c.replies())
	}
}

func TestUnansweredMessagesAreBounded(t *testing.T) {
	c, _ := textCall(t, &dialog.Agent{Model: echoModel}, Options{}, func(c *fakeCaller) {
		for range maxPending + 5 {
			c.send(dialog.Heard{Kind: dialog.Typed, Text: "x"})
		}
		synctest.Wait()
		c.send(dialog.Heard{Kind: dialog.Respond})
		c.wait(time.Second)
		c.types("hello")
	})
	if n := strings.Count(c.notices(), "rate_limited"); n != 5 || len(c.turns()) != 2 {
		t.Errorf("%d messages refused, want 5; %d turns, want 2", n, len(c.turns()))
	}
}
