package workflow

import (
	"context"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"frontdesk/internal/fault"
)

const (
	waitsInterval = time.Second // between two looks for waits that another process has ended
	maxSleep      = time.Minute // after which a wait reads the clock again, which somebody may have set
)

// workflow_waits has the last wait of each workflow, and why it has ended: "" while it lasts.
const waitSchema = `
CREATE TABLE workflow_waits (workflow TEXT PRIMARY KEY, step TEXT NOT NULL, until BIGINT NOT NULL, woken TEXT NOT NULL DEFAULT '');`

// Due is why a wait has ended whose time has come.
const Due = "due"

// WaitUntil waits until a time, for days if need be: another process goes on with the wait when
// this one ends. name is that of a step. It returns Due, or the reason for which Wake has ended
// the wait before. An operator's request to cancel the workflow ends it, too. A wait holds a
// goroutine, and neither a connection nor one of the attempts that run at once.
func WaitUntil(r *Run, name string, until time.Time) (reason string, err error) {
	if r.stop != nil {
		return "", r.stop
	}
	if err := r.take(name); err != nil {
		return "", err
	}
	o, err := dbos.RunAsStep(r.ctx, func(ctx context.Context) (outcome[string], error) {
		return r.engine.wait(ctx, r, name, until)
	}, dbos.WithStepName(name))
	if err != nil {
		return "", r.end(err)
	}
	if o.State != Completed {
		return "", &StepError{Step: name, State: o.State, Err: fault.New(o.Code, "%s", o.Message)}
	}
	return o.Value, nil
}

// wait waits until a time, until somebody ends the wait, or until the workflow is canceled. The
// error says that this execution ends.
func (e *Engine) wait(ctx context.Context, r *Run, step string, until time.Time) (outcome[string], error) {
	woken, leave := e.addWaiter(r.ID)
	defer leave()
	until = until.Round(0) // the wall clock counts
	for {
		isCanceled, err := e.guard(ctx, r)
		if err != nil {
			return outcome[string]{}, err
		}
		if isCanceled {
			return canceledOutcome[string](0), nil
		}
		next := until
		reason, err := e.wokenBy(ctx, r.ID, step, until)
		switch {
		case err != nil: // the database does not answer
			next = time.Now().Add(claimInterval)
		case reason != "":
			return outcome[string]{State: Completed, Value: reason, Attempts: 1}, nil
		}
		if err := sleepUntil(ctx, next, woken); err != nil {
			return outcome[string]{}, err
		}
	}
}

// canceledOutcome is that of a step before which an operator has canceled the workflow.
func canceledOutcome[R any](attempts int) outcome[R] {
	return outcome[R]{State: Canceled, Code: fault.Conflict, Message: "an operator canceled the workflow", Attempts: attempts}
}

// sleepUntil returns when the wall clock shows a time, when woken has a value, or with the
// error of ctx.
func sleepUntil(ctx context.Context, until time.Time, woken <-chan struct{}) error {
	for {
		left := until.Sub(time.Now().Round(0))
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(min(left, maxSleep))
		select {
		case <-timer.C:
		case <-woken:
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// wokenBy stores the wait and returns why it has ended, or "". It remembers the reason, so that
// another execution ends the wait for the same one.
func (e *Engine) wokenBy(ctx context.Context, workflow, step string, until time.Time) (reason string, err error) {
	isDue := 0
	if !time.Now().Round(0).Before(until) {
		isDue = 1
	}
	err = e.db.QueryRowContext(ctx, `INSERT INTO workflow_waits (workflow, step, until, woken)
		VALUES ($1, $2, $3, CASE WHEN $4 = 1 THEN '`+Due+`' ELSE '' END)
		ON CONFLICT (workflow) DO UPDATE SET step = excluded.step, until = excluded.until,
			woken = CASE WHEN workflow_waits.step = excluded.step AND workflow_waits.woken != '' THEN workflow_waits.woken ELSE excluded.woken END
		RETURNING woken`, workflow, step, until.UnixMilli(), isDue).Scan(&reason)
	return reason, err
}

// Wake ends the wait of a workflow, on whatever node it waits, and tells it why. It reports
// whether the workflow was waiting.
func (e *Engine) Wake(ctx context.Context, id, reason string) (isWaiting bool, err error) {
	result, err := e.db.ExecContext(ctx, `UPDATE workflow_waits SET woken = $2 WHERE workflow = $1 AND woken = ''`, id, reason)
	var n int64
	if err == nil {
		n, err = result.RowsAffected()
	}
	if err != nil {
		return false, fault.Wrap(err, fault.Storage, "the workflow cannot be woken").Retryable(0)
	}
	e.signal(id)
	return n > 0, nil
}

// Waits returns until when workflows wait, by their ids.
func (e *Engine) Waits(ctx context.Context) (map[string]time.Time, error) {
	rows, err := e.db.QueryContext(ctx, `SELECT workflow, until FROM workflow_waits WHERE woken = ''`)
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the waiting workflows cannot be listed").Retryable(0)
	}
	defer rows.Close()
	found := make(map[string]time.Time)
	for rows.Next() {
		var id string
		var until int64
		if err := rows.Scan(&id, &until); err != nil {
			return nil, fault.Wrap(err, fault.Storage, "the waiting workflows cannot be listed").Retryable(0)
		}
		found[id] = time.UnixMilli(until).UTC()
	}
	if err := rows.Err(); err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the waiting workflows cannot be listed").Retryable(0)
	}
	return found, nil
}

// addWaiter returns a channel that gets a value when a wait of the workflow may have ended.
func (e *Engine) addWaiter(id string) (woken <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiters[id] = c
	return c, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.waiters[id] == c { // not another execution's
			delete(e.waiters, id)
		}
	}
}

// signal makes the wait of a workflow on this node look why it may have ended.
func (e *Engine) signal(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.waiters[id]; c != nil {
		select {
		case c <- struct{}{}:
		default: // it has not yet looked
		}
	}
}

// signalEnded makes the waits on this node look that other processes have ended.
func (e *Engine) signalEnded(ctx context.Context) {
	e.mu.Lock()
	isWaiting := len(e.waiters) > 0
	e.mu.Unlock()
	if !isWaiting {
		return
	}
	rows, err := e.db.QueryContext(ctx, `SELECT workflow FROM workflow_waits WHERE woken != '' UNION SELECT workflow FROM workflow_cancels`)
	if err != nil {
		return // the next look finds them
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if rows.Scan(&id) == nil {
			e.signal(id)
		}
	}
	_ = rows.Err() // the same
}
