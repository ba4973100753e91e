package conversation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

const (
	maxCalls   = 8                // of one step; further ones are not made
	clientWait = 30 * time.Second // for a client's own tools
	settleWait = 5 * time.Second  // for the client to ask for a reply after its tools
)

// endCall is the loop's own tool.
var endCall = tools.Spec{
	Name:        "end_call",
	Description: "End the call, after the caller said goodbye or has nothing more to ask. Say goodbye in the same reply.",
	Parameters:  json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`),
}

// useTools runs the calls of a step.
func (l *loop) useTools(r *reply, w written) {
	asked := w.calls[:min(len(w.calls), maxCalls)]
	for i, c := range asked {
		if c.ID == "" || l.history.calls[c.ID] || slices.ContainsFunc(asked[:i], func(o tools.Call) bool { return o.ID == c.ID }) {
			asked[i].ID = l.o.NewID("call_")
		}
		if len(c.Arguments) == 0 || !json.Valid(c.Arguments) {
			asked[i].Arguments = validArguments(c.Arguments)
		}
	}
	m := dialog.Message{ID: l.o.NewID("item_"), Role: dialog.Assistant, Calls: asked}
	r.drafts[m.ID] = strings.TrimSpace(w.text)
	if r.calls.first == "" {
		r.calls.first = m.ID
	}
	l.history.add(m)
	l.scribe.note(m)
	r.calls.running++ // until all have been looked at
	for _, c := range asked {
		l.use(r, c)
	}
	l.used(r)
}

// validArguments keeps what is not JSON as a string, for the tool to refuse.
func validArguments(args json.RawMessage) json.RawMessage {
	if len(args) == 0 {
		return json.RawMessage("{}")
	}
	quoted, _ := json.Marshal(string(args))
	return quoted
}

func (l *loop) use(r *reply, c tools.Call) {
	spec, own := l.agent.Tools.Find(c.Name)
	client := slices.ContainsFunc(l.clientTools, func(s tools.Spec) bool { return s.Name == c.Name })
	switch {
	case c.Name == endCall.Name:
		r.calls.goodbye = true
		l.result(tools.Result{CallID: c.ID, Output: json.RawMessage(`{"ok":true}`)})
	case client && !own:
		r.calls.client = true
		if l.awaited == nil {
			l.awaited = &awaited{turn: r.turn, calls: make(map[string]tools.Call), alarm: newAlarm()}
		}
		l.awaited.calls[c.ID] = c
		l.tell(dialog.Event{Kind: dialog.ClientToolCalled, Turn: l.turns, Response: r.id, Call: &c})
	default:
		l.runTool(r, c, spec.Effect)
	}
}

// runTool runs a tool of the agent beside the loop. One that only reads ends with
// its reply; one with an effect is recorded first and then runs whatever happens.
func (l *loop) runTool(r *reply, c tools.Call, effect tools.Effect) {
	t := r.turn
	t.tools++
	r.calls.running++
	began := time.Now()
	l.tell(dialog.Event{Kind: dialog.ToolStarted, At: began, Turn: t.Number, Response: r.id, Call: &c})
	saved := make(chan error, 1)
	ctx := r.ctx
	if effect == tools.Writes {
		ctx = l.life
		l.save(nil, saved)
	} else {
		saved <- nil
	}
	l.spawn(func() func() {
		result, made := r.guess.result(ctx, c)
		if !made {
			result = l.do(ctx, c, saved)
		}
		return func() {
			took := time.Since(began)
			t.tools--
			t.Tools = append(t.Tools, dialog.ToolUse{Name: c.Name, CallID: c.ID, Failed: result.Failed, Duration: took})
			l.tell(dialog.Event{Kind: dialog.ToolEnded, Turn: t.Number, Response: r.id, Call: &c, Result: &result})
			if result.Failed && !r.isCut {
				l.tell(dialog.Event{Kind: dialog.NoticeRaised, Turn: t.Number, Response: r.id,
					Notice: &dialog.Notice{Code: "tool_failed", Text: toolFailed, Err: result.Err}})
			}
			l.result(result)
			l.wishes(c, result)
			l.used(r)
			l.endTurn(t)
		}
	})
}

func (l *loop) do(ctx context.Context, c tools.Call, saved <-chan error) tools.Result {
	if err := <-saved; err != nil { // a save has a deadline
		return refused(c, fault.Wrap(err, fault.Storage, "this cannot be done now, because it cannot be recorded"))
	}
	return l.agent.Tools.Do(ctx, c)
}

func refused(c tools.Call, err *fault.Error) tools.Result {
	out, _ := json.Marshal(map[string]any{"error": map[string]any{"code": err.Code, "message": err.Message}})
	return tools.Result{CallID: c.ID, Output: out, Failed: true, Err: err}
}

// result puts a tool's answer into the history.
func (l *loop) result(result tools.Result) {
	m := dialog.Message{ID: l.o.NewID("item_"), Role: dialog.ToolRole, Result: &result}
	l.history.add(m)
	l.scribe.note(m)
}

// used goes on with a reply when all its tools have answered.
func (l *loop) used(r *reply) {
	r.calls.running--
	switch {
	case r.calls.running > 0 || r.isCut:
	case r.calls.goodbye:
		r.then = dialog.Goodbye
		l.conclude(r, l.farewell())
	case r.calls.client:
		l.close(r)
	default:
		l.step(r)
	}
}

// awaited is what a turn waits for from the client: the results of its own tools,
// and then, as in the Realtime protocol, the wish for a reply.
type awaited struct {
	turn    *turn
	calls   map[string]tools.Call // without a result
	outputs int                   // results that came
	wishes  int                   // for a reply; clients may send one after each result
	alarm   alarm
}

func (a *awaited) deadline() <-chan time.Time {
	if a == nil {
		return nil
	}
	return a.alarm.C
}

// await holds a turn open after a reply that called the client's tools, unless the
// reply was interrupted.
func (l *loop) await(t *turn, status dialog.Status) {
	if l.awaited == nil || l.awaited.turn != t {
		return
	}
	if status != dialog.Completed {
		l.abandon()
		return
	}
	t.waiting = true
	l.awaited.alarm.set(clientWait)
}

// toolOutput takes the result of a client's tool.
func (l *loop) toolOutput(result *tools.Result) {
	if result == nil {
		return
	}
	if !l.history.calls[result.CallID] {
		err := fault.New(fault.NotFound, "there is no call %q to answer", result.CallID)
		l.tell(dialog.Event{Kind: dialog.NoticeRaised, Turn: l.turns, Notice: &dialog.Notice{Code: string(err.Code), Text: err.Message, Err: err}})
		return
	}
	if !json.Valid(result.Output) {
		result.Output = validArguments(result.Output)
	}
	l.result(*result)
	if a := l.awaited; a != nil {
		if c, ok := a.calls[result.CallID]; ok {
			delete(a.calls, result.CallID)
			a.outputs++
			a.turn.Tools = append(a.turn.Tools, dialog.ToolUse{Name: c.Name, CallID: c.ID, Failed: result.Failed})
			l.tell(dialog.Event{Kind: dialog.ToolEnded, Turn: a.turn.Number, Call: &c, Result: result})
		}
		l.awaitedDone()
	}
}

// awaitedDone goes on with the turn when the client has done its part.
func (l *loop) awaitedDone() {
	a := l.awaited
	if l.reply != nil || a == nil || len(a.calls) > 0 {
		return
	}
	if a.wishes == 0 {
		a.alarm.set(settleWait)
		return
	}
	l.resume()
}

// resume answers with what the client's tools gave.
func (l *loop) resume() {
	t := l.awaited.turn
	l.spare = max(0, l.awaited.outputs-l.awaited.wishes)
	l.awaited.alarm.Stop()
	l.awaited = nil
	t.waiting = false
	r := l.begin(t, "")
	l.step(r)
}

func (l *loop) awaitedTooLong() {
	a := l.awaited
	if l.reply != nil || len(a.calls) == 0 { // no reply is wanted
		l.abandon()
		l.proceed()
		return
	}
	for _, c := range a.calls {
		result := refused(c, fault.New(fault.Timeout, "the caller's device did not answer"))
		a.turn.Tools = append(a.turn.Tools, dialog.ToolUse{Name: c.Name, CallID: c.ID, Failed: true})
		l.tell(dialog.Event{Kind: dialog.ToolEnded, Turn: a.turn.Number, Call: &c, Result: &result})
		l.result(result)
	}
	l.resume()
}

// abandon gives up waiting for the client's tools: the caller went on.
func (l *loop) abandon() {
	a := l.awaited
	if a == nil {
		return
	}
	a.alarm.Stop()
	l.awaited = nil
	a.turn.waiting = false
	l.endTurn(a.turn)
}
