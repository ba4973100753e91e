package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// smallDisk is a file system of its own of a few megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount the small disk that this test fills")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=700"); err != nil {
		t.Skipf("this machine mounts no tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no byte free and returns what frees them again.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// exchange is what a history must hold.
type exchange []string

func (x *exchange) ask(t *testing.T, c *client, text string, want ...string) string {
	t.Helper()
	reply := c.answers(t, text, want...)
	*x = append(*x, "user: "+text, "assistant: "+reply)
	return reply
}

func TestAFullDiskStopsNeitherTheConversationNorWhatComesAfter(t *testing.T) {
	s := &server{data: smallDisk(t)}
	s.run(t, "127.0.0.1:0", noVoice)
	c := s.typing(t, s.token(t))
	c.begin(t, true)
	var said exchange
	said.ask(t, c, "Where is my order 47329?", "floor lamp")
	c.expect(t, "frontdesk.turn")

	empty := fill(t, s.data)
	said.ask(t, c, "What time do you open on Saturday?", "Saturday")
	c.noticed(t, "not_saved")
	said.ask(t, c, "Please open a ticket: my printer stopped working.")
	refusal := said.ask(t, c, "My number is 5 5 5, 0 1 2 3 4 5 6.")
	if e := c.expect(t, "frontdesk.turn"); e.at("turn", "reply") != refusal || s.metric(t, `frontdesk_tool_calls_total{outcome="failed",tool="create_ticket"}`) != 1 {
		t.Errorf("no ticket was refused: %v", e)
	}
	if !strings.Contains(refusal, "didn't work") || strings.Contains(refusal, "T-") {
		t.Errorf("the ticket was refused with %q", refusal)
	}
	for range 10 {
		said.ask(t, c, "Where is my order 47329?", "floor lamp")
	}
	if n := strings.Count(s.logs.String(), `"code":"not_saved"`); n != 1 {
		t.Errorf("the log tells %d times that nothing is saved", n)
	}
	if n := s.metric(t, `frontdesk_notices_total{code="not_saved"}`); n != 1 {
		t.Errorf("the metric counts %v times that nothing is saved", n)
	}

	empty()
	said.ask(t, c, "Do you ship to Canada?", "Canada")
	c.expect(t, "frontdesk.turn")
	s.hangup(t, c)
	c.expect(t, "frontdesk.ended")

	again := s.typing(t, c.resume)
	again.begin(t, false)
	past := history(t, again, len(said)+1) // the greeting too
	if !slices.Equal(past[1:], said) {
		t.Errorf("the history is\n%s\nwant\n%s", strings.Join(past[1:], "\n"), strings.Join(said, "\n"))
	}
}
