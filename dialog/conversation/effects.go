package conversation

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/grounding"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// gateTimeout is how long the gate may take to count an effect across the nodes.
const gateTimeout = 2 * time.Second

// evidence returns what the session holds that a model cannot invent. said is what the
// caller says beyond the history, or "".
func (c *conversation) evidence(said string) gate.Evidence {
	caller := tools.CallerOf(c.tasks.session)
	e := gate.Evidence{
		Caller: cmp.Or(caller.Known, caller.Number, caller.Address),
		Line:   caller.Number,
	}
	if caller.Known != "" {
		e.Assurance = gate.VerifiedOperator
	}
	names := make(map[string]string) // of tools, by call id
	wasUser := false
	for _, m := range c.recall.history.messages {
		if m.Role == dialog.User {
			if wasUser && !c.recall.turnStarts[m.ID] {
				e.Said[len(e.Said)-1] += " " + m.Text
			} else {
				e.Said = append(e.Said, m.Text)
			}
		}
		wasUser = m.Role == dialog.User
		for _, call := range m.Calls {
			names[call.ID] = call.Name
		}
		if m.Result != nil {
			c.addOutput(&e, names[m.Result.CallID], m.Result)
		}
	}
	if said != "" {
		e.Said = append(e.Said, said)
	}
	return e
}

// addOutput adds the result of a tool to e.
func (c *conversation) addOutput(e *gate.Evidence, name string, result *tools.Result) {
	if result.Failed || result.Held || result.Pending {
		return
	}
	spec, isOwn := c.agent.Tools.Find(name)
	e.Outputs = append(e.Outputs, gate.Output{JSON: result.Output, IsTrusted: isOwn && spec.Rule.IsTrusted})
	if result.Proved != "" {
		e.Proved = append(e.Proved, result.Proved)
	}
	if result.Identity != "" {
		e.Caller, e.Assurance = result.Identity, max(e.Assurance, gate.VerifiedByPIN)
	}
}

// used counts the calls of a tool that were permitted before. undecided are the ids of calls
// that the gate has not decided about yet.
func (c *conversation) used(name string, undecided map[string]bool) (u gate.Used) {
	notRun, wrong := make(map[string]bool), make(map[string]bool)
	for _, m := range c.recall.history.messages {
		if m.Result != nil {
			notRun[m.Result.CallID] = m.Result.Held || m.Result.Refused || m.Result.Late != ""
			id := cmp.Or(m.Result.Late, m.Result.CallID)
			wrong[id] = wrong[id] || m.Result.IsWrong
		}
	}
	for _, m := range c.recall.history.messages {
		if m.Role == dialog.User {
			u.Turn = 0
		}
		for _, call := range m.Calls {
			if call.Name == name && !notRun[call.ID] && !undecided[call.ID] {
				u.Turn++
				u.Session++
				if wrong[call.ID] {
					u.Wrong++
				}
			}
		}
	}
	return u
}

// ruleOf returns the rule of a tool that the agent or the conversation runs, and the strictest
// for a tool that the agent does not have.
func (c *conversation) ruleOf(name string) gate.Rule {
	if name == endCall.Name {
		return endCall.Rule
	}
	spec, ok := c.agent.Tools.Find(name)
	if !ok { // its server has just gone away
		return gate.Rule{Effect: gate.Money, Who: gate.VerifiedOperator}
	}
	return spec.Rule
}

// request returns what the gate must know of a call.
func (c *conversation) request(call tools.Call, r *reply) gate.Request {
	e := c.evidence("")
	if call.Name == endCall.Name { // a caller who asks something more does not leave
		e.Said = e.Said[max(0, len(e.Said)-1):]
	}
	return gate.Request{
		Agent: c.agent.Name, Tool: call.Name, Rule: c.ruleOf(call.Name), Arguments: call.Arguments,
		Evidence: e, Approval: r.calls.consent.approvalOf(call), Used: c.used(call.Name, r.calls.undecided),
	}
}

// check returns the call with canonical arguments, or why they are wrong.
func (c *conversation) check(call tools.Call) (tools.Call, error) {
	if call.Name == endCall.Name {
		call.Arguments = json.RawMessage("{}")
		return call, nil
	}
	return c.agent.Tools.Check(call)
}

// permit asks the gate about a call. It may wait for the store that counts effects.
func (c *conversation) permit(ctx context.Context, r gate.Request) gate.Decision {
	ctx, cancel := context.WithTimeout(ctx, gateTimeout)
	defer cancel()
	return c.o.Gate.Decide(ctx, r)
}

