package workflow

import (
	"context"
	"time"

	"frontdesk/internal/fault"
)

const unknownMessage = "nobody knows whether the effect has happened: find out, then run frontdesk workflows retry with --happened or --not-happened"

// perform runs the attempts of a step. mayHaveRun says that an earlier execution began it.
// The error says that this execution ends without an outcome of the step.
func perform[R any](ctx context.Context, r *Run, s Step[R], mayHaveRun bool) (outcome[R], error) {
	key, policy := r.ID+"/"+s.Name, s.Retry.withDefaults()
	for attempt := 1; ; attempt++ {
		isCanceled, err := r.engine.guard(ctx, r)
		if err != nil {
			return outcome[R]{}, err
		}
		if isCanceled && !mayHaveRun && !isUndo(s.Name) {
			return canceledOutcome[R](attempt - 1), nil
		}
		if mayHaveRun && s.Once && s.Check == nil {
			isKnown, happened, err := r.engine.decision(ctx, r.ID, s.Name)
			switch {
			case err != nil:
				return outcome[R]{}, err
			case !isKnown:
				return outcome[R]{State: Unknown, Code: fault.Conflict, Message: unknownMessage, Attempts: attempt - 1}, nil
			case happened:
				return outcome[R]{State: Completed, Attempts: attempt - 1}, nil
			}
			mayHaveRun = false
		}
		var value R
		isDone := false
		if mayHaveRun && s.Check != nil {
			value, isDone, err = attemptOf(ctx, r, s, func(ctx context.Context) (R, bool, error) { return s.Check(ctx, key) })
			if err == nil {
				mayHaveRun = isDone
			}
		}
		if err == nil && !isDone {
			value, _, err = attemptOf(ctx, r, s, func(ctx context.Context) (R, bool, error) {
				v, err := s.Do(ctx, key)
				return v, err == nil, err
			})
			mayHaveRun = err != nil && s.mayHaveEffect(err)
		}
		switch {
		case ctx.Err() != nil:
			return outcome[R]{}, ctx.Err()
		case err == nil:
			return outcome[R]{State: Completed, Value: value, Attempts: attempt}, nil
		case mayHaveRun && s.Once && s.Check == nil:
			return outcome[R]{State: Unknown, Code: fault.Conflict, Message: unknownMessage, Attempts: attempt}, nil
		case mayHaveRun && attempt == policy.MaxAttempts:
			return outcome[R]{State: Unknown, Code: fault.From(err).Code, Message: fault.From(err).Message, Attempts: attempt}, nil
		case attempt == policy.MaxAttempts || !policy.Retryable(err) && !mayHaveRun:
			return outcome[R]{State: Failed, Code: fault.From(err).Code, Message: fault.From(err).Message, Attempts: attempt}, nil
		}
		if err := r.engine.pause(ctx, r, withJitter(policy.delay(attempt))); err != nil {
			return outcome[R]{}, err
		}
	}
}

// attemptOf runs one attempt, at most as long as the step's timeout and the node's lease.
func attemptOf[R any](ctx context.Context, r *Run, s Step[R], do func(context.Context) (R, bool, error)) (value R, isDone bool, err error) {
	if !s.Waits {
		release, err := r.engine.enter(ctx)
		if err != nil {
			return value, false, err
		}
		defer release()
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer r.engine.stopWithLease(cancel)()
	if ctx.Err() != nil {
		return value, false, NotDone(fault.New(fault.Unavailable, "this node has lost its lease").Retryable(0))
	}
	r.engine.onAttempt(ctx, s.Name)
	value, isDone, err = do(ctx)
	r.engine.onAttempt(ctx, s.Name+", done")
	if err != nil && ctx.Err() != nil {
		err = tooLong(err, s.Name)
	}
	return value, isDone, err
}

// pause waits between two attempts, or until an operator cancels the workflow.
func (e *Engine) pause(ctx context.Context, r *Run, d time.Duration) error {
	deadline := time.Now().Add(d)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return nil
		}
		select {
		case <-time.After(min(left, cancelInterval)):
		case <-ctx.Done():
			return ctx.Err()
		}
		if left > cancelInterval {
			if isCanceled, err := e.guard(ctx, r); err != nil || isCanceled {
				return err
			}
		}
	}
}

// tooLong returns the error of an attempt that has reached its deadline or lost its lease. It
// stays what it was about the effect.
func tooLong(err error, step string) error {
	f := fault.Wrap(err, fault.Timeout, "step %s took too long", step).Retryable(0)
	f.NoEffect = fault.From(err).NoEffect
	return f
}
