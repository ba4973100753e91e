package session_test

import (
	"context"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/internal/valkeytest"
	"frontdesk/session"
	"frontdesk/session/valkey"
)

// newNode returns the desk of a node that shares the store on server, until the test ends.
func newNode(t *testing.T, name string, server *valkeytest.Server) *session.Desk {
	t.Helper()
	d := desktest.New(t, &dialog.Agent{Name: "echo", Model: desktest.EchoModel{}}, func(o *session.Options) {
		o.Store, o.SharedStore, o.Node = openValkey(t, valkey.Options{Addresses: []string{server.Addr}}), true, name
	}).Desk
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

func TestCallEndsWhenAnotherNodeTakesItsSession(t *testing.T) {
	server := valkeytest.Start(t)
	one, two := newNode(t, "one", server), newNode(t, "two", server)
	one.NeverRenewLeases() // so that the call can learn of the takeover only from Watch
	server.Until(t, "2", "PUBSUB", "NUMSUB", "fd:taken")
	former := call(t, t.Context(), one, session.Caller{})
	former.say("one")
	server.Until(t, "turn", "XREVRANGE", "fd:{"+former.call.Session()+"}:log", "+", "-", "COUNT", "1")
	started := time.Now()
	resumed := call(t, t.Context(), two, session.Caller{Resume: former.call.Session()})
	select {
	case e := <-former.ending:
		t.Logf("the former call ended after %v", time.Since(started).Round(time.Millisecond))
		if e.Result != session.Moved {
			t.Errorf("ended as %+v, want moved", e)
		}
	case <-time.After(time.Minute):
		t.Fatal("the former call did not learn that another node took its session")
	}
	resumed.wantReply("two", "You said one, then two.")
	resumed.hangUp()
}

func TestCallsMoveToAnotherNodeWhenTheirsStops(t *testing.T) {
	server := valkeytest.Start(t)
	one, two := newNode(t, "one", server), newNode(t, "two", server)
	former := call(t, t.Context(), one, session.Caller{})
	former.say("one")
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		one.Drain(t.Context())
	}()
	if e := <-former.ending; e.Result != session.Draining {
		t.Errorf("ended as %+v, want draining", e)
	}
	<-drained
	if _, err := one.Admit(t.Context(), session.Caller{}); fault.From(err).Code != fault.Unavailable {
		t.Errorf("a stopped node: got %v, want unavailable", err)
	}
	resumed := call(t, t.Context(), two, session.Caller{Resume: former.call.Session()})
	resumed.wantReply("two", "You said one, then two.")
	resumed.hangUp()
}
