package conversation

import (
	"context"
	"encoding/json"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// resumeBackground takes up what ran in the background when an earlier line broke. A call
// without an effect runs again, and one that went on by itself is waited for. Of another call with an effect the caller is told that nobody knows
// whether it was done, and a result that came after the break is told now.
func (c *conversation) resumeBackground() {
	b := &c.tasks.background
	b.late = c.untoldResults()
	hasEnded := make(map[string]bool)
	for _, m := range c.o.History {
		if m.Result != nil {
			hasEnded[m.Result.Late] = true
		}
	}
	for _, m := range c.o.History {
		if m.Result == nil || !m.Result.Pending || hasEnded[m.Result.CallID] || len(b.running) == maxBackground {
			continue
		}
		call := findCall(c.o.History, m.Result.CallID)
		if call == nil {
			continue
		}
		spec, isOwn := c.agent.Tools.Find(call.Name)
		switch {
		case isOwn && spec.IsDurable:
			c.awaitAgain(*call, spec.Rule.Effect)
		case isOwn && !spec.Rule.Effect.Changes():
			c.runAgain(*call)
		default:
			unknown := fault.New(fault.Timeout, "the line broke while this was being done, so nobody knows whether it was done; do not do it again")
			late := newLateResult(*call, spec.Rule.Effect, tools.Failed(*call, unknown), c.o.NewID)
			for _, m := range late.messages {
				c.journal.add(m)
			}
			b.late = append(b.late, late)
		}
	}
}

// runAgain runs a call without an effect in the background.
func (c *conversation) runAgain(call tools.Call) {
	checked, err := c.check(call)
	if err != nil {
		return
	}
	checked.ID = call.ID
	decision := c.o.Gate.Decide(c.tasks.ctx, gate.Request{ // it does not wait: only effects are counted in a store
		Agent: c.agent.Name, Tool: call.Name, Rule: c.ruleOf(call.Name), Arguments: checked.Arguments, Evidence: c.evidence(""),
	})
	if decision.Verdict != gate.Allowed {
		return
	}
	c.runLate(&toolRun{call: checked}, func(ctx context.Context) tools.Result { return c.agent.Tools.Do(ctx, checked, decision.Permit) })
}

// awaitAgain waits for a call that went on while the line was broken.
func (c *conversation) awaitAgain(call tools.Call, effect gate.Effect) {
	c.runLate(&toolRun{call: call, effect: effect, isDurable: true}, func(ctx context.Context) tools.Result { return c.agent.Tools.Await(ctx, call) })
}

// runLate runs a call in the background from the beginning.
func (c *conversation) runLate(run *toolRun, do func(context.Context) tools.Result) {
	run.turn, run.started, run.done = c.turns, time.Now(), make(chan struct{})
	ctx, cancel := context.WithCancel(c.withHours(c.withCaller(c.tasks.session)))
	run.cancel = cancel
	waits := c.waiting(run)
	c.tasks.group.Go(func() {
		defer close(run.done)
		defer cancel()
		defer context.AfterFunc(waits, cancel)()
		run.result = do(ctx)
	})
	c.tasks.background.running = append(c.tasks.background.running, run)
	c.spawn(func() {
		<-run.done
		c.do(func() { c.ranInBackground(run) })
	})
}

// untoldResults takes the late results out of the history that came after the agent's last
// words, so that they are told.
func (c *conversation) untoldResults() (untold []lateResult) {
	past := c.o.History
	for i := len(past) - 1; i >= 0; i-- {
		m := past[i]
		if m.Role == dialog.Assistant && m.Text != "" {
			break
		}
		if m.Result == nil || m.Result.Late == "" {
			continue
		}
		call := findCall(past[:i], m.Result.CallID)
		if call == nil || i == 0 || !hasCall(past[i-1], call.ID) {
			continue
		}
		spec, _ := c.agent.Tools.Find(call.Name)
		result := *m.Result
		if result.Failed {
			result.Err = errorIn(result.Output)
		}
		m.Result = &result
		untold = append([]lateResult{{effect: spec.Rule.Effect, messages: [2]dialog.Message{past[i-1], m}}}, untold...)
		c.recall.history.remove(m.ID)
		c.recall.history.remove(past[i-1].ID)
	}
	return untold
}

// errorIn returns the error of a stored result, which the model reads.
func errorIn(output json.RawMessage) error {
	var out struct {
		Error struct {
			Code    fault.Code
			Message string
		}
	}
	if json.Unmarshal(output, &out) != nil || out.Error.Code == "" {
		return fault.New(fault.Provider, "the tool failed")
	}
	return fault.New(out.Error.Code, "%s", out.Error.Message)
}
