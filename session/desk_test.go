package session_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
)

// newDesk returns a desk whose only agent replies with all that the caller has said.
func newDesk(t *testing.T, limits session.Limits) *session.Desk {
	t.Helper()
	agent := &dialog.Agent{Name: "echo", Model: desktest.EchoModel{}}
	return desktest.New(t, agent, func(o *session.Options) { o.Limits = limits }).Desk
}

// textLine is a caller on a text line: say types and waits for the reply.
type textLine struct {
	t      *testing.T
	inputs chan dialog.Heard
	events chan dialog.Event
	ending chan session.Ending
	call   *session.Call
}

// call starts a call, which ends as Lost when ctx ends.
func call(t *testing.T, ctx context.Context, d *session.Desk, caller session.Caller) *textLine {
	t.Helper()
	c, err := d.Admit(t.Context(), caller)
	require.NoError(t, err)
	l := &textLine{t: t, call: c, inputs: make(chan dialog.Heard), events: make(chan dialog.Event, 1000), ending: make(chan session.Ending, 1)}
	go func() {
		l.ending <- c.Run(ctx, dialog.Line{Inputs: l.inputs, Emit: func(e dialog.Event) { l.events <- e }})
	}()
	return l
}

func (l *textLine) say(text string) string {
	l.t.Helper()
	l.inputs <- dialog.Heard{Kind: dialog.Typed, Item: "item_" + text, Text: text, At: time.Now()}
	l.inputs <- dialog.Heard{Kind: dialog.Respond, At: time.Now()}
	return l.nextReply()
}

// nextReply returns what the agent says next.
func (l *textLine) nextReply() string {
	l.t.Helper()
	for {
		select {
		case e := <-l.events:
			if e.Kind == dialog.ReplyEnded {
				return e.Text
			}
		case <-time.After(10 * time.Second):
			l.t.Fatal("no reply")
		}
	}
}

func (l *textLine) wantReply(text, want string) {
	l.t.Helper()
	if got := l.say(text); got != want {
		l.t.Errorf("the reply to %q is %q, want %q", text, got, want)
	}
}

func (l *textLine) hangUp() session.Ending {
	close(l.inputs)
	return <-l.ending
}

func TestSessionIsResumedOnANewLine(t *testing.T) {
	d := newDesk(t, session.Limits{})
	first := call(t, t.Context(), d, session.Caller{})
	first.wantReply("one", "You said one.")
	if e := first.hangUp(); e.Result != session.HungUp {
		t.Errorf("ended as %+v", e)
	}
	second := call(t, t.Context(), d, session.Caller{Resume: first.call.Session()})
	second.wantReply("two", "You said one, then two.")
	if len(second.call.History()) != 2 {
		t.Errorf("got the history %+v, want 2 messages", second.call.History())
	}
	second.hangUp()
}

// newSwitchboard returns a desk whose English agent offers a German one, and the German one.
func newSwitchboard(t *testing.T, limiter session.Limiter) (*session.Desk, *dialog.Agent) {
	t.Helper()
	german := &dialog.Agent{Name: "zentrale", Language: "de", Greeting: "Guten Tag.", Model: desktest.EchoModel{}}
	english := &dialog.Agent{Name: "desk", Greeting: "Welcome.", Model: desktest.EchoModel{}}
	d := desktest.New(t, english, func(o *session.Options) {
		o.Limiter = limiter
		o.Agent = func(name string) (*dialog.Agent, error) {
			if name == "zentrale" {
				return german, nil
			}
			return english, nil
		}
		o.Choices = func(string) []dialog.Choice { return []dialog.Choice{{Key: "2", Agent: german, Text: "Zwei."}} }
	}).Desk
	return d, german
}

