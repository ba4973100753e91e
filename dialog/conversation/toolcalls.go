package conversation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

const (
	saidTurns         = 4                // of the caller, which a ticket keeps
	maxCalls          = 8                // of one step; further ones are ignored
	clientToolTimeout = 30 * time.Second // for the results of a client's own tools
	replyRequestWait  = 5 * time.Second  // for the client to ask for a reply after its results
)

// endCall is the tool by which the model hangs up.
var endCall = tools.Spec{
	Name:        "end_call",
	Description: "End the call, after the caller said goodbye or has nothing more to ask. Say goodbye in the same reply.",
	Parameters:  json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`),
	Rule: gate.Rule{
		Effect: gate.Communication, Consent: gate.AskUnlessRequested, IsRequest: words.NeedsNothingMore,
		Limits: gate.Limits{Turn: 1, Session: 20, Caller: 1000, Hour: 1_000_000},
	},
}

// toolCalls is the state of a reply's tool calls.
type toolCalls struct {
	running      int
	firstMessage string          // id of the message with the first calls
	asksClient   bool            // a call is the client's to answer
	endsCall     bool            // the model ends the call
	isPending    bool            // a call of the last step goes on in the background
	hasFailed    bool            // a call of the last step failed
	late         []lateResult    // that the reply tells
	undecided    map[string]bool // ids of calls that the gate has not decided about
	consent      consent
}

// callTools runs the tool calls of a and returns when the agent's own tools have answered,
// take longer than a reply waits, or r is cut. A tool with an effect goes on when r is cut,
// but a reply that is cut already starts none.
func (c *conversation) callTools(r *reply, a answer) {
	calls := a.calls[:min(len(a.calls), maxCalls)]
	answered := make(chan struct{}, len(calls))
	running := 0
	isCut := false
	c.do(func() {
		if isCut = r.cut.done; !isCut {
			c.addCalls(r, calls, strings.TrimSpace(a.text))
		}
	})
	if isCut {
		return
	}
	for _, call := range calls {
		if c.startCall(r, call, answered) {
			running++
		}
	}
	for range running {
		select {
		case <-answered:
		case <-r.ctx.Done():
			return
		}
	}
	c.do(func() {
		if r.calls.isPending || r.calls.hasFailed { // the caller hears of it, whatever was written before
			r.writer.hasText = false
		}
	})
}

// addCalls adds a message with calls to the history. Calls get valid arguments, ids that are
// unique in it, and names that can be logged.
func (c *conversation) addCalls(r *reply, calls []tools.Call, draft string) {
	for i, call := range calls {
		calls[i].Name = tools.CleanName(call.Name)
		if call.ID == "" || c.recall.history.calls[call.ID] || slices.ContainsFunc(calls[:i], func(o tools.Call) bool { return o.ID == call.ID }) {
			calls[i].ID = c.o.NewID("call_")
		}
		if len(call.Arguments) == 0 || !json.Valid(call.Arguments) {
			calls[i].Arguments = validJSON(call.Arguments)
		}
	}
	m := dialog.Message{ID: c.o.NewID("item_"), Role: dialog.Assistant, Calls: calls}
	r.text.drafts[m.ID] = draft
	if r.calls.firstMessage == "" {
		r.calls.firstMessage = m.ID
	}
	r.calls.isPending, r.calls.hasFailed = false, false
	r.calls.undecided = make(map[string]bool)
	for _, call := range calls {
		r.calls.undecided[call.ID] = true
	}
	c.addMessage(m)
}

// validJSON turns text that is not JSON into a JSON string, which the tool will refuse.
func validJSON(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return json.RawMessage("{}")
	}
	quoted, _ := json.Marshal(string(text))
	return quoted
}

// startCall starts a tool call and reports whether a value will come from answered. Calls of
// the agent's own tools pass the gate.
func (c *conversation) startCall(r *reply, call tools.Call, answered chan<- struct{}) (isRunning bool) {
	_, isOwn := c.agent.Tools.Find(call.Name)
	if !isOwn && call.Name != endCall.Name && c.hasClientTool(call.Name) {
		c.do(func() { c.callClient(r, call) })
		return false
	}
	checked, err := c.check(call)
	if err != nil {
		rule, f := "schema", fault.From(err)
		if f.Code == fault.NotFound {
			rule = dialog.UnknownTool
		}
		c.do(func() { c.refuse(r, call, rule, f) })
		return false
	}
	var request gate.Request
	var inWay *fault.Error
	c.do(func() {
		request = c.request(checked, r)
		if inWay = c.checkBackground(checked); inWay != nil {
			c.refuse(r, call, "background", inWay)
		}
	})
	if inWay != nil {
		return false
	}
	decision := c.permit(r.ctx, request)
	c.do(func() {
		delete(r.calls.undecided, call.ID)
		switch {
		case r.cut.done: // the call has no result, so the model learns that nothing is known of it
			c.refuse(r, call, "interrupted", fault.New(fault.Conflict, "the caller interrupted before this was done"))
		case decision.Verdict == gate.Refused:
			c.refuse(r, call, decision.Rule, decision.Err)
		case decision.Verdict == gate.MustAsk:
			c.hold(r, checked, "")
		case call.Name == endCall.Name:
			r.calls.endsCall, r.ending = true, dialog.Goodbye
			c.addResult(tools.Result{CallID: call.ID, Output: json.RawMessage(`{"ok":true}`)})
		default:
			c.runTool(r, checked, decision.Permit, request.Rule.Effect, answered)
			isRunning = true
		}
	})
	return isRunning
}

// hasClientTool reports whether the client has a tool of that name. Only a spawned goroutine
// may call it.
func (c *conversation) hasClientTool(name string) (ok bool) {
	c.do(func() {
		ok = slices.ContainsFunc(c.clientTools.specs, func(s tools.Spec) bool { return s.Name == name })
	})
	return ok
}

// runTool runs one of the agent's tools. A tool that only reads is cancelled with its reply,
// until it takes longer than the reply waits. For a tool with an effect, the journal is
// written first, and nothing cancels it.
func (c *conversation) runTool(r *reply, call tools.Call, permit gate.Permit, effect gate.Effect, answered chan<- struct{}) {
	r.turn.tools++
	r.calls.running++
	spec, _ := c.agent.Tools.Find(call.Name)
	run := &toolRun{call: call, effect: effect, isDurable: spec.IsDurable, turn: r.turn.Number, response: r.id, started: time.Now(), done: make(chan struct{})}
	c.emit(dialog.Event{Kind: dialog.ToolStarted, At: run.started, Turn: r.turn.Number, Response: r.id, Call: &call})
	saved := make(chan error, 1)
	ctx, cancel := context.WithCancel(c.withHours(c.withCaller(c.tasks.session)))
	run.cancel = cancel
	release := func() bool { return true } // from its reply
	if effect.Changes() {
		c.save(nil, saved)
	} else {
		saved <- nil
		release = context.AfterFunc(r.ctx, cancel)
	}
	waits := c.waiting(run)
	c.tasks.group.Go(func() {
		defer close(run.done)
		defer cancel()
		defer context.AfterFunc(waits, cancel)()
		result, isPrepared := r.guess.resultOf(ctx, call)
		if !isPrepared {
			result = c.execute(ctx, call, permit, saved)
		}
		run.result = result
	})
	c.spawn(func() {
		defer func() { answered <- struct{}{} }()
		late := time.NewTimer(patience)
		defer late.Stop()
		select {
		case <-run.done:
		case <-late.C:
			if release() {
				c.do(func() { c.goOn(r, run) })
				return
			}
			<-run.done // it was cancelled with its reply
		}
		c.do(func() { c.toolEnded(r, run) })
	})
}

// withCaller returns ctx with what the caller said last, which a ticket keeps, and with the
// account whose PIN they knew, if the operator's own system does not name them. A ticket is
// then that account's.
func (c *conversation) withCaller(ctx context.Context) context.Context {
	caller := tools.CallerOf(ctx)
	e := c.evidence("")
	caller.Said = strings.Join(e.Said[max(0, len(e.Said)-saidTurns):], "\n")
	caller.Issues = c.openIssues()
	if caller.Known == "" && e.Assurance == gate.VerifiedByPIN {
		caller.Known = e.Caller
	}
	return tools.WithCaller(ctx, caller)
}

// execute runs a tool once the journal entry before it is durable.
func (c *conversation) execute(ctx context.Context, call tools.Call, permit gate.Permit, saved <-chan error) tools.Result {
	if err := <-saved; err != nil { // saving has a deadline
		return tools.Failed(call, fault.Wrap(err, fault.Storage, "this cannot be done now, because it cannot be recorded"))
	}
	return c.agent.Tools.Do(ctx, call, permit)
}

func (c *conversation) toolEnded(r *reply, run *toolRun) {
	t, call, result := r.turn, run.call, run.result
	t.tools--
	r.calls.running--
	t.Tools = append(t.Tools, dialog.ToolUse{Name: call.Name, CallID: call.ID, Failed: result.Failed, Duration: time.Since(run.started)})
	c.emit(dialog.Event{Kind: dialog.ToolEnded, Turn: t.Number, Response: r.id, Call: &call, Result: &result})
	if result.Failed && !isProofNeeded(result) { // else the agent asks for the proof
		r.calls.hasFailed = true
		if !r.cut.done {
			c.raiseToolFailed(t.Number, r.id, run)
		}
	}
	if run.isDurable && c.wasCutOff(run) {
		result = pendingResult(call)
	}
	c.addResult(result)
	c.requestHandover(call, result)
	c.endTurn(t)
}

func (c *conversation) raiseToolFailed(turn int, response string, run *toolRun) {
	c.emit(dialog.Event{Kind: dialog.NoticeRaised, Turn: turn, Response: response, Call: &run.call,
		Notice: &dialog.Notice{Code: dialog.NoticeToolFailed, Text: c.texts().notices.toolFailed, Err: run.result.Err}})
}

func (c *conversation) addResult(result tools.Result) {
	c.addMessage(dialog.Message{ID: c.o.NewID("item_"), Role: dialog.ToolRole, Result: &result})
}

// clientTools are the tools that the client runs itself.
type clientTools struct {
	specs   []tools.Spec
	awaited *awaited // what the current turn waits for, or nil
	// answeredRequests counts requests for a reply that are still to come and that a reply
	// has already answered: clients may send one after each result.
	answeredRequests int
}

// awaited is what a turn waits for from the client: the results of its tools, and then, as
// in the Realtime protocol, a request for a reply.
type awaited struct {
	turn     *turn
	calls    map[string]tools.Call // without a result yet, by id
	results  int
	requests int
	timeout  alarm
}

func (t *clientTools) deadline() <-chan time.Time {
	if t.awaited == nil {
		return nil
	}
	return t.awaited.timeout.C
}

// callClient asks the client to run its own tool.
func (c *conversation) callClient(r *reply, call tools.Call) {
	r.calls.asksClient = true
	if c.clientTools.awaited == nil {
		c.clientTools.awaited = &awaited{turn: r.turn, calls: make(map[string]tools.Call), timeout: newAlarm()}
	}
	c.clientTools.awaited.calls[call.ID] = call
	c.emit(dialog.Event{Kind: dialog.ClientToolCalled, Turn: c.turns, Response: r.id, Call: &call})
}

// awaitClient keeps t open after a reply that called the client's tools, unless the reply
// was interrupted.
func (c *conversation) awaitClient(t *turn, status dialog.Status) {
	a := c.clientTools.awaited
	if a == nil || a.turn != t {
		return
	}
	if status != dialog.Completed {
		c.stopAwaitingClient()
		return
	}
	t.awaitsClient = true
	a.timeout.set(clientToolTimeout)
}

// clientToolOutput handles the result of a client's tool.
func (c *conversation) clientToolOutput(result *tools.Result) {
	if result == nil {
		return
	}
	if !c.recall.history.calls[result.CallID] {
		err := fault.New(fault.NotFound, "unknown tool call %q: send the call_id of a function call of this session", result.CallID)
		c.emit(dialog.Event{Kind: dialog.NoticeRaised, Turn: c.turns, Notice: &dialog.Notice{Code: string(err.Code), Text: err.Message, Err: err}})
		return
	}
	if !json.Valid(result.Output) {
		result.Output = validJSON(result.Output)
	}
	result.Held, result.Refused, result.Pending, result.Late, result.Proved, result.Identity = false, false, false, "", "", ""
	result.Done, result.UnderWay = nil, nil
	c.addResult(*result)
	if a := c.clientTools.awaited; a != nil {
		if call, ok := a.calls[result.CallID]; ok {
			delete(a.calls, result.CallID)
			a.results++
			a.turn.Tools = append(a.turn.Tools, dialog.ToolUse{Name: call.Name, CallID: call.ID, Failed: result.Failed})
			c.emit(dialog.Event{Kind: dialog.ToolEnded, Turn: a.turn.Number, Call: &call, Result: result})
		}
		c.continueAfterClientTools()
	}
}

// answerClientTools starts the reply to the results of the client's tools.
func (c *conversation) answerClientTools() {
	a := c.clientTools.awaited
	c.clientTools.answeredRequests = max(0, a.results-a.requests)
	a.timeout.Stop()
	c.clientTools.awaited = nil
	a.turn.awaitsClient = false
	r := c.newReply(a.turn)
	c.startReply(r, true)
}

func (c *conversation) clientToolsTimedOut() {
	a := c.clientTools.awaited
	if c.reply != nil || len(a.calls) == 0 { // the client asked for no reply
		c.stopAwaitingClient()
		c.proceed()
		return
	}
	for _, call := range a.calls {
		result := tools.Failed(call, fault.New(fault.Timeout, "the caller's device did not answer"))
		a.turn.Tools = append(a.turn.Tools, dialog.ToolUse{Name: call.Name, CallID: call.ID, Failed: true})
		c.emit(dialog.Event{Kind: dialog.ToolEnded, Turn: a.turn.Number, Call: &call, Result: &result})
		c.addResult(result)
	}
	c.answerClientTools()
}

// stopAwaitingClient ends a turn that waits for the client: the caller went on.
func (c *conversation) stopAwaitingClient() {
	a := c.clientTools.awaited
	if a == nil {
		return
	}
	a.timeout.Stop()
	c.clientTools.awaited = nil
	a.turn.awaitsClient = false
	c.endTurn(a.turn)
}