// hold keeps a call until the caller agrees to it. A reply asks one question only. condition
// is that of an escalation, or "" for a call of the model.
func (c *conversation) hold(r *reply, call tools.Call, condition string) {
	if r.calls.consent.question != "" {
		c.refuse(r, call, "consent", fault.New(fault.Conflict, "the caller is being asked about something else; call this again after the answer"))
		return
	}
	question := c.consentQuestion(call)
	if finding := c.recall.facts.Check("", question); finding != grounding.Fine {
		c.refuse(r, call, "consent", fault.New(fault.Invalid, "the caller cannot be asked with these values, which hold a false claim or a number that nobody gave: call this again with what the caller said"))
		return
	}
	r.calls.consent.question = question
	out, _ := json.Marshal(map[string]string{
		"status":  "awaiting_caller",
		"message": "It is not done yet. The caller is asked now: " + r.calls.consent.question + " Wait for the answer, and do not say that it is done. If the caller says something else first, answer it and call this again: then they are asked again.",
	})
	result := tools.Result{CallID: call.ID, Output: out, Held: true}
	c.addResult(result)
	c.emit(dialog.Event{Kind: dialog.ToolHeld, Turn: c.turns, Response: r.id, Text: condition, Call: &call, Result: &result})
}

// refuse answers a call that must not run.
func (c *conversation) refuse(r *reply, call tools.Call, rule string, err *fault.Error) {
	result := tools.Failed(call, err)
	result.Refused = true
	r.turn.Tools = append(r.turn.Tools, dialog.ToolUse{Name: call.Name, CallID: call.ID, Failed: true})
	c.addResult(result)
	c.emit(dialog.Event{Kind: dialog.ToolRefused, Turn: c.turns, Response: r.id, Text: rule, Call: &call, Result: &result})
}

// consent is how the caller agrees to a call.
type consent struct {
	question string // asked at the end of the reply, or ""
	call     *tools.Call
	approval *gate.Approval // to call
}

// approvalOf returns the caller's consent to a call, or nil. It is for one call: the same one
// again needs a new question.
func (c consent) approvalOf(call tools.Call) *gate.Approval {
	if c.call == nil || c.call.ID != call.ID {
		return nil
	}
	return c.approval
}

// consentTo finds the call that waits for the caller's consent, and reads the consent from
// what the caller just said. It returns nil if there is none.
func (c *conversation) consentTo(said string) (*tools.Call, *gate.Approval) {
	call, turns := c.heldCall()
	if call == nil {
		return nil, nil
	}
	approval := gate.Approve(call.Name, call.Arguments, c.consentQuestion(*call), said, turns)
	if approval == nil {
		return nil, nil
	}
	call.ID = c.o.NewID("call_")
	return call, approval
}

// heldCall returns the last call that waits for consent, if the caller heard the question, the
// agent asked nothing else since, and the call has not run since. It also returns in how many
// turns the caller has spoken after it.
func (c *conversation) heldCall() (*tools.Call, int) {
	messages := c.recall.history.messages
	turns := 0
	var later []tools.Call
	heard := ""        // what the agent said right after the calls
	asksOther := false // the agent asked something else after that
	for i := len(messages) - 1; i >= 0; i-- {
		m := messages[i]
		switch {
		case m.Role == dialog.User:
			if i == 0 || messages[i-1].Role != dialog.User || c.recall.turnStarts[m.ID] {
				turns++
			}
		case m.Role == dialog.Assistant && len(m.Calls) == 0:
			asksOther = asksOther || strings.ContainsAny(heard, questionMarks)
			heard = m.Text
		case m.Role == dialog.Assistant:
			later = append(later, m.Calls...)
		case m.Result != nil && m.Result.Held:
			call := findCall(messages[:i], m.Result.CallID)
			if call == nil || asksOther || hasSameCall(later, *call) || !isHeard(c.consentQuestion(*call), heard) {
				return nil, 0
			}
			return call, turns
		}
	}
	return nil, 0
}

// questionMarks end questions in the world's scripts.
const questionMarks = "?？؟՞"

func findCall(messages []dialog.Message, id string) *tools.Call {
	for i := len(messages) - 1; i >= 0; i-- {
		for _, call := range messages[i].Calls {
			if call.ID == id {
				return &call
			}
		}
	}
	return nil
}

func hasSameCall(calls []tools.Call, call tools.Call) bool {
	for _, other := range calls {
		if other.Name == call.Name && bytes.Equal(other.Arguments, call.Arguments) {
			return true
		}
	}
	return false
}

// isHeard reports whether the caller heard the question with all its values. Callers may
// answer before its last words, which are the same in every question.
func isHeard(question, heard string) bool {
	asked := words.Split(plain(question))
	asked = asked[:max(0, len(asked)-closingWords)]
	return strings.Contains(" "+strings.Join(words.Split(heard), " ")+" ", " "+strings.Join(asked, " ")+" ")
}