func TestAgentChosenByKeyContinuesTheCallAndItsLaterLines(t *testing.T) {
	d, german := newSwitchboard(t, nil)
	l := call(t, t.Context(), d, session.Caller{})
	if got := l.nextReply(); got != "Welcome." {
		t.Errorf("greeted with %q", got)
	}
	l.inputs <- dialog.Heard{Kind: dialog.DTMF, Text: "2", At: time.Now()}
	if got := l.nextReply(); got != "Guten Tag." || l.call.Agent() != german {
		t.Errorf("greeted with %q by %s", got, l.call.Agent().Name)
	}
	l.inputs <- dialog.Heard{Kind: dialog.DTMF, Text: "2", At: time.Now()} // no second choice is offered
	if got := l.nextReply(); got != "You said 2." {
		t.Errorf("a second key was answered with %q", got)
	}
	l.wantReply("eins", "You said 2, then eins.")
	l.hangUp()
	again := call(t, t.Context(), d, session.Caller{Resume: l.call.Session()})
	if again.call.Agent() != german {
		t.Errorf("the session continued with %s", again.call.Agent().Name)
	}
	again.wantReply("zwei", "You said 2, then eins, then zwei.")
	again.hangUp()
}

func TestAgentWithoutTokensCannotBeChosen(t *testing.T) {
	limiter := session.NewLimiter(session.Limits{TokensPerHour: 10})
	_ = limiter.SpendTokens(t.Context(), "zentrale", 20) // reports that they are spent
	d, german := newSwitchboard(t, limiter)
	if _, err := d.Admit(t.Context(), session.Caller{Agent: german.Name}); fault.From(err).Code != fault.Limited {
		t.Errorf("a new call of the German agent: got %v, want rate_limited", err)
	}
	l := call(t, t.Context(), d, session.Caller{})
	l.nextReply()
	l.inputs <- dialog.Heard{Kind: dialog.DTMF, Text: "2", At: time.Now()}
	if got := l.nextReply(); !strings.HasPrefix(got, "Diese Auswahl ist im Moment leider nicht verfügbar.") || l.call.Agent() == german {
		t.Errorf("the key was answered with %q by %s", got, l.call.Agent().Name)
	}
	l.wantReply("one", "You said one.")
	l.hangUp()
}

func TestNewLineTakesOverFromTheFormerOne(t *testing.T) {
	d := newDesk(t, session.Limits{})
	first := call(t, t.Context(), d, session.Caller{})
	first.say("one")
	second := call(t, t.Context(), d, session.Caller{Resume: first.call.Session()})
	if e := <-first.ending; e.Result != session.Moved {
		t.Errorf("the former line ended as %+v, want moved", e)
	}
	second.wantReply("two", "You said one, then two.")
	second.hangUp()
}

func TestEndingSaysWhyTheCallEnded(t *testing.T) {
	d := newDesk(t, session.Limits{Duration: time.Hour})
	ctx, fail := context.WithCancelCause(t.Context())
	l := call(t, ctx, d, session.Caller{})
	l.say("hello")
	fail(fault.New(fault.Timeout, "the network failed"))
	if e := <-l.ending; e.Result != session.Lost || e.Reason != "the network failed" {
		t.Errorf("ended as %+v, want lost because the network failed", e)
	}
	l = call(t, t.Context(), d, session.Caller{})
	l.say("hello")
	l.call.HangUp()
	if e := <-l.ending; e.Result != session.HungUp {
		t.Errorf("ended as %+v, want hung_up", e)
	}
}

func TestAdmitSaysWhyItRefuses(t *testing.T) {
	d := newDesk(t, session.Limits{Calls: 1})
	for name, test := range map[string]struct {
		caller session.Caller
		code   fault.Code
	}{
		"unknown agent":   {session.Caller{Agent: "nobody"}, fault.NotFound},
		"unknown session": {session.Caller{Resume: "sess_x"}, fault.NotFound},
	} {
		if _, err := d.Admit(t.Context(), test.caller); err == nil || fault.From(err).Code != test.code {
			t.Errorf("%s: got %v, want %s", name, err, test.code)
		}
	}
	c, err := d.Admit(t.Context(), session.Caller{})
	if err != nil {
		t.Fatalf("a refused caller is counted: %v", err)
	}
	if _, err := d.Admit(t.Context(), session.Caller{}); fault.From(err).Code != fault.Limited {
		t.Errorf("over the limit: got %v, want rate_limited", err)
	}
	c.Close()
	c, err = d.Admit(t.Context(), session.Caller{})
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	c.Close()
}

