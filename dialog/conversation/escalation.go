package conversation

import (
	"encoding/json"
	"slices"
	"strings"

	"frontdesk/dialog"
	"frontdesk/dialog/understanding"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

const handOver = "hand_over"

// Conditions of an escalation, as labels of events and metrics.
const (
	saidWord     = "words"
	badSentiment = "sentiment"
	manyMisses   = "misses"
)

// escalation is when a person was offered, and what counts towards the next offer.
type escalation struct {
	misses  int      // turns in a row that were not answered
	offered []string // conditions for which a person was offered
}

// understand reads a turn with the reply that was written or heard.
func (c *conversation) understand(t *dialog.Turn, reply string) dialog.Understanding {
	read := understanding.Turn{Language: c.agent.Language, Caller: t.Caller, Reply: reply, Status: t.Status, Tools: t.Tools}
	for _, m := range c.recall.history.messages {
		if m.Result != nil && !m.Result.Failed && slices.ContainsFunc(t.Tools, func(u dialog.ToolUse) bool { return u.CallID == m.Result.CallID }) {
			read.Outputs = append(read.Outputs, m.Result.Output)
		}
	}
	return understanding.Read(read)
}

// countMiss counts a finished turn towards an escalation.
func (c *conversation) countMiss(t *dialog.Turn) {
	switch {
	case t.Status == dialog.Cancelled: // what the reply would have said does not count
	case t.Understanding.Answered:
		c.handover.escalation.misses = 0
	default:
		c.handover.escalation.misses++
	}
}

// escalate offers a person at the end of a reply, if the agent's rules say so. It is called
// when the model has written the reply, so the caller waits for nothing.
func (c *conversation) escalate(r *reply) {
	question := ""
	c.do(func() { question = c.offerPerson(r) })
	if question != "" {
		c.writeText(r, " "+question)
	}
}

// offerPerson holds a call of hand_over until the caller agrees, and returns the question to
// the caller, or "" if no condition is met that has not been met before.
func (c *conversation) offerPerson(r *reply) (question string) {
	if r.turn == nil || r.cut.done || r.ending != "" || r.calls.asksClient || r.calls.endsCall {
		return ""
	}
	condition := c.condition(r)
	if condition == "" || slices.Contains(c.handover.escalation.offered, condition) {
		return ""
	}
	call := tools.Call{Name: handOver}
	call.Arguments, _ = json.Marshal(map[string]string{"reason": words.Clip(c.texts().escalated+" "+r.turn.Caller, maxReason)})
	call, err := c.check(call)
	if err != nil { // the agent has no such tool
		return ""
	}
	c.handover.escalation.offered = append(c.handover.escalation.offered, condition)
	if r.calls.consent.question != "" || r.calls.consent.call != nil || c.calledInTurn(handOver) {
		return "" // the caller is with a person, or is being asked already
	}
	calls := []tools.Call{call}
	c.addCalls(r, calls, "")
	delete(r.calls.undecided, calls[0].ID)
	c.hold(r, calls[0], condition)
	return r.calls.consent.question
}

const maxReason = 150 // bytes of why a person is needed

// condition returns the condition of the agent's rules that r meets, or "".
func (c *conversation) condition(r *reply) string {
	e := c.agent.Handover.Escalation
	said := " " + strings.Join(words.Split(words.Fold(r.turn.Caller)), " ") + " "
	isNamed := func(w string) bool {
		return strings.Contains(said, " "+strings.Join(words.Split(words.Fold(w)), " ")+" ")
	}
	switch {
	case slices.ContainsFunc(e.Words, isNamed):
		return saidWord
	case e.SentimentBelow < 0 && understanding.Sentiment(r.turn.Caller) < e.SentimentBelow:
		return badSentiment
	case e.Misses > 0:
		misses := c.handover.escalation.misses
		if !c.understand(&r.turn.Turn, r.turn.Written+r.text.written.String()).Answered || r.hasFailed {
			misses++
		}
		if misses >= e.Misses {
			return manyMisses
		}
	}
	return ""
}

// calledInTurn reports whether a tool was called since the caller spoke last.
func (c *conversation) calledInTurn(name string) bool {
	messages := c.recall.history.messages
	for i := len(messages) - 1; i >= 0 && messages[i].Role != dialog.User; i-- {
		if slices.ContainsFunc(messages[i].Calls, func(call tools.Call) bool { return call.Name == name }) {
			return true
		}
	}
	return false
}

// offeredBefore returns the conditions of which an earlier line of the session took care. It
// cannot tell them apart, so it takes an earlier hand-over for all of them.
func offeredBefore(history []dialog.Message) []string {
	for _, m := range history {
		if slices.ContainsFunc(m.Calls, func(call tools.Call) bool { return call.Name == handOver }) {
			return []string{saidWord, badSentiment, manyMisses}
		}
	}
	return nil
}
