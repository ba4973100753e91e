package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

const (
	// patience is how long a reply waits for a tool. With a second for the model and the
	// voice, the caller hears within 4 s that it takes longer.
	patience = 2500 * time.Millisecond

	// maxBackground is how many calls of a conversation may run in the background for another one
	// to start.
	maxBackground = 4
)

// background holds the tool calls that take longer than their reply. The agent goes on
// talking, and brings the result in when it comes.
type background struct {
	running []*toolRun   // oldest first
	late    []lateResult // that the caller has not been told, oldest first
}

// toolRun is a tool call that runs or has run.
type toolRun struct {
	call     tools.Call
	effect   gate.Effect
	turn     int
	response string
	started  time.Time
	cancel   context.CancelFunc
	done     chan struct{} // closed when result is set
	result   tools.Result

	isDurable   bool // it goes on when nobody waits for it
	isCancelled bool // by the caller, who knows it
}

// lateResult is a result that came after its reply, as the messages that bring it in.
type lateResult struct {
	messages [2]dialog.Message // a call with the same arguments, and its result
	effect   gate.Effect
}

// isAwaited reports whether the caller waits for a call in the background.
func (b *background) isAwaited() bool {
	return slices.ContainsFunc(b.running, func(t *toolRun) bool { return !t.isCancelled })
}

// checkBackground returns why a call must not start beside those in the background.
func (c *conversation) checkBackground(call tools.Call) *fault.Error {
	if call.Name == endCall.Name {
		return nil
	}
	running := c.tasks.background.running
	if slices.ContainsFunc(running, func(t *toolRun) bool { return hasSameCall([]tools.Call{t.call}, call) }) {
		return fault.New(fault.Conflict, "this runs already; its result comes by itself")
	}
	if len(running) >= maxBackground {
		return fault.New(fault.Limited, "%d things take long already; wait for one of them", len(running))
	}
	return nil
}

// goOn lets the reply of a call go on without its result.
func (c *conversation) goOn(r *reply, run *toolRun) {
	t := r.turn
	t.tools--
	r.calls.running--
	r.calls.isPending = true
	t.Tools = append(t.Tools, dialog.ToolUse{Name: run.call.Name, CallID: run.call.ID, Background: true, Duration: time.Since(run.started)})
	c.addResult(pendingResult(run.call))
	c.tasks.background.running = append(c.tasks.background.running, run)
	c.spawn(func() {
		<-run.done
		c.do(func() { c.ranInBackground(run) })
	})
	c.save(nil, nil)
	c.endTurn(t)
}

// pendingResult returns the result of a call that still runs.
func pendingResult(call tools.Call) tools.Result {
	out, _ := json.Marshal(map[string]string{
		"status": "running",
		"message": "It is not done yet and takes longer. Tell the caller so in one short sentence, do not say that it is done, and go on. " +
			"The result comes by itself: do not call this again.",
	})
	return tools.Result{CallID: call.ID, Output: out, Pending: true}
}

// waiting returns the context that ends when nobody waits for run any more. A call that does not
// go on by itself has its own context only.
func (c *conversation) waiting(run *toolRun) context.Context {
	if run.isDurable {
		return c.tasks.ctx
	}
	return context.Background()
}

// wasCutOff reports whether run ended because the conversation ended. The next line of the
// session waits for a call that goes on by itself, and makes a call without an effect again.
func (c *conversation) wasCutOff(run *toolRun) bool {
	return (run.isDurable || !run.effect.Changes()) && c.outcome != "" && run.result.Failed && errors.Is(run.result.Err, context.Canceled)
}

// stopReads cancels the calls without an effect.
func (b *background) stopReads() {
	for _, run := range b.running {
		if !run.effect.Changes() {
			run.cancel()
		}
	}
}

// ranInBackground records the result of a call in the background. The caller is told when
// nothing else is said.
func (c *conversation) ranInBackground(run *toolRun) {
	b := &c.tasks.background
	b.running = slices.DeleteFunc(b.running, func(other *toolRun) bool { return other == run })
	c.emit(dialog.Event{Kind: dialog.ToolEnded, Turn: run.turn, Response: run.response, Call: &run.call, Result: &run.result})
	if run.isCancelled || c.wasCutOff(run) {
		return
	}
	if run.result.Failed && !isProofNeeded(run.result) && c.outcome == "" {
		c.raiseToolFailed(c.turns, run.response, run)
	}
	late := newLateResult(run.call, run.effect, run.result, c.o.NewID)
	for _, m := range late.messages {
		c.journal.add(m)
	}
	c.save(nil, nil)
	c.requestHandover(run.call, run.result)
	b.late = append(b.late, late)
	if c.outcome == "" {
		c.proceed()
	}
}

