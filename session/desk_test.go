package session_test

import (
	"context"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/session"
)

// echo is a model that says back what it was told last, and how much it remembers.
type echo struct{}

func (echo) Reply(_ context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		var users []string
		for _, m := range p.Messages {
			if m.Role == dialog.User {
				users = append(users, m.Text)
			}
		}
		yield(dialog.Chunk{Text: "You said " + strings.Join(users, ", then ") + "."}, nil)
	}
}

// counted is an Observer that keeps what it is told.
type counted struct {
	mu      sync.Mutex
	endings []session.Ending
}

func (*counted) CallStarted(string) {}
func (*counted) Event(dialog.Event) {}
func (c *counted) CallEnded(_ string, e session.Ending, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings = append(c.endings, e)
}

func newDesk(t *testing.T, limits session.Limits) *session.Desk {
	t.Helper()
	return newDeskOf(t, limits, func(name string) (*dialog.Agent, error) {
		if name != "" && name != "echo" {
			return nil, fault.New(fault.NotFound, "there is no agent %q", name)
		}
		return &dialog.Agent{Name: "echo", Model: echo{}}, nil
	})
}

func newDeskOf(t *testing.T, limits session.Limits, agent func(string) (*dialog.Agent, error)) *session.Desk {
	t.Helper()
	db, err := session.OpenDB(filepath.Join(t.TempDir(), "frontdesk.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := session.OpenSQLite(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return session.NewDesk(session.Options{
		Store:  store,
		Tokens: session.NewTokens([]byte("0123456789abcdef0123456789abcdef")),
		Agent:  agent,
		Node:   "test", Limits: limits, Life: time.Hour,
		Observer: &counted{}, Log: zap.NewNop(),
	})
}

// talk is a line of text: say types and waits for the reply.
type talk struct {
	t      *testing.T
	inputs chan dialog.Heard
	events chan dialog.Event
	ending chan session.Ending
	call   *session.Call
}

