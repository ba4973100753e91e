package workflow

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"frontdesk/internal/fault"
)

// Info is a workflow as an operator sees it.
type Info struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	State   State      `json:"state"`
	Step    string     `json:"step,omitempty"` // that failed
	Code    fault.Code `json:"code,omitempty"`
	Message string     `json:"message,omitempty"`
	Node    string     `json:"node,omitempty"` // that runs or ran it
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"`
	Due     *time.Time `json:"due,omitempty"`   // until when it waits
	Steps   []StepInfo `json:"steps,omitempty"` // finished ones; only Get has them
}

// StepInfo is a step as an operator sees it.
type StepInfo struct {
	Name     string     `json:"name"`
	State    State      `json:"state"`
	Code     fault.Code `json:"code,omitempty"`
	Message  string     `json:"message,omitempty"`
	Attempts int        `json:"attempts"` // since the last crash
	Ended    time.Time  `json:"ended"`

	number int
}

// Filter chooses workflows. Empty fields match everything.
type Filter struct {
	Name   string
	State  State
	Before time.Time // only those that were started before
}

// List yields workflows, the latest first, until the first error.
func (e *Engine) List(f Filter) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		filters, err := f.options()
		if err != nil {
			yield(Info{}, err)
			return
		}
		seen := make(map[string]bool) // a workflow that begins meanwhile moves the others to a later page
		for offset := 0; ; offset += maxListed {
			page, err := e.list(append(filters, dbos.WithFilterOffset(offset))...)
			if err != nil {
				yield(Info{}, err)
				return
			}
			for _, w := range page {
				if seen[w.ID] || f.State != "" && w.State != f.State {
					continue
				}
				seen[w.ID] = true
				if !yield(w, nil) {
					return
				}
			}
			if len(page) < maxListed {
				return
			}
		}
	}
}

// options returns the filter as the database knows it. It does not tell the states apart that a
// workflow may have when it has ended.
func (f Filter) options() ([]dbos.ListWorkflowsOption, error) {
	filters := []dbos.ListWorkflowsOption{dbos.WithFilterSortDesc()}
	if f.Name != "" {
		filters = append(filters, dbos.WithFilterName(f.Name))
	}
	if !f.Before.IsZero() {
		filters = append(filters, dbos.WithFilterCreatedBefore(f.Before))
	}
	switch f.State {
	case "":
	case Pending:
		filters = append(filters, dbos.WithFilterStatus(dbos.WorkflowStatusEnqueued, dbos.WorkflowStatusDelayed))
	case Running:
		filters = append(filters, dbos.WithFilterStatus(dbos.WorkflowStatusPending))
	case Failed:
		filters = append(filters, dbos.WithFilterStatus(dbos.WorkflowStatusSuccess, dbos.WorkflowStatusError,
			dbos.WorkflowStatusCancelled, dbos.WorkflowStatusMaxRecoveryAttemptsExceeded))
	case Completed, Compensated, Unknown:
		filters = append(filters, dbos.WithFilterStatus(dbos.WorkflowStatusSuccess))
	default:
		return nil, fault.New(fault.Invalid, "unknown state %q (want pending, running, completed, failed, compensated or unknown)", f.State)
	}
	return filters, nil
}

// list returns a page of workflows.
func (e *Engine) list(filters ...dbos.ListWorkflowsOption) ([]Info, error) {
	found, err := dbos.ListWorkflows(e.dbos, append(filters, dbos.WithFilterLimit(maxListed), dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(true))...)
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the workflows cannot be listed").Retryable(0)
	}
	waits, err := e.Waits(context.Background())
	if err != nil {
		return nil, err
	}
	list := make([]Info, len(found))
	for i, w := range found {
		list[i] = infoOf(w)
		if until, isWaiting := waits[w.ID]; isWaiting {
			list[i].Due = &until
		}
	}
	return list, nil
}

func infoOf(w dbos.WorkflowStatus) Info {
	i := Info{ID: w.ID, Name: w.Name, Node: w.ExecutorID, Created: w.CreatedAt.UTC(), Updated: w.UpdatedAt.UTC()}
	switch w.Status {
	case dbos.WorkflowStatusEnqueued, dbos.WorkflowStatusDelayed:
		i.State, i.Node = Pending, ""
	case dbos.WorkflowStatusPending:
		i.State = Running
	case dbos.WorkflowStatusSuccess:
		var r Result
		if decode(w.Output, &r) != nil || r.State == "" {
			r.State = Completed // by an earlier version
		}
		i.State, i.Step, i.Code, i.Message = r.State, r.Step, r.Code, r.Message
	default:
		i.State, i.Code, i.Message = Failed, fault.Internal, "the workflow could not be run to its end"
	}
	return i
}

