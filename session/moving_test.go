package session_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/valkeytest"
	"frontdesk/session"
)

// node is a desk of its own on a server.
func node(t *testing.T, name string, server *valkeytest.Server) *session.Desk {
	t.Helper()
	d := session.NewDesk(session.Options{
		Store:  openValkey(t, session.ValkeyOptions{Addresses: []string{server.Addr}}),
		Tokens: session.NewTokens([]byte("0123456789abcdef0123456789abcdef")),
		Agent:  func(string) (*dialog.Agent, error) { return &dialog.Agent{Name: "echo", Model: echo{}}, nil },
		Node:   name, Life: time.Hour, Shared: true,
		Observer: &counted{}, Log: zap.NewNop(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		d.Watch(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-watched
	})
	return d
}

func TestANodeStopsAtOnceWhenAnotherTakesItsSession(t *testing.T) {
	server := valkeytest.Start(t)
	one, two := node(t, "one", server), node(t, "two", server)
	server.Until(t, "2", "PUBSUB", "NUMSUB", "fd:taken")
	old := begin(t, t.Context(), one, session.Caller{})
	old.say("one")
	server.Until(t, "turn", "XREVRANGE", "fd:{"+old.call.Session()+"}:log", "+", "-", "COUNT", "1")
	began := time.Now()
	renewed := begin(t, t.Context(), two, session.Caller{Resume: old.call.Session()})
	e := <-old.ending
	t.Logf("the old node stopped within %v", time.Since(began).Round(time.Millisecond))
	if e.Result != session.Moved {
		t.Errorf("ended as %+v", e)
	}
	if took := time.Since(began); took > 2*time.Second { // the lease is renewed every 3 s
		t.Errorf("it took %v", took)
	}
	if got := renewed.say("two"); got != "You said one, then two." {
		t.Errorf("got %q", got)
	}
	renewed.hangUp()
}

func TestCallsLeaveANodeThatStops(t *testing.T) {
	server := valkeytest.Start(t)
	one, two := node(t, "one", server), node(t, "two", server)
	old := begin(t, t.Context(), one, session.Caller{})
	old.say("one")
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		one.Drain(t.Context())
	}()
	if e := <-old.ending; e.Result != session.Draining {
		t.Errorf("ended as %+v", e)
	}
	<-drained
	if _, err := one.Admit(t.Context(), session.Caller{}); fault.From(err).Code != fault.Unavailable {
		t.Errorf("a node that has stopped says %v", err)
	}
	again := begin(t, t.Context(), two, session.Caller{Resume: old.call.Session()})
	if got := again.say("two"); got != "You said one, then two." {
		t.Errorf("got %q", got)
	}
	again.hangUp()
}