func begin(t *testing.T, ctx context.Context, d *session.Desk, who session.Caller) *talk {
	t.Helper()
	call, err := d.Admit(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	l := &talk{t: t, call: call, inputs: make(chan dialog.Heard), events: make(chan dialog.Event, 1000), ending: make(chan session.Ending, 1)}
	go func() {
		l.ending <- call.Run(ctx, dialog.Line{Inputs: l.inputs, Emit: func(e dialog.Event) { l.events <- e }})
	}()
	return l
}

func (l *talk) say(text string) string {
	l.t.Helper()
	l.inputs <- dialog.Heard{Kind: dialog.Typed, Item: "item_" + text, Text: text, At: time.Now()}
	l.inputs <- dialog.Heard{Kind: dialog.Respond, At: time.Now()}
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

func (l *talk) hangUp() session.Ending {
	close(l.inputs)
	return <-l.ending
}

func TestASessionGoesOnOverANewLine(t *testing.T) {
	d := newDesk(t, session.Limits{})
	first := begin(t, t.Context(), d, session.Caller{})
	if got := first.say("one"); got != "You said one." {
		t.Errorf("got %q", got)
	}
	if e := first.hangUp(); e.Result != session.HungUp {
		t.Errorf("ended as %+v", e)
	}
	second := begin(t, t.Context(), d, session.Caller{Resume: first.call.Session()})
	if got := second.say("two"); got != "You said one, then two." {
		t.Errorf("got %q", got)
	}
	if len(second.call.History()) != 2 {
		t.Errorf("history: %+v", second.call.History())
	}
	second.hangUp()
}

func TestANewLineTakesOverFromTheOldOne(t *testing.T) {
	d := newDesk(t, session.Limits{})
	first := begin(t, t.Context(), d, session.Caller{})
	first.say("one")
	second := begin(t, t.Context(), d, session.Caller{Resume: first.call.Session()})
	if e := <-first.ending; e.Result != session.Moved {
		t.Errorf("the old line ended as %+v", e)
	}
	if got := second.say("two"); got != "You said one, then two." {
		t.Errorf("got %q", got)
	}
	second.hangUp()
}

func TestEndingsSayWhy(t *testing.T) {
	d := newDesk(t, session.Limits{Duration: time.Hour})
	ctx, lose := context.WithCancelCause(t.Context())
	l := begin(t, ctx, d, session.Caller{})
	l.say("hello")
	lose(fault.New(fault.Timeout, "the network went away"))
	if e := <-l.ending; e.Result != session.Lost || e.Reason != "the network went away" {
		t.Errorf("lost line: %+v", e)
	}
	l = begin(t, t.Context(), d, session.Caller{})
	l.say("hello")
	l.call.Hangup()
	if e := <-l.ending; e.Result != session.HungUp {
		t.Errorf("hung up: %+v", e)
	}
}

func TestAdmitSaysWhyNot(t *testing.T) {
	d := newDesk(t, session.Limits{Calls: 1})
	for name, test := range map[string]struct {
		who  session.Caller
		code fault.Code
	}{
		"unknown agent":   {session.Caller{Agent: "nobody"}, fault.NotFound},
		"unknown session": {session.Caller{Resume: "sess_x"}, fault.NotFound},
	} {
		if _, err := d.Admit(t.Context(), test.who); err == nil || fault.From(err).Code != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	call, err := d.Admit(t.Context(), session.Caller{})
	if err != nil {
		t.Fatalf("a refused caller took a line: %v", err)
	}
	if _, err := d.Admit(t.Context(), session.Caller{}); fault.From(err).Code != fault.Limited {
		t.Errorf("over the limit: %v", err)
	}
	call.Close()
	call, err = d.Admit(t.Context(), session.Caller{})
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	call.Close()
}

func TestDrainLetsCallsFinishAndThenEndsThem(t *testing.T) {
	d := newDesk(t, session.Limits{})
	l := begin(t, t.Context(), d, session.Caller{})
	l.say("hello")
	ctx, giveUp := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() { defer close(drained); d.Drain(ctx) }()
	for d.Accepting() {
		time.Sleep(time.Millisecond) // until Drain has begun
	}
	if _, err := d.Admit(t.Context(), session.Caller{}); fault.From(err).Code != fault.Unavailable || !fault.IsRetryable(err) {
		t.Errorf("while draining: %v", err)
	}
	if got := l.say("still here"); !strings.Contains(got, "still here") {
		t.Errorf("a running call was not let go on: %q", got)
	}
	giveUp()
	if e := <-l.ending; e.Result != session.Draining {
		t.Errorf("ended as %+v", e)
	}
	<-drained
}

func TestCheckTakesNoLineFromAnybody(t *testing.T) {
	d := newDesk(t, session.Limits{Calls: 2, StartsPerMinute: 1})
	line := begin(t, t.Context(), d, session.Caller{Address: "192.0.2.1"})
	line.say("one")
	again := session.Caller{Resume: line.call.Session(), Address: "192.0.2.2"}
	for range 3 { // it is no start either
		if err := d.Check(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
	for name, who := range map[string]session.Caller{
		"no such agent":        {Agent: "nobody", Address: "192.0.2.3"},
		"no such session":      {Resume: "sess_none", Address: "192.0.2.4"},
		"too many calls begun": {Resume: line.call.Session(), Address: "192.0.2.1"},
	} {
		if err := d.Check(t.Context(), who); err == nil {
			t.Errorf("%s: would be admitted", name)
		}
	}
	if got := line.say("two"); got != "You said one, then two." {
		t.Errorf("got %q", got)
	}
	line.hangUp()
}

func TestARefusedResumptionLeavesTheLineAlone(t *testing.T) {
	gone := false
	d := newDeskOf(t, session.Limits{}, func(string) (*dialog.Agent, error) {
		if gone {
			return nil, fault.New(fault.NotFound, "the agent is gone")
		}
		return &dialog.Agent{Name: "echo", Model: echo{}}, nil
	})
	line := begin(t, t.Context(), d, session.Caller{})
	gone = true
	if _, err := d.Admit(t.Context(), session.Caller{Resume: line.call.Session()}); err == nil {
		t.Fatal("admitted to an agent that is gone")
	}
	if got := line.say("one"); got != "You said one." {
		t.Errorf("got %q", got)
	}
	line.hangUp()
}

func TestOnlyItsOwnCallerEndsACall(t *testing.T) {
	d := newDesk(t, session.Limits{})
	call, err := d.Admit(t.Context(), session.Caller{Token: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	defer call.Hangup()
	for name, test := range map[string]struct {
		who  session.Caller
		owns bool
	}{
		"its token":           {session.Caller{Token: "mine"}, true},
		"its resume token":    {session.Caller{Token: "other", Resume: call.Session()}, true},
		"a server key":        {session.Caller{Trusted: true}, true},
		"another token":       {session.Caller{Token: "other"}, false},
		"a key's other token": {session.Caller{Token: "other", Trusted: true}, false},
		"another session":     {session.Caller{Token: "other", Resume: "sess_other"}, false},
		"no token":            {session.Caller{}, false},
	} {
		if got := call.Owner(test.who); got != test.owns {
			t.Errorf("%s: %v", name, got)
		}
	}
}
