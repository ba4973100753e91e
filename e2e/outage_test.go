package e2e

import (
	"flag"
	"net/http"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/postgrestest"
	"frontdesk/internal/valkeytest"
)

var outage = flag.Duration("outage", 5*time.Second, "for how long databases are away")

// replyTime is within which an agent must reply while a database is away.
const replyTime = 15 * time.Second

// askInTime is ask, and fails the test unless the reply comes in time.
func (x *transcript) askInTime(t *testing.T, c *client, text string, want ...string) string {
	t.Helper()
	began := time.Now()
	reply := x.ask(t, c, text, want...)
	if d := time.Since(began); d > replyTime {
		t.Errorf("the reply to %q came after %v", text, d)
	}
	return reply
}

func TestCallsContinueWhileTheTicketsDatabaseIsDown(t *testing.T) {
	_, database, shared := cluster(t)
	receiver := startReceiver(t)
	s := start(t, shared, receiver.notify(t))
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	var said transcript
	said.ask(t, c, "Where is my order 47329?", "floor lamp")

	database.Kill()
	down := time.Now()
	said.askInTime(t, c, "What time do you open on Saturday?", "Saturday")
	said.askInTime(t, c, "Please open a ticket: my printer stopped working.")
	said.askInTime(t, c, "ann@example.org", "Shall I do that?")
	if refusal := said.askInTime(t, c, "Yes."); strings.Contains(refusal, "T-") || !strings.Contains(refusal, "didn't work") {
		t.Errorf("without its database, a ticket was opened or the caller heard nothing of it: %q", refusal)
	}
	said.askInTime(t, c, "Do you ship to Canada?", "Canada")
	if body, status := s.get(t, "/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d %s", status, body)
	}
	other := s.openText(t, s.token(t)) // new calls are taken
	other.begin(t, true)
	other.answers(t, "Where is my order 47329?", "floor lamp")
	time.Sleep(time.Until(down.Add(*outage)))
	database.Restart(t)

	said.askInTime(t, c, "Please open a ticket: my printer stopped working.", "Shall I do that?")
	id := ticketID.FindString(said.askInTime(t, c, "Yes.", "T-"))
	eventually(t, "the receiver hears of the ticket", func() bool { return len(receiver.of(id)) == 1 })
	if listed := ticketID.FindAllString(s.tickets(t, "ls"), -1); len(listed) != 1 {
		t.Errorf("the tickets are %v, want one", listed)
	}
}

// TestCallerHearsThatNobodyKnowsWhetherATicketWasOpened lets the database stop answering in
// the middle of a ticket.
func TestCallerHearsThatNobodyKnowsWhetherATicketWasOpened(t *testing.T) {
	store, database := valkeytest.Start(t), postgrestest.Start(t, "fsync=off")
	relay := valkeytest.NewRelay(t, database.Addr)
	url := strings.Replace(database.NewDatabase(t), database.Addr, relay.Addr, 1)
	s := start(t, noVoice, sharedStore(store.Addr), env("FRONTDESK_ARCHIVE_DATABASE="+url))
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	var said transcript
	said.askInTime(t, c, "Please open a ticket: my printer stopped working.")
	said.askInTime(t, c, "ann@example.org", "Shall I do that?")
	relay.HoldReplies()
	said.askInTime(t, c, "Yes.", "takes a little longer")
	said.askInTime(t, c, "Do you ship to Canada?", "Canada")
	done := c.expect(t, "response.done") // by itself, when the tool's time is over
	output, _ := done.at("response", "output").([]any)
	if text := words(output...); !strings.Contains(text, "can't tell whether that was done") {
		t.Errorf("the caller hears %q", text)
	}
	relay.Up()
	said.askInTime(t, c, "Do you ship to Canada?", "Canada")
	said.askInTime(t, c, "Please open a ticket: my printer stopped working.", "Shall I do that?")
	said.askInTime(t, c, "Yes.", "T-")
}
