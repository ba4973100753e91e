package outbox

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/require"
)

// outsideWorld is a destination that appends the keys of events to a file, and answers later.
type outsideWorld struct{ file *os.File }

func (o outsideWorld) Deliver(_ context.Context, _ Event, key string) error {
	if _, err := o.file.WriteString(key + "\n"); err != nil { // one write: O_APPEND keeps lines whole
		return err
	}
	time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
	return nil
}

// TestHelperDelivers is not a test: it is the process that
// TestAKilledProcessLosesNothing kills.
func TestHelperDelivers(t *testing.T) {
	dir := os.Getenv("FRONTDESK_TEST_OUTBOX")
	if dir == "" {
		t.Skip("only for TestAKilledProcessLosesNothing")
	}
	conn, err := db.Open(filepath.Join(dir, "x.db"))
	require.NoError(t, err)
	s, err := Open(t.Context(), conn, []Route{{Name: "crm"}})
	require.NoError(t, err)
	file, err := os.OpenFile(filepath.Join(dir, "received"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	NewDispatcher(s, map[string]Destination{"crm": outsideWorld{file}}, Options{
		Node: "child", Lease: 200 * time.Millisecond, Deadline: 100 * time.Millisecond, Poll: 20 * time.Millisecond,
	}).Run(t.Context())
}

func TestAKilledProcessLosesNothing(t *testing.T) {
	const topics, events, kills, atOnce = 8, 25, 12, 4
	dir := t.TempDir()
	s := openTest(t, filepath.Join(dir, "x.db"), Route{Name: "crm"})
	for n := 1; n <= events; n++ {
		for topic := range topics {
			require.NoError(t, s.Publish(t.Context(), newEvent(fmt.Sprint("T-", topic), n)))
		}
	}
	deadline := time.Now().Add(90 * time.Second)
	killed := 0
	for waiting := 1; waiting > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d events still wait", waiting)
		}
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperDelivers$")
		child.Env = append(os.Environ(), "FRONTDESK_TEST_OUTBOX="+dir)
		require.NoError(t, child.Start())
		patience := time.Duration(50+rand.IntN(300)) * time.Millisecond
		if killed >= kills {
			patience = time.Second
		}
		time.Sleep(patience)
		require.NoError(t, child.Process.Kill()) // SIGKILL
		_ = child.Wait()
		killed++
		b, err := s.Backlogs(t.Context())
		require.NoError(t, err)
		waiting = b["crm"].Waiting
	}
	text, err := os.ReadFile(filepath.Join(dir, "received"))
	require.NoError(t, err)
	seen, last, repeated := make(map[string]bool), make(map[string]int), 0
	for line := range strings.SplitSeq(string(bytes.TrimSpace(text)), "\n") {
		topic, number, _ := strings.Cut(strings.TrimPrefix(line, "evt_"), ".")
		if seen[line] {
			repeated++
			continue
		}
		seen[line] = true
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil || n != last[topic]+1 {
			t.Errorf("%s came after number %d", line, last[topic])
		}
		last[topic] = n
	}
	if len(seen) != topics*events {
		t.Errorf("%d of %d events arrived", len(seen), topics*events)
	}
	if repeated > killed*atOnce {
		t.Errorf("%d events arrived again after %d kills, of at most %d attempts each", repeated, killed, atOnce)
	}
	t.Logf("%d events, %d kills, %d repetitions", len(seen), killed, repeated)
}
