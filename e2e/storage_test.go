package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"frontdesk/internal/require"
)

// fillDisk leaves no byte free. The function it returns frees them again.
func fillDisk(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		require.NoError(t, os.Remove(path))
	}
}

// transcript is what the caller and the agent said after the greeting.
type transcript []string

// ask asks over c, adds question and reply to the transcript, and returns the reply.
func (x *transcript) ask(t *testing.T, c *client, text string, want ...string) string {
	t.Helper()
	reply := c.answers(t, text, want...)
	*x = append(*x, "user: "+text, "assistant: "+reply)
	return reply
}

// checkHistory fails the test unless the history on a resumed line is the greeting and x.
func (x *transcript) checkHistory(t *testing.T, resumed *client) {
	t.Helper()
	past := history(t, resumed, len(*x)+1)
	if !slices.Equal(past[1:], *x) {
		t.Errorf("the history is\n%s\nwant\n%s", strings.Join(past[1:], "\n"), strings.Join(*x, "\n"))
	}
}

func TestConversationContinuesOnAFullDiskAndIsSavedLater(t *testing.T) {
	t.Parallel()
	s := &server{data: smallDisk(t)}
	s.run(t, "127.0.0.1:0", noVoice)
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	var said transcript
	said.ask(t, c, "Where is my order 47329?", "floor lamp")
	c.expect(t, "frontdesk.turn")

	free := fillDisk(t, s.data)
	said.ask(t, c, "What time do you open on Saturday?", "Saturday")
	c.awaitNotice(t, "not_saved")
	said.ask(t, c, "Please open a ticket: my printer stopped working.")
	said.ask(t, c, "My number is 5 5 5, 0 1 2 3 4 5 6.", "Shall I do that?")
	refusal := said.ask(t, c, "Yes.")
	if e := c.expect(t, "frontdesk.turn"); e.at("turn", "reply") != refusal || s.metric(t, `frontdesk_tool_calls_total{outcome="refused",tool="create_ticket"}`) != 1 {
		t.Errorf("the ticket was not refused: %v", e)
	}
	if !strings.Contains(refusal, "didn't work") || strings.Contains(refusal, "T-") {
		t.Errorf("the ticket was refused with %q", refusal)
	}
	for range 10 {
		said.ask(t, c, "Where is my order 47329?", "floor lamp")
	}
	if n := strings.Count(s.logs.String(), `"code":"not_saved"`); n != 1 {
		t.Errorf("the log says %d times that nothing is saved, want once", n)
	}
	if n := s.metric(t, `frontdesk_notices_total{code="not_saved"}`); n != 1 {
		t.Errorf("the metric counts %v notices that nothing is saved, want 1", n)
	}

	free()
	said.ask(t, c, "Do you ship to Canada?", "Canada")
	c.expect(t, "frontdesk.turn")
	s.hangup(t, c)
	c.expect(t, "frontdesk.ended")

	again := s.openText(t, c.resume)
	again.begin(t, false)
	said.checkHistory(t, again)
}
