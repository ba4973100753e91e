package chain

import (
	"context"
	"encoding/json"
	"slices"

	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/workflow"
)

// StatusTool is the name of the tool that tells how far the chains of a conversation are.
const StatusTool = "workflow_status"

const maxStatuses = 5 // that StatusTool tells, the latest first

// status is how far a call of a chain is, as the model reads it.
type status struct {
	Workflow string         `json:"workflow"`
	State    workflow.State `json:"state"`
	Done     []string       `json:"done,omitempty"`   // steps
	Open     []string       `json:"open,omitempty"`   // steps that are not done
	Failed   string         `json:"failed,omitempty"` // the step that failed, or of which nobody knows
	Undone   []string       `json:"undone,omitempty"`
	Result   any            `json:"result,omitempty"`
	Message  string         `json:"message"`

	effects, open []tools.Done // that have happened, and that are to come
}

// messages tell the model what a state means.
var messages = map[workflow.State]string{
	workflow.Pending:     "It has been accepted and begins soon. Nothing of it is done yet.",
	workflow.Running:     "It goes on by itself, also after the call. The steps under open are still to come.",
	workflow.Completed:   "All of it is done.",
	workflow.Failed:      "It did not succeed. The steps under done were done; the step under failed and those under open were not. A person of the team must look at it: offer that.",
	workflow.Compensated: "It did not succeed, and everything that was done before has been undone. Nothing is left of it.",
	workflow.Unknown:     "Nobody knows whether the step under failed was done. Do not say that it was or was not. A person of the team finds out: say so.",
}

// statusTool is the tool that Status returns.
type statusTool struct{ runner *Runner }

// Status returns the tool that tells how far the chains of a conversation are.
func Status(runner *Runner) tools.Tool { return statusTool{runner} }

// Spec implements tools.Tool.
func (t statusTool) Spec() tools.Spec {
	return tools.Spec{
		Name:        StatusTool,
		Description: "Tell how far the workflows of this conversation are, such as whether something that takes longer is done by now.",
		Parameters:  json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`),
	}
}

// Call implements tools.Tool.
func (t statusTool) Call(ctx context.Context, call tools.Call) (tools.Result, error) {
	engine, err := t.runner.workflows()
	if err != nil {
		return tools.Result{}, err
	}
	found, err := engine.ListOf(tools.CallerOf(ctx).Session, workflowName)
	if err != nil {
		return tools.Result{}, err
	}
	out := struct {
		Workflows []status `json:"workflows"` // the latest first
	}{[]status{}}
	result := tools.Result{CallID: call.ID}
	for _, w := range found[:min(len(found), maxStatuses)] {
		s, err := statusOf(engine, w)
		if err != nil {
			return tools.Result{}, err
		}
		s.Result = nil // the call of the chain has told it
		out.Workflows = append(out.Workflows, s)
		result.Done, result.UnderWay = append(result.Done, s.effects...), append(result.UnderWay, s.open...)
	}
	result.Output, err = json.Marshal(out)
	return result, err
}

// statusOf returns how far a workflow is, with the result of a completed one.
func statusOf(engine *workflow.Engine, w workflow.Info) (status, error) {
	data, err := engine.Data(w.ID)
	if err != nil {
		return status{}, err
	}
	var in input
	if err := json.Unmarshal(data.Input, &in); err != nil {
		return status{}, fault.Wrap(err, fault.Damaged, "the workflow's input cannot be read")
	}
	s := status{Workflow: in.Config.Name, State: w.State, Failed: w.Step, Message: messages[w.State]}
	steps, _ := in.Config.calls()
	results := values{steps: make(map[string]any)}
	if results.parameters, err = decodeObject(in.Parameters); err != nil {
		return s, fault.Wrap(err, fault.Damaged, "the workflow's parameters cannot be read")
	}
	for _, step := range steps {
		result, isDone := resultIn(data, step, results)
		switch {
		case isDone:
			results.steps[step.Name] = result
			s.Done = append(s.Done, step.Name)
			s.effects = addEffect(s.effects, &step.Call)
		case step.Name != w.Step:
			s.Open = append(s.Open, step.Name)
			if w.State == workflow.Running || w.State == workflow.Pending {
				s.open = addEffect(s.open, &step.Call)
			}
		}
	}
	for _, step := range steps {
		if isUndone(data, step) {
			s.Undone = append(s.Undone, step.Name)
			s.Done = slices.DeleteFunc(s.Done, func(done string) bool { return done == step.Name })
			s.effects = addEffect(s.effects, step.Undo)
		}
	}
	if w.State == workflow.Completed {
		if s.Result, err = in.Config.result(results); err != nil {
			s.Message += " Its result cannot be told."
		}
	}
	return s, nil
}

// isUndone reports whether a step, or a call of it, is undone.
func isUndone(data workflow.Data, s *Step) bool {
	name := "undo " + s.Name
	if s.Each != "" {
		name = elementName(name, 0)
	}
	_, ok := data.Steps[name]
	return ok
}

// addEffect adds the effect of a call, so that the agent may tell it.
func addEffect(list []tools.Done, c *Call) []tools.Done {
	if c != nil && c.Effect.Changes() {
		list = append(list, tools.Done{Tool: c.Tool, Effect: c.Effect})
	}
	return list
}

// resultIn returns the result of a step of a chain, if it is done. v has those of earlier steps.
func resultIn(data workflow.Data, s *Step, v values) (result any, isDone bool) {
	if s.Each == "" {
		text, ok := data.Steps[s.Name]
		if !ok {
			return nil, false
		}
		result, err := decode(text)
		return result, err == nil
	}
	elements, err := listOf(s, v)
	if err != nil {
		return nil, false
	}
	list := make([]any, len(elements))
	for i := range elements {
		text, ok := data.Steps[elementName(s.Name, i)]
		if !ok {
			return nil, false
		}
		if list[i], err = decode(text); err != nil {
			return nil, false
		}
	}
	return list, true
}

// result returns what the model gets of a completed chain.
func (c *Config) result(v values) (any, error) {
	if c.Result == nil {
		return v.steps, nil
	}
	result, _, err := fill(c.Result, v)
	return result, err
}

// resultOf returns the result of a call. One that is not completed has failed, so that nothing
// is claimed of it.
func (s status) resultOf(call tools.Call, w workflow.Info) (tools.Result, error) {
	var err *fault.Error
	switch w.State {
	case workflow.Completed:
	case workflow.Pending, workflow.Running:
		err = fault.New(fault.Timeout, "it takes longer; %s tells how far it is", StatusTool)
	case workflow.Unknown:
		err = fault.New(fault.Timeout, "nobody knows whether all of it was done")
	default:
		err = fault.New(w.Code, "%s", w.Message)
	}
	result := tools.Result{CallID: call.ID, Failed: err != nil, Done: s.effects, UnderWay: s.open}
	out := struct {
		Error any `json:"error,omitempty"`
		status
	}{status: s}
	if err != nil {
		result.Err, result.IsWrong = err, err.Code == fault.NotFound
		out.Error = map[string]any{"code": err.Code, "message": err.Message}
	}
	var marshalErr error
	result.Output, marshalErr = json.Marshal(out)
	return result, marshalErr
}
