package e2e

import (
	"regexp"
	"testing"
)

var ticketID = regexp.MustCompile(`T-\d{8}`)

func TestTicketSurvivesAKillFromTheMomentItsNumberIsSaid(t *testing.T) {
	t.Parallel()
	s := start(t, noVoice)
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "Please open a ticket: my printer stopped working.")
	c.answers(t, "ann@example.org", "Shall I do that?")
	id := ticketID.FindString(c.answers(t, "Yes.", "T-"))
	s.kill()

	s.run(t, "127.0.0.1:0", noVoice)
	again := s.openText(t, s.token(t)) // another session, which proves whose the ticket is
	again.begin(t, true)
	again.answers(t, "What is the status of ticket "+id+"?")
	again.answers(t, "ann@example.org", id+" is open")
}

func TestHangingUpLeavesADraftThatTheSameSessionContinues(t *testing.T) {
	t.Parallel()
	s := start(t, noVoice)
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "Please open a ticket: my printer stopped working.")
	c.answers(t, "ann@example.org", "Shall I do that?")
	s.hangup(t, c)
	s.awaitLog(t, "a draft is kept")
	draft := ticketID.FindString(s.tickets(t, "ls", "--status", "draft"))

	again := s.openText(t, c.resume)
	again.begin(t, false)
	if id := ticketID.FindString(again.answers(t, "Yes.", "T-")); id != draft || draft == "" {
		t.Errorf("the draft %q was opened as %q", draft, id)
	}
}

// tickets runs a subcommand of tickets beside the server.
func (s *server) tickets(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.operate(t, append([]string{"tickets"}, args...)...)
	if err != nil {
		t.Fatalf("tickets %v: %v\n%s", args, err, out)
	}
	return out
}
