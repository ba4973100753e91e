package workflow

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"go.uber.org/zap"

	"frontdesk/internal/fault"
)

// errLost says that another execution of the workflow has begun.
var errLost = errors.New("another node executes the workflow")

// renew makes this node's lease last from now on. The node believes so from the time before
// the request, which is earlier than the database's.
func (e *Engine) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.o.Lease/4)
	defer cancel()
	asked := time.Now()
	_, err := e.db.ExecContext(ctx, `INSERT INTO workflow_executors (name, until) VALUES ($1, `+e.now+` + $2)
		ON CONFLICT (name) DO UPDATE SET until = excluded.until`, e.o.Node, e.o.Lease.Milliseconds())
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.until = asked.Add(e.o.Lease * 3 / 4)
	e.expiry.Reset(time.Until(e.until))
	return nil
}

// keepLease renews the lease.
func (e *Engine) keepLease(ctx context.Context) {
	if err := e.renew(ctx); err != nil && ctx.Err() == nil {
		e.o.Log.Warn("the lease of this node's workflows was not renewed; retrying", zap.Error(err))
	}
}

// stopAttempts stops the attempts that run, because the lease has ended and another node may
// take their workflows over.
func (e *Engine) stopAttempts() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Now().Before(e.until) {
		return // renewed meanwhile
	}
	for _, stop := range e.attempts {
		stop()
	}
}

// hasLease reports whether this node may execute workflows.
func (e *Engine) hasLease() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().Before(e.until)
}

// stopWithLease calls stop when the lease ends, until done is called.
func (e *Engine) stopWithLease(stop func()) (done func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	n := e.last
	e.attempts[n] = stop
	if !time.Now().Before(e.until) {
		stop()
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.attempts, n)
	}
}

