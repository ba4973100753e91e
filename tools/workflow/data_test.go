package workflow

import (
	"context"
	"errors"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

func TestEraseDeletesOnlyTheFinishedWorkflowsOfASession(t *testing.T) {
	release := make(chan struct{})
	e := open(t, func(r *Run, input string) error {
		_, err := Do(r, Step[string]{Name: "only", Do: func(ctx context.Context, _ string) (string, error) {
			switch input {
			case "bad":
				return "", errors.New("broken")
			case "slow":
				select {
				case <-release:
				case <-ctx.Done():
				}
			}
			return "result of " + input, nil
		}})
		return err
	})
	ids := map[string]string{"good": IDOf("test", "sess_1", "a"), "bad": IDOf("test", "sess_1", "b"), "slow": IDOf("test", "sess_1", "c"), "other": IDOf("test", "sess_12", "a")}
	for input, id := range ids {
		require.NoError(t, e.Start("test", id, input))
	}
	for _, input := range []string{"good", "bad", "other"} {
		e.mustFinish(t, ids[input])
	}
	d, err := e.Data(ids["good"])
	if err != nil || string(d.Input) != `"good"` || string(d.Steps["only"]) != `"result of good"` {
		t.Errorf("got %s, %s, %v", d.Input, d.Steps["only"], err)
	}
	if erased, unfinished, err := e.Erase(t.Context(), ""); err != nil || erased != 0 || len(unfinished) != 0 {
		t.Errorf("of no session: erased %d, left %v, %v", erased, unfinished, err)
	}
	erased, unfinished, err := e.Erase(t.Context(), "sess_1")
	if err != nil || erased != 2 || len(unfinished) != 1 || unfinished[0] != ids["slow"] {
		t.Errorf("erased %d, left %v, %v; want 2 erased and the running one left", erased, unfinished, err)
	}
	if _, err := e.Data(ids["good"]); fault.From(err).Code != fault.NotFound {
		t.Errorf("an erased workflow: got %v, want not_found", err)
	}
	if _, err := e.Data(ids["other"]); err != nil {
		t.Errorf("the workflow of another session: %v", err)
	}
	close(release)
	e.mustFinish(t, ids["slow"])
	if erased, _, err := e.Erase(t.Context(), "sess_1"); err != nil || erased != 1 {
		t.Errorf("after its end: erased %d, %v; want 1", erased, err)
	}
}

// A tool that is not known to repeat safely may undo a step, too.
func TestUndoingThatMayHaveHappenedIsUnknown(t *testing.T) {
	o := newOutside()
	s := o.undoable("first")
	s.UndoOnce = true
	s.Undo = func(_ context.Context, key, _ string) error {
		o.do(key)
		return fault.New(fault.Timeout, "no answer")
	}
	last := o.step("last")
	last.Do = func(context.Context, string) (string, error) { return "", fault.New(fault.Forbidden, "refused") }
	e := open(t, func(r *Run, _ string) error {
		if _, err := Do(r, s); err != nil {
			return err
		}
		_, err := Do(r, last)
		return err
	})
	require.NoError(t, e.Start("test", "w1", ""))
	if w := e.mustFinish(t, "w1"); w.State != Unknown || w.Step != "last" {
		t.Fatalf("got %+v, want unknown", w)
	}
	if err := e.Retry(t.Context(), "w1"); fault.From(err).Code != fault.Conflict {
		t.Errorf("retry: got %v, want conflict", err)
	}
	require.NoError(t, e.Reconcile(t.Context(), "w1", true))
	if w := e.mustFinish(t, "w1"); w.State != Compensated || o.count("w1/undo first") != 1 {
		t.Errorf("got %+v after %d times, want compensated after once", w, o.count("w1/undo first"))
	}
}

func TestStepThatMayHaveHappenedIsRepeatedAndThenUnknown(t *testing.T) {
	o := newOutside()
	s := o.step("write")
	s.Retry = Policy{MaxAttempts: 3, Base: time.Millisecond}
	s.Do = func(_ context.Context, key string) (string, error) {
		o.do(key)
		return "", MayBeDone(fault.New(fault.BadAnswer, "not JSON"))
	}
	e := open(t, func(r *Run, _ string) error { _, err := Do(r, s); return err })
	require.NoError(t, e.Start("test", "w1", ""))
	if w := e.mustFinish(t, "w1"); w.State != Unknown || w.Code != fault.BadAnswer || o.count("w1/write") != 3 {
		t.Errorf("got %+v after %d attempts, want unknown after 3", w, o.count("w1/write"))
	}
	require.NoError(t, e.Retry(t.Context(), "w1")) // the key protects the effect
}