func TestDrainLetsCallsFinishAndThenEndsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, session.Limits{})
		l := call(t, t.Context(), d, session.Caller{})
		l.say("hello")
		ctx, giveUp := context.WithCancel(t.Context())
		drained := make(chan struct{})
		go func() { defer close(drained); d.Drain(ctx) }()
		synctest.Wait()
		if d.IsAccepting() {
			t.Error("a draining desk accepts calls")
		}
		if _, err := d.Admit(t.Context(), session.Caller{}); fault.From(err).Code != fault.Unavailable || !fault.IsRetryable(err) {
			t.Errorf("while draining: got %v, want a retryable unavailable", err)
		}
		if got := l.say("still here"); !strings.Contains(got, "still here") {
			t.Errorf("the running call got the reply %q", got)
		}
		giveUp()
		if e := <-l.ending; e.Result != session.Draining {
			t.Errorf("ended as %+v", e)
		}
		<-drained
	})
}

func TestCheckAdmitsNobodyAndEndsNoLine(t *testing.T) {
	d := newDesk(t, session.Limits{Calls: 2, StartsPerMinute: 1})
	line := call(t, t.Context(), d, session.Caller{Address: "192.0.2.1"})
	line.say("one")
	again := session.Caller{Resume: line.call.Session(), Address: "192.0.2.2"}
	for range 3 { // Check does not count as a start either
		require.NoError(t, d.Check(t.Context(), again))
	}
	for name, caller := range map[string]session.Caller{
		"unknown agent":   {Agent: "nobody", Address: "192.0.2.3"},
		"unknown session": {Resume: "sess_none", Address: "192.0.2.4"},
		"too many starts": {Resume: line.call.Session(), Address: "192.0.2.1"},
	} {
		if err := d.Check(t.Context(), caller); err == nil {
			t.Errorf("%s: Check returned no error", name)
		}
	}
	line.wantReply("two", "You said one, then two.")
	line.hangUp()
}

func TestRefusedResumptionDoesNotEndTheFormerLine(t *testing.T) {
	isRemoved := false
	agent := &dialog.Agent{Name: "echo", Model: desktest.EchoModel{}}
	d := desktest.New(t, agent, func(o *session.Options) {
		o.Agent = func(string) (*dialog.Agent, error) {
			if isRemoved {
				return nil, fault.New(fault.NotFound, "the agent was removed")
			}
			return agent, nil
		}
	}).Desk
	line := call(t, t.Context(), d, session.Caller{})
	isRemoved = true
	if _, err := d.Admit(t.Context(), session.Caller{Resume: line.call.Session()}); err == nil {
		t.Fatal("Admit accepted a removed agent")
	}
	line.wantReply("one", "You said one.")
	line.hangUp()
}

func TestOnlyItsOwnerMayEndACall(t *testing.T) {
	d := newDesk(t, session.Limits{})
	c, err := d.Admit(t.Context(), session.Caller{TokenID: "own"})
	require.NoError(t, err)
	defer c.HangUp()
	for name, test := range map[string]struct {
		caller  session.Caller
		isOwner bool
	}{
		"its token":           {session.Caller{TokenID: "own"}, true},
		"its resume token":    {session.Caller{TokenID: "other", Resume: c.Session()}, true},
		"a server key":        {session.Caller{Trusted: true}, true},
		"another token":       {session.Caller{TokenID: "other"}, false},
		"a key's other token": {session.Caller{TokenID: "other", Trusted: true}, false},
		"another session":     {session.Caller{TokenID: "other", Resume: "sess_other"}, false},
		"no token":            {session.Caller{}, false},
	} {
		if got := c.IsOwner(test.caller); got != test.isOwner {
			t.Errorf("%s: got %v, want %v", name, got, test.isOwner)
		}
	}
}
