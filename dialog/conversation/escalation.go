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
	turns     []outcome // the last ones that count, oldest first
	sentiment float64   // that a model read in an earlier turn since the last reply ended
	offered   []string  // conditions for which a person was offered
}

// outcome is whether a turn was answered.
type outcome struct {
	turn       int
	isAnswered bool
}

const maxOutcomes = 32 // more than Escalation.Misses may be

// misses returns how many turns in a row were not answered.
func (e *escalation) misses() (n int) {
	for i := len(e.turns) - 1; i >= 0 && !e.turns[i].isAnswered; i-- {
		n++
	}
	return n
}

// revise replaces what the rules read of a turn by what a model read.
func (e *escalation) revise(turn int, u dialog.Understanding) {
	for i := range e.turns {
		if e.turns[i].turn == turn {
			e.turns[i].isAnswered = u.Answered
		}
	}
	e.sentiment = min(e.sentiment, u.Sentiment)
}

// read returns a turn with the reply that was written or heard, as it is read.
func (c *conversation) read(t *dialog.Turn, reply string) understanding.Turn {
	read := understanding.Turn{Number: t.Number, Before: c.saidBefore(), Language: c.agent.Language, Caller: t.Caller, Reply: reply, Status: t.Status, Tools: t.Tools}
	for _, m := range c.recall.history.messages {
		if m.Result != nil && !m.Result.Failed && slices.ContainsFunc(t.Tools, func(u dialog.ToolUse) bool { return u.CallID == m.Result.CallID }) {
			read.Outputs = append(read.Outputs, m.Result.Output)
			read.Notes = append(read.Notes, m.Result.Notes...)
		}
	}
	return read
}

// saidBefore returns what the agent had said last when the caller spoke last.
func (c *conversation) saidBefore() string {
	isBefore := false
	for i := len(c.recall.history.messages) - 1; i >= 0; i-- {
		m := c.recall.history.messages[i]
		if isBefore && m.Role == dialog.Assistant && m.Text != "" {
			return m.Text
		}
		isBefore = isBefore || m.Role == dialog.User
	}
	return ""
}

// countMiss counts a finished turn towards an escalation.
func (c *conversation) countMiss(t *dialog.Turn) {
	if t.Status == dialog.Cancelled { // what the reply would have said does not count
		return
	}
	e := &c.handover.escalation
	e.turns = append(e.turns, outcome{t.Number, t.Understanding.Answered})
	e.turns = e.turns[max(0, len(e.turns)-maxOutcomes):]
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
	c.handover.escalation.sentiment = 0
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
	case e.SentimentBelow < 0 && min(understanding.Sentiment(r.turn.Caller), c.handover.escalation.sentiment) < e.SentimentBelow:
		return badSentiment
	case e.Misses > 0:
		misses := c.handover.escalation.misses()
		if !understanding.Read(c.read(&r.turn.Turn, r.turn.Written+r.text.written.String())).Answered || r.hasFailed {
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