// newLateResult returns the late result of a call, which has had a result that says that it
// runs. Models accept one result of a call only, so a call with the same arguments has the
// late one.
func newLateResult(call tools.Call, effect gate.Effect, result tools.Result, newID func(string) string) lateResult {
	again := call
	again.ID = newID("call_")
	result.CallID, result.Late = again.ID, call.ID
	return lateResult{effect: effect, messages: [2]dialog.Message{
		{ID: newID("item_"), Role: dialog.Assistant, Calls: []tools.Call{again}},
		{ID: newID("item_"), Role: dialog.ToolRole, Result: &result},
	}}
}

// tellLateResults starts the reply to late results and reports whether there were any. It
// waits while the caller speaks, and leaves them to the next line while the conversation is
// to end.
func (c *conversation) tellLateResults() bool {
	late := c.tasks.background.late
	if len(late) == 0 || c.callerHasFloor() || c.resume.isDraining {
		return false
	}
	c.tasks.background.late = nil
	c.discardSpeculation()
	c.turns++
	r := c.newReply(&turn{Turn: dialog.Turn{Number: c.turns, Status: dialog.Completed, EndpointReason: "tool_result"}})
	r.calls.late = late
	for _, l := range late {
		for _, m := range l.messages {
			c.recall.history.add(m)
			c.addFacts(m)
		}
	}
	c.startReply(r, true)
	return true
}

// callerHasFloor reports whether the caller speaks or keys in a number.
func (c *conversation) callerHasFloor() bool {
	return len(c.floor.utterances) > 0 || len(c.input.dtmf.digits) > 0
}

// keepLate keeps the late results of r, of which the caller heard nothing, for later: the
// caller was faster.
func (c *conversation) keepLate(r *reply, heard string) {
	isFaster := c.input.wantsAnswer || c.callerHasFloor()
	if len(r.calls.late) == 0 || heard != "" || r.calls.firstMessage != "" || !isFaster || c.outcome != "" {
		return
	}
	for _, l := range r.calls.late {
		for _, m := range l.messages {
			c.recall.history.remove(m.ID)
		}
	}
	c.tasks.background.late = slices.Concat(r.calls.late, c.tasks.background.late)
}

// cancelBackground cancels what the caller waits for, because the caller says so, and returns
// what to tell them. What has an effect goes on, because nobody can tell how far it is. It
// returns "" if the caller waits for nothing.
func (c *conversation) cancelBackground() string {
	text := ""
	for _, run := range c.tasks.background.running {
		switch {
		case run.isCancelled:
		case run.effect.Changes():
			text = c.texts().tools.cannotCancel
		default:
			run.isCancelled = true
			run.cancel()
			result := tools.Failed(run.call, fault.New(fault.Conflict, "the caller cancelled this"))
			for _, m := range newLateResult(run.call, run.effect, result, c.o.NewID).messages {
				c.addMessage(m)
			}
			if text == "" {
				text = c.texts().tools.cancelled
			}
		}
	}
	return text
}

// wordless returns what is said for a reply whose model wrote nothing.
func (c *conversation) wordless(r *reply) string {
	t := c.texts().tools
	switch {
	case r.calls.isPending:
		return t.takesLonger
	case r.calls.hasFailed:
		return t.didNotWork
	case len(r.calls.late) == 0:
		return c.texts().notUnderstood
	}
	last := r.calls.late[len(r.calls.late)-1]
	switch result := last.messages[1].Result; {
	case !result.Failed:
		return t.isFinished
	case last.effect.Changes() && fault.From(result.Err).Code == fault.Timeout:
		return t.isUnknown
	}
	return t.didNotWork
}

func isProofNeeded(result tools.Result) bool {
	return fault.From(result.Err).Code == fault.ProofNeeded
}

// withoutRunning returns messages of earlier lines in which a call that still ran at the end of
// its line has an unknown result.
func withoutRunning(messages []dialog.Message) []dialog.Message {
	hasEnded := make(map[string]bool)
	for _, m := range messages {
		if m.Result != nil {
			hasEnded[m.Result.Late] = true
		}
	}
	out := slices.Clone(messages)
	for i, m := range out {
		if m.Result != nil && m.Result.Pending && !hasEnded[m.Result.CallID] {
			out[i].Result = unknownResult(tools.Call{ID: m.Result.CallID})
			out[i].Result.Pending = true
		}
	}
	return out
}