// decode reads a value as the database's library returns it: JSON, or decoded from JSON.
func decode(value, into any) error {
	if text, isText := value.(string); isText {
		return json.Unmarshal([]byte(text), into)
	}
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// Get returns a workflow with its finished steps. The error is NotFound if there is none.
func (e *Engine) Get(id string) (Info, error) {
	found, err := e.list(dbos.WithFilterWorkflowIDs(id))
	if err != nil {
		return Info{}, err
	}
	if len(found) == 0 {
		return Info{}, fault.New(fault.NotFound, "there is no workflow %q: see frontdesk workflows ls", id)
	}
	steps, err := dbos.GetWorkflowSteps(e.dbos, id, dbos.WithStepsLoadOutput(true))
	if err != nil {
		return Info{}, fault.Wrap(err, fault.Storage, "the steps of the workflow cannot be listed").Retryable(0)
	}
	w := found[0]
	for _, s := range steps {
		if strings.HasSuffix(s.StepName, intentSuffix) {
			continue
		}
		var o outcome[json.RawMessage]
		if s.Error != nil || decode(s.Output, &o) != nil {
			o.State, o.Code = Failed, fault.Internal
		}
		w.Steps = append(w.Steps, StepInfo{
			Name: s.StepName, State: o.State, Code: o.Code, Message: o.Message, Attempts: o.Attempts,
			Ended: s.CompletedAt.UTC(), number: s.StepID,
		})
	}
	return w, nil
}

// Retry runs a failed workflow again from the step that failed. When only undoing failed, it
// undoes the rest.
func (e *Engine) Retry(ctx context.Context, id string) error {
	w, err := e.Get(id)
	if err != nil {
		return err
	}
	if w.State == Unknown && e.isUndecided(w) {
		return fault.New(fault.Conflict, unknownMessage)
	}
	return e.retry(ctx, w, false)
}

// Reconcile runs an unknown workflow again, with what the operator knows of its step: that the
// effect has happened, and the step is completed without a result, or that it has not.
func (e *Engine) Reconcile(ctx context.Context, id string, happened bool) error {
	w, err := e.Get(id)
	if err != nil {
		return err
	}
	if w.State != Unknown {
		return fault.New(fault.Conflict, "the workflow is %s: it is known whether its effects have happened", w.State)
	}
	return e.retry(ctx, w, happened)
}

// isUndecided reports whether a person must say what became of a step.
func (e *Engine) isUndecided(w Info) bool {
	return slices.ContainsFunc(w.Steps, func(s StepInfo) bool { return s.State == Unknown && s.Code == fault.Conflict })
}

func (e *Engine) retry(ctx context.Context, w Info, happened bool) error {
	if w.State != Failed && w.State != Unknown {
		return fault.New(fault.Conflict, "the workflow is %s: only a failed or unknown one can be retried", w.State)
	}
	undoes := slices.ContainsFunc(w.Steps, func(s StepInfo) bool { return isUndo(s.Name) })
	from := 0
	for i := len(w.Steps) - 1; i >= 0; i-- {
		s := w.Steps[i]
		if from == 0 { // nothing failed: go on after the last step
			from = s.number + 1
		}
		if s.State == Completed || isUndo(s.Name) != undoes {
			continue
		}
		from = s.number
		decided := 0 // a step that has failed certainly has not had its effect
		if s.State == Unknown && happened {
			decided = 1
		}
		_, err := e.db.ExecContext(ctx, `INSERT INTO workflow_decisions (workflow, step, happened) VALUES ($1, $2, $3)
			ON CONFLICT (workflow, step) DO UPDATE SET happened = excluded.happened`, w.ID, s.Name, decided)
		if err != nil {
			return fault.Wrap(err, fault.Storage, "the workflow cannot be retried").Retryable(0)
		}
	}
	return e.rewind(w.ID, from)
}

// Restart runs a finished workflow again from its first step, with the same keys.
func (e *Engine) Restart(id string) error { return e.rewind(id, 0) }

func (e *Engine) rewind(id string, from int) error {
	if _, err := dbos.RewindWorkflow[Result](e.dbos, id, dbos.WithRewindStartStep(uint(from))); err != nil {
		return fault.Wrap(err, fault.Storage, "the workflow cannot be run again").Retryable(0)
	}
	return nil
}

func isUndo(step string) bool { return strings.HasPrefix(step, undoPrefix) }

// Cancel asks for the end of a workflow that is pending or running. A wait ends, or it fails
// before its next step, and what was done is undone. An attempt that runs is not interrupted.
func (e *Engine) Cancel(ctx context.Context, id string) error {
	w, err := e.Get(id)
	if err != nil {
		return err
	}
	if w.State != Pending && w.State != Running {
		return fault.New(fault.Conflict, "the workflow is %s already", w.State)
	}
	_, err = e.db.ExecContext(ctx, `INSERT INTO workflow_cancels (workflow) VALUES ($1) ON CONFLICT DO NOTHING`, id)
	if err != nil {
		return fault.Wrap(err, fault.Storage, "the workflow cannot be canceled").Retryable(0)
	}
	e.signal(id)
	return nil
}

// Wait waits until a workflow is finished and returns it. It looks less often the longer it
// waits.
func (e *Engine) Wait(ctx context.Context, id string) (Info, error) {
	for interval := waitInterval; ; interval = min(interval*5/4, maxWaitInterval) {
		w, err := e.Get(id)
		if err != nil && !fault.IsRetryable(err) || err == nil && w.State != Pending && w.State != Running {
			return w, err
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return w, fault.From(ctx.Err())
		}
	}
}

// Counts returns how many workflows this process has finished.
func (e *Engine) Counts() map[Finished]uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.counts)
}

// Unfinished returns how many workflows of all nodes are pending or running, by name.
func (e *Engine) Unfinished() (map[Finished]int64, error) {
	rows, err := dbos.GetWorkflowAggregates(e.dbos, dbos.GetWorkflowAggregatesInput{
		GroupByName: true, GroupByStatus: true, SelectCount: true,
		Status: []dbos.WorkflowStatusType{dbos.WorkflowStatusPending, dbos.WorkflowStatusEnqueued, dbos.WorkflowStatusDelayed},
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the workflows cannot be counted").Retryable(0)
	}
	counts := make(map[Finished]int64)
	for _, row := range rows {
		name, status := row.Group["name"], row.Group["status"]
		if name == nil || status == nil || row.Count == nil {
			continue
		}
		state := Pending
		if *status == string(dbos.WorkflowStatusPending) {
			state = Running
		}
		counts[Finished{*name, state}] += *row.Count
	}
	return counts, nil
}
