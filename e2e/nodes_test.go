package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/valkeytest"
)

func TestAnotherNodeGoesOnWhenOneIsKilled(t *testing.T) {
	store := valkeytest.Start(t)
	shared := env("FRONTDESK_STORE=valkey://"+store.Addr, "FRONTDESK_SECRET="+strings.Repeat("between us ", 4))
	one, two := start(t, noVoice, shared), start(t, noVoice, shared)
	c := one.typing(t, two.token(t)) // any node's token will do
	c.begin(t, true)
	var said exchange
	said.ask(t, c, "Where is my order 47329?", "floor lamp")
	said.ask(t, c, "What time do you open on Saturday?", "Saturday")
	log := []string{"XREVRANGE", "fd:{" + c.session + "}:log", "+", "-", "COUNT", "1"}
	store.Until(t, `"turn":2`, log...)
	one.kill()

	again := two.typing(t, c.resume)
	again.begin(t, false)
	past := history(t, again, len(said)+1) // the greeting too
	if !slices.Equal(past[1:], said) {
		t.Errorf("the history is\n%s\nwant\n%s", strings.Join(past[1:], "\n"), strings.Join(said, "\n"))
	}
	again.answers(t, "Do you ship to Canada?", "Canada")
}

func TestLimitsHoldOnAllNodes(t *testing.T) {
	store := valkeytest.Start(t)
	shared := env("FRONTDESK_STORE=valkey://"+store.Addr, "FRONTDESK_SECRET="+strings.Repeat("between us ", 4), "FRONTDESK_LIMITS_CALLS_PER_ADDRESS=1")
	one, two := start(t, noVoice, shared), start(t, noVoice, shared)
	c := one.typing(t, one.token(t))
	c.begin(t, true)
	token := two.token(t)
	resp, body := two.post(t, "/v1/realtime/calls", "application/sdp", strings.NewReader(wholeOffer), bearer(token))
	checkFault(t, resp, body, 429, "rate_limited")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("nobody is told when to come back")
	}
	again := two.typing(t, c.resume) // the same call, which takes nobody's place
	again.begin(t, false)
	again.answers(t, "Do you ship to Canada?", "Canada")
}

func TestAConversationOutlivesTheServerOfItsStore(t *testing.T) {
	primary := valkeytest.Start(t)
	replica := primary.Replica(t, primary.Addr)
	sentinel := valkeytest.Sentinel(t, "desk", primary)
	s := start(t, noVoice, env("FRONTDESK_STORE=valkey://"+sentinel.Addr+"?sentinel=desk", "FRONTDESK_SECRET="+strings.Repeat("between us ", 4),
		"FRONTDESK_DURABILITY_REPLICAS=1"))
	c := s.typing(t, s.token(t))
	c.begin(t, true)
	var said exchange
	said.ask(t, c, "Where is my order 47329?", "floor lamp")
	primary.Kill()
	said.ask(t, c, "What time do you open on Saturday?", "Saturday")
	replica.Until(t, "role:master", "INFO", "replication")
	said.ask(t, c, "Do you ship to Canada?", "Canada")
	replica.Until(t, `"turn":3`, "XREVRANGE", "fd:{"+c.session+"}:log", "+", "-", "COUNT", "1")
	s.tells(t, "another server of the store took over")
	again := s.typing(t, c.resume)
	again.begin(t, false)
	past := history(t, again, len(said)+1) // the greeting too
	if !slices.Equal(past[1:], said) {
		t.Errorf("the history is\n%s\nwant\n%s", strings.Join(past[1:], "\n"), strings.Join(said, "\n"))
	}
}

// tells waits until the server's log holds text.
func (s *server) tells(t *testing.T, text string) {
	t.Helper()
	late := time.After(patience)
	for !strings.Contains(s.logs.String(), text) {
		select {
		case <-late:
			t.Fatalf("the log does not tell that %s", text)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestCallsGoOnWithoutTheSharedStore(t *testing.T) {
	store := valkeytest.Start(t)
	relay := valkeytest.NewRelay(t, store.Addr)
	s := start(t, noVoice, env("FRONTDESK_STORE=valkey://"+relay.Addr, "FRONTDESK_SECRET="+strings.Repeat("between us ", 4)))
	token := s.token(t)
	c := s.typing(t, token)
	c.begin(t, true)
	var said exchange
	said.ask(t, c, "Where is my order 47329?", "floor lamp")

	relay.Down()
	said.ask(t, c, "What time do you open on Saturday?", "Saturday")
	c.noticed(t, "not_saved")
	said.ask(t, c, "Please open a ticket: my printer stopped working.")
	if refusal := said.ask(t, c, "My number is 5 5 5, 0 1 2 3 4 5 6."); strings.Contains(refusal, "T-") {
		t.Errorf("a ticket was opened without a record: %q", refusal)
	}
	resp, body := s.post(t, "/v1/realtime/calls", "application/sdp", strings.NewReader(wholeOffer), bearer(token))
	checkFault(t, resp, body, 503, "unavailable")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("nobody is told when to come back")
	}

	relay.Up()
	said.ask(t, c, "Do you ship to Canada?", "Canada")
	c.expect(t, "frontdesk.turn")
	s.hangup(t, c)
	c.expect(t, "frontdesk.ended")
	again := s.typing(t, c.resume)
	again.begin(t, false)
	past := history(t, again, len(said)+1)
	if !slices.Equal(past[1:], said) {
		t.Errorf("the history is\n%s\nwant\n%s", strings.Join(past[1:], "\n"), strings.Join(said, "\n"))
	}
}