// enter waits until fewer than maxAttemptsAtOnce attempts run.
func (e *Engine) enter(ctx context.Context) (leave func(), err error) {
	select {
	case e.slots <- struct{}{}:
		return func() { <-e.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// claim waits until this execution alone may execute the workflow: until no live node has
// another execution of it.
func (e *Engine) claim(ctx context.Context, id string) (token string, err error) {
	token = rand.Text()
	for {
		if e.hasLease() {
			result, err := e.db.ExecContext(ctx, `INSERT INTO workflow_claims (workflow, executor, token) VALUES ($1, $2, $3)
				ON CONFLICT (workflow) DO UPDATE SET executor = excluded.executor, token = excluded.token
				WHERE NOT EXISTS (SELECT 1 FROM workflow_executors e WHERE e.name = workflow_claims.executor AND e.until > `+e.now+`)`,
				id, e.o.Node, token)
			if err == nil {
				if n, err := result.RowsAffected(); err == nil && n == 1 {
					return token, nil
				}
			}
		}
		select {
		case <-time.After(claimInterval):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// unclaim ends what claim began. If it fails, the claim ends with the lease.
func (e *Engine) unclaim(id, token string, isFinished bool) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_, _ = e.db.ExecContext(ctx, `DELETE FROM workflow_claims WHERE workflow = $1 AND token = $2`, id, token)
	if isFinished {
		for _, table := range []string{"workflow_cancels", "workflow_decisions", "workflow_waits"} {
			_, _ = e.db.ExecContext(ctx, `DELETE FROM `+table+` WHERE workflow = $1`, id)
		}
	}
}

// guard waits until this node has its lease, makes sure that no other execution has claimed
// the workflow, and reports whether an operator wants to cancel it.
func (e *Engine) guard(ctx context.Context, r *Run) (isCanceled bool, err error) {
	for {
		if e.hasLease() {
			isMine := false
			err := e.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM workflow_claims WHERE workflow = $1 AND token = $2),
				EXISTS (SELECT 1 FROM workflow_cancels WHERE workflow = $1)`, r.ID, r.token).Scan(&isMine, &isCanceled)
			switch {
			case err == nil && !isMine:
				return false, errLost
			case err == nil && e.hasLease():
				return isCanceled, nil
			}
		}
		select {
		case <-time.After(claimInterval):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// decision returns what an operator knows of an unknown step: whether its effect has happened.
// It is used up before another attempt, so that it never stands for two.
func (e *Engine) decision(ctx context.Context, id, step string) (isKnown, happened bool, err error) {
	var n int
	for {
		err = e.db.QueryRowContext(ctx, `DELETE FROM workflow_decisions WHERE workflow = $1 AND step = $2 RETURNING happened`, id, step).Scan(&n)
		switch {
		case err == nil:
			return true, n == 1, nil
		case errors.Is(err, sql.ErrNoRows):
			return false, false, nil
		}
		select {
		case <-time.After(claimInterval):
		case <-ctx.Done():
			return false, false, ctx.Err()
		}
	}
}

// takeOver resumes the workflows whose node is dead: whose lease has ended. Two nodes may
// resume one at the same time; its claim makes the second wait until the first gives way.
func (e *Engine) takeOver(ctx context.Context) {
	resumed, err := e.resumeOrphans(ctx)
	if resumed > 0 {
		e.o.Log.Info("workflows of a stopped node taken over", zap.Int("workflows", resumed))
	}
	if err != nil && ctx.Err() == nil {
		e.o.Log.Warn("workflows of stopped nodes not looked for; retrying", zap.Error(err))
	}
}

func (e *Engine) resumeOrphans(ctx context.Context) (resumed int, err error) {
	if !e.hasLease() {
		return 0, nil
	}
	var running []dbos.WorkflowStatus
	for isLast := false; !isLast; {
		page, err := dbos.ListWorkflows(e.dbos, dbos.WithFilterStatus(dbos.WorkflowStatusPending), dbos.WithFilterAppVersion(applicationVersion),
			dbos.WithFilterLimit(maxListed), dbos.WithFilterOffset(len(running)), dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
		if err != nil {
			return 0, err
		}
		running, isLast = append(running, page...), len(page) < maxListed
	}
	// The nodes are read after the workflows, so that a node that has just started is alive.
	alive, err := e.liveNodes(ctx)
	if err != nil {
		return 0, err
	}
	for _, w := range running {
		if alive[w.ExecutorID] || ctx.Err() != nil {
			continue
		}
		if _, err := dbos.ResumeWorkflow[Result](e.dbos, w.ID); err != nil {
			return resumed, err
		}
		resumed++
	}
	return resumed, nil
}

func (e *Engine) liveNodes(ctx context.Context) (map[string]bool, error) {
	rows, err := e.db.QueryContext(ctx, `SELECT name FROM workflow_executors WHERE until > `+e.now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	alive := make(map[string]bool)
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		alive[name] = true
	}
	return alive, rows.Err()
}

// execute runs a workflow to its outcome. An error says that this execution ends without one.
func (e *Engine) execute(ctx dbos.Context, name string, run func(*Run) error) (Result, error) {
	id, err := dbos.GetWorkflowID(ctx)
	if err != nil {
		return Result{}, err
	}
	token, err := e.claim(ctx, id)
	if err != nil {
		return Result{}, err
	}
	r := &Run{ID: id, engine: e, ctx: ctx, token: token, names: make(map[string]bool)}
	defer func() { e.unclaim(id, token, r.stop == nil) }()
	result := resultOf(run(r))
	if r.stop == nil && result.State == Failed && len(r.undo) > 0 {
		switch undoing := resultOf(r.compensate()); undoing.State {
		case Completed:
			result.State = Compensated
		case Unknown:
			result.State = Unknown
			result.Message += " Nobody knows whether everything that was done before is undone."
		default:
			result.Message += " Not everything that was done before could be undone."
		}
	}
	if r.stop != nil {
		return Result{}, r.stop
	}
	e.mu.Lock()
	e.counts[Finished{name, result.State}]++
	e.mu.Unlock()
	if result.State != Completed {
		e.o.Log.Warn("workflow not completed", zap.String("workflow", id), zap.String("state", string(result.State)),
			zap.String("step", result.Step), zap.String("code", string(result.Code)))
	}
	return result, nil
}

// resultOf returns the result of a workflow whose function returned err.
func resultOf(err error) Result {
	if err == nil {
		return Result{State: Completed}
	}
	f := fault.From(err)
	result := Result{State: Failed, Code: f.Code, Message: f.Message}
	var step *StepError
	if errors.As(err, &step) {
		result.Step = step.Step
		if step.State == Unknown {
			result.State = Unknown
		}
	}
	return result
}

// clean deletes what finished long ago and needs nobody, and the leases of nodes long gone.
func (e *Engine) clean(ctx context.Context) {
	old, err := e.list(dbos.WithFilterCompletedBefore(time.Now().Add(-retained)), dbos.WithFilterStatus(dbos.WorkflowStatusSuccess))
	var ids []string
	for _, w := range old {
		if w.State == Completed || w.State == Compensated {
			ids = append(ids, w.ID)
		}
	}
	if err == nil && len(ids) > 0 {
		err = dbos.DeleteWorkflows(e.dbos, ids)
	}
	if err == nil {
		_, err = e.db.ExecContext(ctx, `DELETE FROM workflow_executors WHERE until < `+e.now+` - $1`, retained.Milliseconds())
	}
	if err != nil && ctx.Err() == nil {
		e.o.Log.Warn("finished workflows not deleted; retrying", zap.Error(err))
	}
}
