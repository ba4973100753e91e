package workflow

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"frontdesk/internal/fault"
)

// Data is what the database stores of a workflow: it may hold values of callers.
type Data struct {
	Input json.RawMessage
	Steps map[string]json.RawMessage // results of completed steps, by name
}

// Data returns the input of a workflow and the results of its completed steps. The error is
// NotFound if there is no such workflow.
func (e *Engine) Data(id string) (Data, error) {
	found, err := dbos.ListWorkflows(e.dbos, dbos.WithFilterWorkflowIDs(id), dbos.WithFilterLoadInput(true), dbos.WithFilterLoadOutput(false))
	if err != nil {
		return Data{}, fault.Wrap(err, fault.Storage, "the workflow cannot be read").Retryable(0)
	}
	if len(found) == 0 {
		return Data{}, fault.New(fault.NotFound, "there is no workflow %q", id)
	}
	d := Data{Steps: make(map[string]json.RawMessage)}
	text := ""
	if err := decode(found[0].Input, &text); err != nil { // the library stores a text in JSON
		text, _ = found[0].Input.(string)
	}
	d.Input = json.RawMessage(text)
	steps, err := dbos.GetWorkflowSteps(e.dbos, id, dbos.WithStepsLoadOutput(true))
	if err != nil {
		return Data{}, fault.Wrap(err, fault.Storage, "the steps of the workflow cannot be read").Retryable(0)
	}
	for _, s := range steps {
		var o outcome[json.RawMessage]
		if s.Error == nil && !strings.HasSuffix(s.StepName, intentSuffix) && decode(s.Output, &o) == nil && o.State == Completed {
			d.Steps[s.StepName] = o.Value
		}
	}
	return d, nil
}

// IDOf returns the id of a workflow that belongs to a session: NAME.SESSION.REST. Erase finds
// it by the session.
func IDOf(name, session, rest string) string { return name + "." + session + "." + rest }

// ListOf returns the latest thousand workflows of a session that have one of the names, or
// any name, the latest first.
func (e *Engine) ListOf(session string, names ...string) ([]Info, error) {
	if len(names) == 0 {
		var err error
		if names, err = e.names(); err != nil {
			return nil, err
		}
	}
	if session == "" || len(names) == 0 {
		return nil, nil
	}
	var prefixes []string
	for _, name := range names {
		prefixes = append(prefixes, IDOf(name, session, ""))
	}
	return e.list(dbos.WithFilterSortDesc(), dbos.WithFilterWorkflowIDPrefix(prefixes...))
}

// names returns the names of all workflows in the database.
func (e *Engine) names() ([]string, error) {
	rows, err := dbos.GetWorkflowAggregates(e.dbos, dbos.GetWorkflowAggregatesInput{GroupByName: true, SelectCount: true})
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the workflows cannot be listed").Retryable(0)
	}
	var names []string
	for _, row := range rows {
		if name := row.Group["name"]; name != nil && *name != "" {
			names = append(names, *name)
		}
	}
	return names, nil
}

// Erase deletes the finished workflows of a session with their inputs and results, whatever
// their state. It returns the ids of those that are not finished: cancel them or wait, then
// erase again.
func (e *Engine) Erase(ctx context.Context, session string) (erased int, unfinished []string, err error) {
	for {
		found, err := e.ListOf(session)
		if err != nil {
			return erased, nil, err
		}
		var ids []string
		unfinished = nil
		for _, w := range found {
			if w.State == Pending || w.State == Running {
				unfinished = append(unfinished, w.ID)
			} else {
				ids = append(ids, w.ID)
			}
		}
		if len(ids) > 0 {
			if err := dbos.DeleteWorkflows(e.dbos, ids); err != nil {
				return erased, unfinished, fault.Wrap(err, fault.Storage, "the workflows cannot be erased").Retryable(0)
			}
			erased += len(ids)
		}
		if len(found) < maxListed || len(ids) == 0 || ctx.Err() != nil {
			return erased, unfinished, nil
		}
	}
}
