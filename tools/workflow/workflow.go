// Package workflow runs durable workflows: Go functions of named steps that survive their
// process. What a step returns is stored in a database; after a crash another node runs the
// function again, and finished steps answer from the database. Each step has a retry policy,
// gets an idempotency key for the outside system, and may be undone when a later one fails.
//
// Register adds workflows to an Engine, Start starts them, and List and Get tell their state.
// Of Frontdesk the package imports internal/db and internal/fault. docs/workflows.md explains
// what it guarantees.
package workflow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"frontdesk/internal/fault"
)

// State is what became of a workflow or a step.
type State string

// States of a workflow. A step is completed, failed or unknown, or a request to cancel the
// workflow was made before it began.
const (
	Pending     State = "pending"     // waits for a node
	Running     State = "running"     // a node runs it, or another one takes it over soon
	Completed   State = "completed"   // all of it was done
	Failed      State = "failed"      // a step failed for good, and nothing was undone, or not everything
	Compensated State = "compensated" // a step failed for good, and what was done before is undone
	Unknown     State = "unknown"     // an effect may have happened or not; see Step.Once
	Canceled    State = "canceled"    // only of a step
)

// Backoff is how the delay between attempts grows.
type Backoff string

// Kinds of backoff. The delay after the n-th attempt is base, n times base, or base doubled
// n-1 times.
const (
	Fixed       Backoff = "fixed"
	Linear      Backoff = "linear"
	Exponential Backoff = "exponential"
)

// Policy is how a step is retried. Zero fields stand for the default: 5 attempts, exponential,
// 1 s to 1 min, and the errors that fault.IsRetryable accepts. The attempts are counted anew
// after a crash.
type Policy struct {
	MaxAttempts int
	Backoff     Backoff
	Base        time.Duration // delay after the first attempt
	Max         time.Duration // largest delay
	Retryable   func(error) bool
}

func (p Policy) withDefaults() Policy {
	if p.MaxAttempts <= 0 {
		p.MaxAttempts = 5
	}
	if p.Backoff == "" {
		p.Backoff = Exponential
	}
	if p.Base <= 0 {
		p.Base = time.Second
	}
	if p.Max <= 0 {
		p.Max = time.Minute
	}
	if p.Retryable == nil {
		p.Retryable = fault.IsRetryable
	}
	return p
}

// delay returns how long to wait after an attempt, counted from 1, without the random part.
func (p Policy) delay(attempt int) time.Duration {
	d := float64(p.Base)
	switch p.Backoff {
	case Linear:
		d *= float64(attempt)
	case Exponential:
		d *= math.Pow(2, float64(attempt-1))
	}
	return time.Duration(min(d, float64(p.Max)))
}

// withJitter spreads delays over ±10 %, so that workflows that failed together do not retry
// together.
func withJitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}

const (
	defaultTimeout = time.Minute // of an attempt
	maxSteps       = 1000        // of a workflow
)

// Step is one part of a workflow.
type Step[R any] struct {
	Name string // unique in the workflow; it must not change while workflows run
	// Do has the effect. key is the same in every attempt of this step, after a crash too,
	// and no other step has it: pass it to the outside system, which then has the effect once.
	Do      func(ctx context.Context, key string) (R, error)
	Retry   Policy
	Timeout time.Duration // of an attempt; 0 means a minute
	// Waits says that an attempt waits most of the time, as for the end of a call. It does not
	// count among the attempts that run at once.
	Waits bool
	// Once says that the outside system does not know keys and would repeat the effect.
	// When nobody knows whether an attempt had its effect, Check finds out; without Check
	// the workflow is unknown, and a person decides.
	Once bool
	// Check asks the outside system whether the effect of key has happened, and with which
	// result. It may be nil.
	Check func(ctx context.Context, key string) (result R, isDone bool, err error)
	// Undo takes back the effect when a later step fails for good. It gets what Do returned
	// and a key of its own, and may be nil.
	Undo func(ctx context.Context, key string, result R) error
	// UndoOnce says of Undo what Once says of Do. An operator answers what became of it.
	UndoOnce bool
}

// hasIntent reports whether the step's begin is stored before it runs. After a crash this
// tells that an attempt may have had its effect.
func (s Step[R]) hasIntent() bool { return s.Once || s.Undo != nil }

// notDone is an error that says that the effect has certainly not happened.
type notDone struct{ error }

func (e notDone) Unwrap() error { return e.error }

// NotDone marks an error of a step: the effect has certainly not happened, as when no
// connection was made. Such a step is retried without Check.
func NotDone(err error) error { return notDone{err} }

// mayBeDone is an error that says that the effect may have happened.
type mayBeDone struct{ error }

func (e mayBeDone) Unwrap() error { return e.error }

// MayBeDone marks an error of a step: the effect may have happened or not, as when the answer
// was lost. Such a step is retried. When its attempts are used up, the workflow is unknown.
func MayBeDone(err error) error { return mayBeDone{err} }

// mayHaveEffect reports whether an attempt of s that failed with err may have had its effect.
func (s Step[R]) mayHaveEffect(err error) bool {
	var uncertain mayBeDone
	return errors.As(err, &uncertain) || s.hasIntent() && isAmbiguous(err)
}

