package workflow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

// outside is a system that counts effects by key. With keys it has each effect once.
type outside struct {
	mu       sync.Mutex
	effects  map[string]int
	undone   []string
	failures map[string][]error // of the next attempts of a step
}

func newOutside() *outside {
	return &outside{effects: make(map[string]int), failures: make(map[string][]error)}
}

func (o *outside) fail(step string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.failures[step]) == 0 {
		return nil
	}
	err := o.failures[step][0]
	o.failures[step] = o.failures[step][1:]
	return err
}

func (o *outside) do(key string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.effects[key]++
	return "result of " + key
}

func (o *outside) count(key string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.effects[key]
}

// step returns a step whose effect is counted.
func (o *outside) step(name string) Step[string] {
	return Step[string]{
		Name: name,
		Do: func(_ context.Context, key string) (string, error) {
			if err := o.fail(name); err != nil {
				return "", err
			}
			return o.do(key), nil
		},
		Retry: Policy{MaxAttempts: 3, Base: time.Millisecond, Max: 2 * time.Millisecond},
	}
}

// undoable returns a step that can be undone.
func (o *outside) undoable(name string) Step[string] {
	s := o.step(name)
	s.Undo = func(_ context.Context, key, result string) error {
		if err := o.fail(undoPrefix + name); err != nil {
			return err
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.undone = append(o.undone, name+" with "+result)
		return nil
	}
	return s
}

// open returns an engine that runs the workflow "test" until the test ends.
func open(t testing.TB, run func(*Run, string) error) *Engine {
	t.Helper()
	e, err := Open(t.Context(), Options{Node: "one", Path: filepath.Join(t.TempDir(), "workflows.db"), Log: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	Register(e, "test", run)
	require.NoError(t, e.Launch(t.Context()))
	return e
}

func (e *Engine) mustFinish(t testing.TB, id string) Info {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	w, err := e.Wait(ctx, id)
	require.NoError(t, err)
	return w
}

var errAway = fault.New(fault.Unavailable, "away").Retryable(0)

// lister is an Engine, also within that of a test.
type lister interface {
	List(Filter) iter.Seq2[Info, error]
}

// listed returns all workflows that a filter chooses.
func listed(e lister, f Filter) ([]Info, error) {
	var list []Info
	for w, err := range e.List(f) {
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

func TestWorkflowRunsEachStepOnceWithItsKey(t *testing.T) {
	o := newOutside()
	o.failures["second"] = []error{errAway, errAway}
	e := open(t, func(r *Run, input string) error {
		first, err := Do(r, o.step("first"))
		if err != nil {
			return err
		}
		if first != "result of w1/first" || input != "input" {
			return fmt.Errorf("got %q and %q", first, input)
		}
		_, err = Do(r, o.step("second"))
		return err
	})
	for range 3 {
		require.NoError(t, e.Start("test", "w1", "input"))
	}
	w := e.mustFinish(t, "w1")
	if w.State != Completed || w.Name != "test" || len(w.Steps) != 2 || w.Steps[1].Attempts != 3 {
		t.Errorf("got %+v, want completed, the second step after 3 attempts", w)
	}
	if o.count("w1/first") != 1 || o.count("w1/second") != 1 {
		t.Errorf("effects %v, want each once", o.effects)
	}
}

func TestFailedWorkflowIsUndoneInReverse(t *testing.T) {
	o := newOutside()
	o.failures["third"] = []error{fault.New(fault.Forbidden, "refused")}
	o.failures["undo first"] = []error{errAway}
	e := open(t, func(r *Run, _ string) error {
		for _, s := range []Step[string]{o.undoable("first"), o.undoable("second"), o.undoable("third"), o.step("fourth")} {
			if _, err := Do(r, s); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, e.Start("test", "w1", ""))
	w := e.mustFinish(t, "w1")
	if w.State != Compensated || w.Step != "third" || w.Code != fault.Forbidden {
		t.Errorf("got %+v, want compensated after the third step", w)
	}
	if want := []string{"second with result of w1/second", "first with result of w1/first"}; !slices.Equal(o.undone, want) {
		t.Errorf("undone %v, want %v", o.undone, want)
	}
	if err := e.Retry(t.Context(), "w1"); fault.From(err).Code != fault.Conflict {
		t.Errorf("retry of a compensated workflow: got %v, want conflict", err)
	}
}

func TestRetryGoesOnWhereAWorkflowFailed(t *testing.T) {
	o := newOutside()
	o.failures["second"] = []error{fault.New(fault.Forbidden, "refused")}
	e := open(t, func(r *Run, _ string) error {
		if _, err := Do(r, o.step("first")); err != nil {
			return err
		}
		second := o.step("second")
		second.Once = true
		_, err := Do(r, second)
		return err
	})
	require.NoError(t, e.Start("test", "w1", ""))
	if w := e.mustFinish(t, "w1"); w.State != Failed {
		t.Fatalf("got %+v, want failed", w)
	}
	require.NoError(t, e.Retry(t.Context(), "w1"))
	if w := e.mustFinish(t, "w1"); w.State != Completed || o.count("w1/first") != 1 || o.count("w1/second") != 1 {
		t.Errorf("got %+v with effects %v, want completed with each effect once", w, o.effects)
	}
}

func TestRetryUndoesTheRest(t *testing.T) {
	o := newOutside()
	o.failures["second"] = []error{fault.New(fault.Forbidden, "refused")}
	o.failures["undo first"] = []error{fault.New(fault.Forbidden, "refused")}
	e := open(t, func(r *Run, _ string) error {
		if _, err := Do(r, o.undoable("first")); err != nil {
			return err
		}
		_, err := Do(r, o.undoable("second"))
		return err
	})
	require.NoError(t, e.Start("test", "w1", ""))
	if w := e.mustFinish(t, "w1"); w.State != Failed || w.Step != "second" {
		t.Fatalf("got %+v, want failed in the second step", w)
	}
	require.NoError(t, e.Retry(t.Context(), "w1"))
	if w := e.mustFinish(t, "w1"); w.State != Compensated || len(o.undone) != 1 {
		t.Errorf("got %+v, undone %v, want compensated", w, o.undone)
	}
}

func TestEffectThatMayHaveHappenedIsUnknownOrChecked(t *testing.T) {
	lost := fault.New(fault.Timeout, "no answer").Retryable(0)
	for _, c := range []struct {
		name           string
		happens, check bool
		err            error
		state          State
		effects        int
	}{
		{"no check", true, false, lost, Unknown, 1},
		{"check finds it", true, true, lost, Completed, 1},
		{"check does not find it", false, true, lost, Completed, 1},
		{"it certainly did not happen", false, false, NotDone(lost), Completed, 1},
		{"it was refused", false, false, fault.New(fault.Forbidden, "refused"), Failed, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOutside()
			s := o.step("pay")
			s.Once = true
			isFirst := true
			s.Do = func(_ context.Context, key string) (string, error) {
				if !isFirst {
					return o.do(key), nil
				}
				if isFirst = false; c.happens {
					o.do(key)
				}
				return "", c.err
			}
			if c.check {
				s.Check = func(_ context.Context, key string) (string, bool, error) { return "found", o.count(key) > 0, nil }
			}
			e := open(t, func(r *Run, _ string) error { _, err := Do(r, s); return err })
			require.NoError(t, e.Start("test", "w1", ""))
			if w := e.mustFinish(t, "w1"); w.State != c.state || o.count("w1/pay") != c.effects {
				t.Fatalf("got %+v with %d effects, want %s with %d", w, o.count("w1/pay"), c.state, c.effects)
			}
			if c.state != Unknown {
				return
			}
			if err := e.Retry(t.Context(), "w1"); fault.From(err).Code != fault.Conflict {
				t.Errorf("retry: got %v, want conflict, because nobody has said whether the effect has happened", err)
			}
			require.NoError(t, e.Reconcile(t.Context(), "w1", true))
			if w := e.mustFinish(t, "w1"); w.State != Completed || o.count("w1/pay") != 1 {
				t.Errorf("reconciled: got %+v with %d effects, want completed with 1", w, o.count("w1/pay"))
			}
		})
	}
}

func TestEachRunsStepsConcurrentlyWithinItsLimit(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	both := make(chan struct{})
	var steps []Step[int]
	for i := range 6 {
		steps = append(steps, Step[int]{Name: fmt.Sprint("part ", i), Do: func(ctx context.Context, _ string) (int, error) {
			mu.Lock()
			running++
			if most = max(most, running); most == 2 && running == 2 {
				select {
				case <-both:
				default:
					close(both)
				}
			}
			mu.Unlock()
			defer func() { mu.Lock(); running--; mu.Unlock() }()
			select {
			case <-both: // two ran at once
				return i, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}})
	}
	var got []int
	e := open(t, func(r *Run, _ string) (err error) {
		got, err = Each(r, 2, steps...)
		return err
	})
	require.NoError(t, e.Start("test", "w1", ""))
	if w := e.mustFinish(t, "w1"); w.State != Completed || most != 2 || !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("got %+v, at most %d at once, results %v; want 2 at once and the results in order", w, most, got)
	}
}

func TestCanceledWorkflowIsUndone(t *testing.T) {
	o := newOutside()
	goOn := make(chan struct{})
	e := open(t, func(r *Run, _ string) error {
		first := o.undoable("first")
		do := first.Do
		first.Do = func(ctx context.Context, key string) (string, error) {
			<-goOn
			return do(ctx, key)
		}
		if _, err := Do(r, first); err != nil {
			return err
		}
		_, err := Do(r, o.step("second"))
		return err
	})
	require.NoError(t, e.Start("test", "w1", ""))
	require.NoError(t, e.Cancel(t.Context(), "w1"))
	close(goOn)
	w := e.mustFinish(t, "w1")
	if w.State != Compensated && w.State != Failed || o.count("w1/second") != 0 || o.count("w1/first") != len(o.undone) {
		t.Errorf("got %+v, effects %v, undone %v; want nothing left", w, o.effects, o.undone)
	}
	if err := e.Cancel(t.Context(), "w1"); fault.From(err).Code != fault.Conflict {
		t.Errorf("cancel of a finished workflow: got %v, want conflict", err)
	}
	if _, err := e.Get("w2"); fault.From(err).Code != fault.NotFound {
		t.Errorf("an unknown workflow: got %v, want not_found", err)
	}
}

func TestListFiltersByNameAndState(t *testing.T) {
	e := open(t, func(_ *Run, input string) error {
		if input != "" {
			return errors.New(input)
		}
		return nil
	})
	require.NoError(t, e.Start("test", "good", ""))
	require.NoError(t, e.Start("test", "bad", "some error"))
	e.mustFinish(t, "good")
	e.mustFinish(t, "bad")
	for _, c := range []struct {
		name  string
		state State
		want  int
	}{{"", "", 2}, {"test", "", 2}, {"other", "", 0}, {"", Completed, 1}, {"", Failed, 1}, {"", Running, 0}, {"", Pending, 0}, {"", Unknown, 0}} {
		if got, err := listed(e, Filter{Name: c.name, State: c.state}); err != nil || len(got) != c.want {
			t.Errorf("list %q %q: got %v, %v; want %d", c.name, c.state, got, err, c.want)
		}
	}
	if got, err := listed(e, Filter{Before: time.Now().Add(-time.Hour)}); err != nil || len(got) != 0 {
		t.Errorf("before they began: got %v, %v", got, err)
	}
	if _, err := listed(e, Filter{State: "happy"}); fault.From(err).Code != fault.Invalid {
		t.Errorf("an unknown state: got %v, want invalid_request", err)
	}
	if n := e.Counts(); n[Finished{"test", Completed}] != 1 || n[Finished{"test", Failed}] != 1 {
		t.Errorf("counted %v", n)
	}
}

func TestDelays(t *testing.T) {
	for _, c := range []struct {
		kind Backoff
		want []time.Duration
	}{
		{Fixed, []time.Duration{time.Second, time.Second, time.Second, time.Second}},
		{Linear, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second}},
		{Exponential, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second}},
	} {
		for i, want := range c.want {
			if got := (Policy{Backoff: c.kind, Base: time.Second, Max: 3 * time.Second}).delay(i + 1); got != want {
				t.Errorf("%s, attempt %d: got %v, want %v", c.kind, i+1, got, want)
			}
		}
	}
	if got := (Policy{}).withDefaults().delay(4); got != 8*time.Second {
		t.Errorf("the default after 4 attempts: got %v, want 8s", got)
	}
}
