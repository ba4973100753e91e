package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"frontdesk/internal/fakeai"
	"frontdesk/internal/postgrestest"
	"frontdesk/internal/require"
	"frontdesk/internal/valkeytest"
)

// takeoverTime is within which the work of a dead node must go on elsewhere. A node's lease
// lasts 15 s.
const takeoverTime = 30 * time.Second

// cluster returns the settings of nodes that share a session store and a database. Commits
// need not survive the databases in these tests, only the nodes.
func cluster(t *testing.T) (*valkeytest.Server, *postgrestest.Server, func(*exec.Cmd)) {
	t.Helper()
	store, database := valkeytest.Start(t), postgrestest.Start(t, "fsync=off")
	shared, tickets := sharedStore(store.Addr), env("FRONTDESK_DATABASE="+database.NewDatabase(t))
	return store, database, func(c *exec.Cmd) { noVoice(c); shared(c); tickets(c) }
}

// TestTicketOfANodeKilledRightAfterItsNumberWasSaid kills a node before it has stored the end
// of the reply with the number.
func TestTicketOfANodeKilledRightAfterItsNumberWasSaid(t *testing.T) {
	_, _, shared := cluster(t)
	receiver := startReceiver(t)
	notify := receiver.notify(t)
	one, two := start(t, shared, notify), start(t, shared, notify)
	c := one.openText(t, one.token(t))
	c.begin(t, true)
	c.answers(t, "Please open a ticket: my printer stopped working.")
	c.answers(t, "ann@example.org", "Shall I do that?")
	id := ticketID.FindString(c.answers(t, "Yes.", "T-"))
	one.kill()

	again := two.openText(t, c.resume)
	again.begin(t, false)
	answer := ""
	for range 4 { // the reply that the kill cut off may be said first
		time.Sleep(time.Second)
		if answer = again.answers(t, "What is the status of ticket "+id+"?"); strings.Contains(answer, id+" is open") {
			break
		}
	}
	if !strings.Contains(answer, id+" is open") {
		t.Errorf("asked for the status, the caller hears %q", answer)
	}
	stranger := two.openText(t, two.token(t))
	stranger.begin(t, true)
	if answer := stranger.answers(t, "What is the status of ticket "+id+"?"); strings.Contains(answer, "printer") {
		t.Errorf("a stranger is told %q", answer)
	}
	if listed := ticketID.FindAllString(two.tickets(t, "ls"), -1); len(listed) != 1 || listed[0] != id {
		t.Errorf("the tickets are %v, want %s", listed, id)
	}
	for range 2 { // the lease of an event that the dead node was sending lasts a minute
		deadline := time.Now().Add(patience)
		for len(receiver.of(id)) == 0 && time.Now().Before(deadline) {
			time.Sleep(50 * time.Millisecond)
		}
	}
	if events := receiver.of(id); len(events) != 1 || events[0].Type != "ticket.opened" {
		t.Errorf("the receiver got %+v, want the ticket once", events)
	}
}

// stuckModel is a language model that never answers the first request. It sends the time of
// each request.
func stuckModel(t *testing.T) (url string, asked <-chan time.Time) {
	t.Helper()
	requests, end := make(chan time.Time, 100), make(chan struct{})
	var count atomic.Int64
	ai := fakeai.New(fakeai.Options{Chat: func(string) string {
		requests <- time.Now()
		if count.Add(1) == 1 {
			<-end
		}
		return "The printer smokes."
	}})
	t.Cleanup(func() { close(end); ai.Close() })
	return ai.URL, requests
}

// awaitRequest waits for a request to a model.
func awaitRequest(t *testing.T, asked <-chan time.Time) time.Time {
	t.Helper()
	select {
	case at := <-asked:
		return at
	case <-time.After(2 * patience):
		t.Fatal("the model was not asked")
		return time.Time{}
	}
}

// archivingNode returns a node that is in the middle of archiving a session, and another one
// that shares its stores, with the session and the model's requests.
func archivingNode(t *testing.T) (busy, idle *server, session string, asked <-chan time.Time) {
	t.Helper()
	_, _, shared := cluster(t)
	archive := env("FRONTDESK_ARCHIVE_URL=file://" + filepath.ToSlash(t.TempDir()))
	first := start(t, shared, archive)
	c := first.openText(t, first.token(t))
	c.begin(t, true)
	c.answers(t, "My printer smokes.")
	c.answers(t, "That is all, goodbye.")
	c.expect(t, "frontdesk.ended")
	first.kill()
	url, asked := stuckModel(t)
	model := env("FRONTDESK_LLM_PROVIDER=openai", "FRONTDESK_LLM_URL="+url, "FRONTDESK_LLM_MODEL=m")
	busy = start(t, shared, archive, model) // a starting node archives what is over
	awaitRequest(t, asked)
	return busy, start(t, shared, archive, model), c.session, asked
}

// awaitArchived waits until a session is in the archive.
func (s *server) awaitArchived(t *testing.T, session string) time.Time {
	t.Helper()
	eventually(t, "the session is archived", func() bool {
		listed, err := s.archive(t, "ls", "--json")
		return err == nil && strings.Contains(listed, session)
	})
	return time.Now()
}

func TestWorkflowsOfADeadNodeContinueElsewhere(t *testing.T) {
	busy, idle, session, asked := archivingNode(t)
	busy.kill()
	killed := time.Now()
	resumed := awaitRequest(t, asked).Sub(killed)
	finished := idle.awaitArchived(t, session).Sub(killed)
	t.Logf("resumed after %v, finished after %v", resumed.Round(time.Millisecond), finished.Round(time.Millisecond))
	if finished > takeoverTime {
		t.Errorf("the workflow of a dead node was resumed after %v and finished after %v, want within %v", resumed, finished, takeoverTime)
	}
}

// TestStoppingNodeGivesItsWorkflowsUp stops a node as an operator does: another one continues
// its workflows before its lease would have ended.
func TestStoppingNodeGivesItsWorkflowsUp(t *testing.T) {
	busy, idle, session, asked := archivingNode(t)
	require.NoError(t, busy.cmd.Process.Signal(syscall.SIGTERM))
	began := time.Now()
	busy.awaitExit(t)
	exited := time.Now()
	resumed := awaitRequest(t, asked)
	idle.awaitArchived(t, session)
	t.Logf("exited after %v, resumed %v later, archived %v later", exited.Sub(began).Round(time.Millisecond), resumed.Sub(exited).Round(time.Millisecond), time.Since(resumed).Round(time.Millisecond))
	if late := resumed.Sub(exited); late > 10*time.Second { // the lease lasts 15 s, and nodes look for others' work every 4 s
		t.Errorf("the workflow was resumed %v after its node had stopped", late)
	}
}