// isAmbiguous reports whether an attempt that failed with err may have had its effect.
func isAmbiguous(err error) bool {
	var certain notDone
	f := fault.From(err)
	return !errors.As(err, &certain) && !f.NoEffect && (f.Retry || f.Code == fault.Internal || f.Code == fault.Timeout)
}

// outcome is what the database stores of a step.
type outcome[R any] struct {
	State    State      `json:"state"`
	Value    R          `json:"value"`
	Code     fault.Code `json:"code,omitempty"`
	Message  string     `json:"message,omitempty"` // safe to show, as a fault's
	Attempts int        `json:"attempts,omitempty"`
}

// StepError is why a workflow cannot go on.
type StepError struct {
	Step  string
	State State // Failed, Unknown or Canceled
	Err   error // a fault.Error
}

func (e *StepError) Error() string { return fmt.Sprintf("step %s: %s: %v", e.Step, e.State, e.Err) }

func (e *StepError) Unwrap() error { return e.Err }

// Run is one execution of a workflow. Only the function of the workflow uses it.
type Run struct {
	ID string

	engine *Engine
	ctx    dbos.Context
	token  string // of this execution
	names  map[string]bool
	undo   []Step[bool] // compensations of completed steps, in the order of these
	stop   error        // why this execution ends without an outcome
}

// Do runs a step to its end and returns its result. The error is a StepError, or says that
// this execution ends and another one continues: return it.
func Do[R any](r *Run, s Step[R]) (R, error) {
	results, err := Each(r, 1, s)
	if len(results) == 0 {
		return *new(R), err
	}
	return results[0], err
}

// Each runs independent steps concurrently, at most limit of them at once, and returns their
// results when all have ended. The error is that of the first step that failed, by order.
func Each[R any](r *Run, limit int, steps ...Step[R]) ([]R, error) {
	if r.stop != nil {
		return nil, r.stop
	}
	begun, err := begin(r, steps)
	if err != nil {
		return nil, err
	}
	slots := make(chan struct{}, max(limit, 1))
	ends := make([]<-chan dbos.StepOutcome[outcome[R]], len(steps))
	for i, s := range steps {
		end, err := dbos.Go(r.ctx, func(ctx context.Context) (outcome[R], error) {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
				return outcome[R]{}, ctx.Err()
			}
			return perform(ctx, r, s, s.hasIntent() && begun[i] != r.token)
		}, dbos.WithStepName(s.Name))
		if err != nil {
			return nil, r.end(err)
		}
		ends[i] = end
	}
	results := make([]R, len(steps))
	var first error
	for i, s := range steps {
		end := <-ends[i]
		if end.Err != nil {
			_ = r.end(end.Err)
			continue
		}
		o := end.Result
		results[i] = o.Value
		if o.State != Completed {
			if first == nil {
				first = &StepError{Step: s.Name, State: o.State, Err: fault.New(o.Code, "%s", o.Message)}
			}
			continue
		}
		if s.Undo != nil {
			undo := func(ctx context.Context, key string) (bool, error) { return true, s.Undo(ctx, key, o.Value) }
			r.undo = append(r.undo, Step[bool]{Name: undoPrefix + s.Name, Do: undo, Retry: s.Retry, Timeout: s.Timeout, Once: s.UndoOnce})
		}
	}
	if r.stop != nil {
		return results, r.stop
	}
	return results, first
}

// begin stores that steps begin, and returns the execution that began each of them first, ""
// for those that do not need it.
func begin[R any](r *Run, steps []Step[R]) ([]string, error) {
	begun := make([]string, len(steps))
	for i, s := range steps {
		if err := r.take(s.Name); err != nil {
			return nil, err
		}
		if !s.hasIntent() {
			continue
		}
		by, err := dbos.RunAsStep(r.ctx, func(context.Context) (string, error) { return r.token, nil }, dbos.WithStepName(s.Name+intentSuffix))
		if err != nil {
			return nil, r.end(err)
		}
		begun[i] = by
	}
	return begun, nil
}

const (
	intentSuffix = " begins" // in the names under which the begin of steps is stored
	undoPrefix   = "undo "   // in the names of compensations
)

// take makes sure that each name is used once, because keys are made of names.
func (r *Run) take(name string) error {
	switch {
	case r.names[name]:
		return fault.New(fault.Internal, "the workflow has two steps named %q", name)
	case len(r.names) == maxSteps:
		return fault.New(fault.TooLarge, "a workflow has at most %d steps", maxSteps)
	}
	r.names[name] = true
	return nil
}

// end ends this execution without an outcome.
func (r *Run) end(err error) error {
	if r.stop == nil {
		r.stop = err
	}
	return r.stop
}

// compensate undoes the completed steps, the latest first. It goes on when one cannot be
// undone, and returns the error of the first, or of one of which nobody knows whether it is.
func (r *Run) compensate() error {
	var first error
	steps := r.undo
	r.undo = nil
	for i := len(steps) - 1; i >= 0; i-- {
		if _, err := Do(r, steps[i]); err != nil {
			if r.stop != nil {
				return r.stop
			}
			if first == nil || resultOf(err).State == Unknown {
				first = err
			}
		}
	}
	return first
}