// keepAbandoned keeps a call that waited for the caller's consent, or for which the model was
// collecting values, when the caller left, such as a ticket as a draft.
func (c *conversation) keepAbandoned() {
	if c.outcome != dialog.CallerGone && c.outcome != dialog.NoAnswer {
		return
	}
	call := c.unansweredCall()
	if call == nil {
		call = c.unfinishedCall()
	}
	if call == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.withCaller(c.tasks.session)), saveTimeout)
	defer cancel()
	if isKept, err := c.agent.Tools.Abandon(ctx, *call); isKept {
		e := dialog.Event{Kind: dialog.ToolAbandoned, Turn: c.turns, Call: call}
		if err != nil {
			result := tools.Failed(*call, fault.From(err))
			e.Result = &result
		}
		c.emit(e)
	}
}

// unfinishedCall returns the call for which the model was collecting values, or nil. Of a model
// that does not tell, it is the ticket that an open issue of the caller should become.
func (c *conversation) unfinishedCall() *tools.Call {
	var call tools.Call
	isUnfinished := false
	collector, tells := c.agent.Model.(dialog.Collector)
	if tells {
		call, isUnfinished = collector.Unfinished(c.prompt(&reply{}, 1))
	}
	if _, hasOthers := c.agent.Model.(*fallback); !isUnfinished && (!tells || hasOthers) {
		call, isUnfinished = c.issueAsTicket()
	}
	if !isUnfinished {
		return nil
	}
	call, err := c.agent.Tools.Check(call)
	if err != nil {
		return nil
	}
	return &call
}

const (
	createTicket     = "create_ticket"
	maxDraftTurns    = 6   // of the caller, in a draft
	maxDraftSubject  = 100 // bytes
	maxDraftText     = 2000
	beginningOfIssue = 20 // bytes of what the caller said that find the turn again
)

// issueAsTicket returns the ticket for the last issue of the session for which the caller asked
// for one or complained, if it is open, none was opened since, and they did not take it back.
func (c *conversation) issueAsTicket() (tools.Call, bool) {
	if _, ok := c.agent.Tools.Find(createTicket); !ok {
		return tools.Call{}, false
	}
	issues := c.recall.overview.Issues
	wants := func(i dialog.Issue) bool {
		return i.Intent == dialog.IntentTicketNew || i.Intent == dialog.IntentComplaint
	}
	last := len(issues) - 1
	for last >= 0 && !wants(issues[last]) {
		last--
	}
	if last < 0 || issues[last].State != dialog.IssueOpen || slices.ContainsFunc(issues[last:], func(i dialog.Issue) bool { return i.Ticket != "" }) {
		return tools.Call{}, false
	}
	said, id := c.saidSince(issues[last].Said)
	if len(said) == 0 {
		return tools.Call{}, false
	}
	if now := said[len(said)-1]; words.IsCancellation(now) || gate.AnswerIn(now) == gate.No {
		return tools.Call{}, false
	}
	arguments, err := json.Marshal(map[string]string{
		"subject": words.Clip(said[0], maxDraftSubject), "description": words.Clip(strings.Join(said, "\n"), maxDraftText),
	})
	return tools.Call{ID: "call_" + id + "_left", Name: createTicket, Arguments: arguments}, err == nil
}

// saidSince returns what the caller said from the last turn on that begins so, and the id of the
// last of these turns.
func (c *conversation) saidSince(beginning string) (said []string, id string) {
	for _, m := range c.recall.history.messages {
		if m.Role != dialog.User || m.Text == "" {
			continue
		}
		if strings.HasPrefix(strings.Join(strings.Fields(m.Text), " "), words.Clip(beginning, beginningOfIssue)) {
			said = nil
		}
		said, id = append(said, m.Text), m.ID
	}
	return said[max(0, len(said)-maxDraftTurns):], id
}

// unansweredCall returns the last call that waits for consent, if the caller has said nothing
// since. They may have left before they heard the question.
func (c *conversation) unansweredCall() *tools.Call {
	messages := c.recall.history.messages
	for i := len(messages) - 1; i >= 0 && messages[i].Role != dialog.User; i-- {
		if result := messages[i].Result; result != nil && result.Held {
			return findCall(messages[:i], result.CallID)
		}
	}
	return nil
}

// awaitsConsent reports whether the caller's next words may be the consent to a call.
func (c *conversation) awaitsConsent() bool {
	call, turns := c.heldCall()
	return call != nil && turns < 2
}
