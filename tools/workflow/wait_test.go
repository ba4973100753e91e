package workflow

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

// waiting is the input of the workflow "wait".
type waiting struct{ Until time.Time }

// openWaiting opens an engine that runs the workflow "wait". Its waits are told to reasons.
func openWaiting(t testing.TB, node, path string, reasons chan<- string) *Engine {
	t.Helper()
	e, err := Open(t.Context(), Options{Node: node, Path: path, Lease: time.Second, Log: zap.NewNop()})
	require.NoError(t, err)
	Register(e, "wait", func(r *Run, in waiting) error {
		_, err := Do(r, Step[bool]{
			Name: "promise", Do: func(context.Context, string) (bool, error) { return true, nil },
			Undo: func(context.Context, string, bool) error { reasons <- "undone"; return nil },
		})
		if err != nil {
			return err
		}
		reason, err := WaitUntil(r, "wait", in.Until)
		if err != nil {
			return err
		}
		_, err = Do(r, Step[bool]{Name: "tell", Do: func(context.Context, string) (bool, error) { reasons <- reason; return true, nil }})
		return err
	})
	require.NoError(t, e.Launch(t.Context()))
	return e
}

// eventuallyWaits waits until the workflow waits, and returns until when.
func eventuallyWaits(t testing.TB, e *Engine, id string) time.Time {
	t.Helper()
	for range 500 {
		if w, err := e.Get(id); err == nil && w.Due != nil {
			return *w.Due
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not wait", id)
	return time.Time{}
}

func TestWaitEndsAtItsTime(t *testing.T) {
	reasons := make(chan string, 10)
	e := openWaiting(t, "one", filepath.Join(t.TempDir(), "workflows.db"), reasons)
	defer e.Close()
	until := time.Now().Add(300 * time.Millisecond)
	require.NoError(t, e.Start("wait", "w1", waiting{until}))
	if due := eventuallyWaits(t, e, "w1"); due.UnixMilli() != until.UnixMilli() {
		t.Errorf("it waits until %v, want %v", due, until)
	}
	if reason := <-reasons; reason != Due || time.Now().Before(until) {
		t.Errorf("the wait ended for %q, %v before its time", reason, time.Until(until))
	}
	if w := e.mustFinish(t, "w1"); w.State != Completed || w.Due != nil {
		t.Errorf("got %+v, want completed and not waiting", w)
	}
}

// A process that only opens the database, as a command does, wakes and cancels workflows that
// wait elsewhere.
func TestAnotherProcessEndsWaits(t *testing.T) {
	path, reasons := filepath.Join(t.TempDir(), "workflows.db"), make(chan string, 10)
	e := openWaiting(t, "one", path, reasons)
	defer e.Close()
	far := waiting{time.Now().Add(100 * time.Hour)}
	require.NoError(t, e.Start("wait", "woken", far))
	require.NoError(t, e.Start("wait", "canceled", far))
	eventuallyWaits(t, e, "woken")
	eventuallyWaits(t, e, "canceled")
	command, err := Open(t.Context(), Options{Node: "command", Path: path, Log: zap.NewNop()})
	require.NoError(t, err)
	defer command.Close()
	if isWaiting, err := command.Wake(t.Context(), "woken", "ticket"); err != nil || !isWaiting {
		t.Fatalf("Wake returned %v, %v", isWaiting, err)
	}
	if reason := <-reasons; reason != "ticket" {
		t.Errorf("the wait ended for %q, want ticket", reason)
	}
	e.mustFinish(t, "woken")
	if isWaiting, err := command.Wake(t.Context(), "woken", "ticket"); err != nil || isWaiting {
		t.Errorf("a workflow that is over was woken: %v, %v", isWaiting, err)
	}
	require.NoError(t, command.Cancel(t.Context(), "canceled"))
	if w := e.mustFinish(t, "canceled"); w.State != Compensated || w.Step != "wait" || w.Code != fault.Conflict {
		t.Errorf("got %+v, want the wait canceled and what was done undone", w)
	}
	if reason := <-reasons; reason != "undone" {
		t.Errorf("got %q, want what was done undone", reason)
	}
}

// The process ends while the workflow waits. What has woken it meanwhile counts, and so does
// time.
func TestWaitSurvivesItsProcess(t *testing.T) {
	path, reasons := filepath.Join(t.TempDir(), "workflows.db"), make(chan string, 10)
	first := openWaiting(t, "first", path, reasons)
	due := time.Now().Add(1500 * time.Millisecond)
	require.NoError(t, first.Start("wait", "due", waiting{due}))
	require.NoError(t, first.Start("wait", "woken", waiting{due.Add(time.Hour)}))
	eventuallyWaits(t, first, "due")
	eventuallyWaits(t, first, "woken")
	require.NoError(t, first.Close())
	command, err := Open(t.Context(), Options{Node: "command", Path: path, Log: zap.NewNop()})
	require.NoError(t, err)
	_, err = command.Wake(t.Context(), "woken", "ticket")
	require.NoError(t, err)
	require.NoError(t, command.Close())
	if len(reasons) > 0 {
		t.Fatalf("the wait ended for %q while no process ran", <-reasons)
	}
	second := openWaiting(t, "second", path, reasons)
	defer second.Close()
	got := make(map[string]bool)
	for range 2 { // in either order: the second process may take longer to open than the time is away
		reason := <-reasons
		if reason == Due && time.Now().Before(due) {
			t.Errorf("a wait ended %v before its time", time.Until(due))
		}
		got[reason] = true
	}
	if !got["ticket"] || !got[Due] {
		t.Errorf("the waits ended for %v, want ticket and %s", got, Due)
	}
	for _, id := range []string{"due", "woken"} {
		if w := second.mustFinish(t, id); w.State != Completed || w.Node != "second" {
			t.Errorf("got %+v, want completed by the second process", w)
		}
	}
}

// A process dies after a wait has ended and before that is recorded: the next one ends the wait
// for the same reason.
func TestReasonOfAWaitIsRemembered(t *testing.T) {
	e := open(t, func(*Run, string) error { return nil })
	far := time.Now().Add(time.Hour)
	for _, c := range []struct {
		step, want string
		until      time.Time
		wakeFirst  bool
	}{
		{"a", "", far, false}, {"a", "ticket", far, true}, {"a", "ticket", time.Now(), false}, {"b", "", far, false}, {"b", Due, time.Now(), false},
	} {
		if c.wakeFirst {
			_, err := e.Wake(t.Context(), "w1", "ticket")
			require.NoError(t, err)
		}
		if got, err := e.wokenBy(t.Context(), "w1", c.step, c.until); err != nil || got != c.want {
			t.Errorf("step %s: the reason is %q, %v, want %q", c.step, got, err, c.want)
		}
	}
}
