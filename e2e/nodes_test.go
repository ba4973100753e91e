package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"frontdesk/internal/postgrestest"
	"frontdesk/internal/valkeytest"
)

// sharedStore makes a server keep its sessions in the Valkey server at addr.
func sharedStore(addr string) func(*exec.Cmd) {
	return env("FRONTDESK_STORE=valkey://"+addr, "FRONTDESK_SECRET="+strings.Repeat("between us ", 4))
}

func TestAnotherNodeResumesTheConversationOfAKilledNode(t *testing.T) {
	t.Parallel()
	store := valkeytest.Start(t)
	shared := sharedStore(store.Addr)
	one, two := start(t, noVoice, shared), start(t, noVoice, shared)
	c := one.openText(t, two.token(t)) // tokens of any node are valid
	c.begin(t, true)
	var said transcript
	said.ask(t, c, "Where is my order 47329?", "floor lamp")
	said.ask(t, c, "What time do you open on Saturday?", "Saturday")
	log := []string{"XREVRANGE", "fd:{" + c.session + "}:log", "+", "-", "COUNT", "1"}
	store.Until(t, `"turn":2`, log...)
	one.kill()

	again := two.openText(t, c.resume)
	again.begin(t, false)
	said.checkHistory(t, again)
	again.answers(t, "Do you ship to Canada?", "Canada")
}

func TestTicketOfAKilledNodeIsFoundOnAnother(t *testing.T) {
	t.Parallel()
	store, database := valkeytest.Start(t), postgrestest.Start(t)
	shared, tickets := sharedStore(store.Addr), env("FRONTDESK_DATABASE="+database.NewDatabase(t))
	one, two := start(t, noVoice, shared, tickets), start(t, noVoice, shared, tickets)
	c := one.openText(t, one.token(t))
	c.begin(t, true)
	var said transcript
	said.ask(t, c, "Please open a ticket: my printer stopped working.")
	said.ask(t, c, "ann@example.org", "Shall I do that?")
	id := ticketID.FindString(said.ask(t, c, "Yes.", "T-"))
	store.Until(t, `"turn":3`, "XREVRANGE", "fd:{"+c.session+"}:log", "+", "-", "COUNT", "1") // else the reply is resumed
	one.kill()

	again := two.openText(t, c.resume)
	again.begin(t, false)
	again.answers(t, "What is the status of my ticket?", id+" is open")
	stranger := two.openText(t, two.token(t))
	stranger.begin(t, true)
	if answer := stranger.answers(t, "What is the status of ticket "+id+"?"); strings.Contains(answer, "printer") {
		t.Errorf("a stranger is told %q", answer)
	}
	stranger.answers(t, "ann@example.org", "printer")
}

func TestLimitsHoldOnAllNodes(t *testing.T) {
	t.Parallel()
	store := valkeytest.Start(t)
	shared, limit := sharedStore(store.Addr), env("FRONTDESK_LIMITS_CALLS_PER_ADDRESS=1")
	one, two := start(t, noVoice, shared, limit), start(t, noVoice, shared, limit)
	c := one.openText(t, one.token(t))
	c.begin(t, true)
	token := two.token(t)
	resp, body := two.post(t, "/v1/realtime/calls", "application/sdp", strings.NewReader(wholeOffer), bearer(token))
	checkFault(t, resp, body, 429, "rate_limited")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("the refusal has no Retry-After")
	}
	again := two.openText(t, c.resume) // the same session, which counts once
	again.begin(t, false)
	again.answers(t, "Do you ship to Canada?", "Canada")
}

func TestConversationSurvivesAFailoverOfTheStore(t *testing.T) {
	t.Parallel()
	primary := valkeytest.Start(t)
	replica := primary.Replica(t, primary.Addr)
	sentinel := valkeytest.Sentinel(t, "desk", primary)
	s := start(t, noVoice, sharedStore(sentinel.Addr+"?sentinel=desk"), env("FRONTDESK_DURABILITY_REPLICAS=1"))
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	var said transcript
	said.ask(t, c, "Where is my order 47329?", "floor lamp")
	primary.Kill()
	said.ask(t, c, "What time do you open on Saturday?", "Saturday")
	replica.Until(t, "role:master", "INFO", "replication")
	said.ask(t, c, "Do you ship to Canada?", "Canada")
	replica.Until(t, `"turn":3`, "XREVRANGE", "fd:{"+c.session+"}:log", "+", "-", "COUNT", "1")
	s.awaitLog(t, "another server of the store took over")
	again := s.openText(t, c.resume)
	again.begin(t, false)
	said.checkHistory(t, again)
}

func TestCallsContinueWhileTheSharedStoreIsDown(t *testing.T) {
	t.Parallel()
	store := valkeytest.Start(t)
	relay := valkeytest.NewRelay(t, store.Addr)
	s := start(t, noVoice, sharedStore(relay.Addr))
	token := s.token(t)
	c := s.openText(t, token)
	c.begin(t, true)
	var said transcript
	said.ask(t, c, "Where is my order 47329?", "floor lamp")

	relay.Down()
	said.ask(t, c, "What time do you open on Saturday?", "Saturday")
	c.awaitNotice(t, "not_saved")
	said.ask(t, c, "Please open a ticket: my printer stopped working.")
	said.ask(t, c, "My number is 5 5 5, 0 1 2 3 4 5 6.", "Shall I do that?")
	if refusal := said.ask(t, c, "Yes."); strings.Contains(refusal, "T-") {
		t.Errorf("a ticket was opened although its record could not be stored: %q", refusal)
	}
	resp, body := s.post(t, "/v1/realtime/calls", "application/sdp", strings.NewReader(wholeOffer), bearer(token))
	checkFault(t, resp, body, 503, "unavailable")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("the refusal has no Retry-After")
	}

	relay.Up()
	said.ask(t, c, "Do you ship to Canada?", "Canada")
	c.expect(t, "frontdesk.turn")
	s.hangup(t, c)
	c.expect(t, "frontdesk.ended")
	again := s.openText(t, c.resume)
	again.begin(t, false)
	said.checkHistory(t, again)
}
