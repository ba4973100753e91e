package conversation

import (
	"strings"

	"frontdesk/dialog"
	"frontdesk/dialog/understanding"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

// turn is a turn that has not ended. It ends with the last of its replies and tools.
type turn struct {
	dialog.Turn
	replies      int // running
	tools        int // running
	awaitsClient bool
	hasFiller    bool // a filler was said
	hasEnded     bool
}

// answer starts a turn with the pending input.
func (c *conversation) answer() {
	c.turns++
	c.recall.facts.StartTurn()
	c.input.choices = choices{}
	timing := c.input.timing
	t := &turn{Turn: dialog.Turn{Number: c.turns, Status: dialog.Completed, EndpointReason: timing.endpointReason}}
	t.Times.Onset, t.Times.SpeechEnd = timing.onset, timing.speechEnd
	t.Times.Endpoint, t.Times.Transcript = timing.endpoint, timing.transcript
	var texts []string
	for i, m := range c.input.pending {
		c.recall.turnStarts[m.ID] = i == 0
		texts = append(texts, m.Text)
		t.Typed = t.Typed || m.Typed
		c.addMessage(m)
	}
	t.Caller = strings.Join(texts, " ")
	c.stopAwaitingClient()
	c.input.pending, c.input.wantsAnswer, c.input.timing = nil, false, speechTiming{}
	c.floor.nextReply, c.clientTools.answeredRequests = "", 0
	isGoodbye := words.IsGoodbye(t.Caller)
	if isGoodbye && c.answerConsentAndEnd(t) {
		return
	}
	if isGoodbye {
		c.discardSpeculation()
		c.say(c.farewell(), t, dialog.Goodbye)
		return
	}
	if !t.Typed && words.IsRequestForTime(t.Caller) {
		c.discardSpeculation()
		c.say(c.texts().takeYourTime, t, "")
		return
	}
	if words.IsCancellation(t.Caller) && !c.awaitsConsent() {
		if text := c.cancelBackground(); text != "" {
			c.discardSpeculation()
			c.say(text, t, "")
			return
		}
	}
	r := c.newReply(t)
	if r.calls.consent.call, r.calls.consent.approval = c.consentTo(t.Caller); r.calls.consent.call != nil {
		c.discardSpeculation()
	}
	c.commitSpeculation(r)
	c.save(nil, nil)
	c.startFillerTimer(t)
	c.startReply(r, true)
}

// answerConsentAndEnd runs the call to which the caller agrees while they say goodbye, as in "yes
// please, thanks, bye", and ends the call with the reply to it. It reports whether there is one.
func (c *conversation) answerConsentAndEnd(t *turn) bool {
	call, approval := c.consentTo(words.WithoutFarewell(t.Caller))
	if call == nil {
		return false
	}
	c.discardSpeculation()
	r := c.newReply(t)
	r.calls.consent.call, r.calls.consent.approval = call, approval
	r.ending = dialog.Goodbye
	c.save(nil, nil)
	c.startReply(r, true)
	return true
}

func (c *conversation) farewell() string {
	if c.agent.Farewell != "" {
		return c.agent.Farewell
	}
	return c.texts().farewell
}

// greet starts the conversation: it continues a reply that an earlier line did not finish,
// greets a new caller, or waits for one who returns.
func (c *conversation) greet() {
	c.resumeBackground()
	if c.resumeReply() {
		return
	}
	greeting := c.agent.Greeting
	if c.o.Greeting != "" {
		greeting = c.o.Greeting
	}
	if len(c.o.History) > 0 || strings.TrimSpace(greeting) == "" {
		c.proceed()
		return
	}
	if c.o.Greeting == "" {
		c.offerChoices()
	}
	c.sayHowToBeHeard()
	c.say(greeting, nil, "")
}

// sayHowToBeHeard tells a new caller, after the greeting, that the agent has no recognizer
// and what to do instead of speaking.
func (c *conversation) sayHowToBeHeard() {
	if c.line.Source == nil || c.audio.canHear {
		return
	}
	text := c.texts().notices.cannotHear
	if c.line.HasKeypad {
		text = c.texts().notices.pressKeys
	}
	c.raiseNotice(cannotHear, text, nil)
	c.floor.nextReply = text
}

// endTurn records t once its replies and tools have ended.
func (c *conversation) endTurn(t *turn) {
	if t.hasEnded || t.replies > 0 || t.tools > 0 || t.awaitsClient {
		return
	}
	t.hasEnded = true
	t.Reply, t.Written = strings.TrimSpace(t.Reply), strings.TrimSpace(t.Written)
	read := c.read(&t.Turn, t.Reply)
	byRules := understanding.Read(read)
	t.Understanding = &byRules
	c.countMiss(&t.Turn)
	finished := t.Turn
	c.emit(dialog.Event{Kind: dialog.TurnEnded, Turn: t.Number, Finished: &finished})
	o, changed := understanding.Follow(c.recall.overview, read, byRules)
	c.setOverview(t.Number, o, changed)
	c.save(&finished, nil)
	c.startReading(finishedTurn{read, byRules})
	c.summarizeHistory()
}

// fail marks t as failed.
func (t *turn) fail(err error) {
	t.Status, t.Error = dialog.Failed, string(fault.From(err).Code)
}
