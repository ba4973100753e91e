package conversation

import (
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/words"
)

// activity is what occupies the conversation.
type activity int

const (
	isOver        activity = iota // the conversation has ended
	isHandingOver                 // the caller is being connected with a person
	isReplying                    // a reply is being written or said
	awaitsClient                  // the client still has to answer its own tools
	isIdle                        // none of these
)

// activity says what occupies the conversation now. This file decides from it whether the
// agent may answer, speculate, hand over, wait for the caller or end a draining conversation.
func (c *conversation) activity() activity {
	switch {
	case c.reply != nil:
		return isReplying
	case c.outcome != "":
		return isOver
	case c.handover.isActive:
		return isHandingOver
	case c.clientTools.awaited != nil:
		return awaitsClient
	}
	return isIdle
}

// proceed does what is next once nothing is being said: it answers the caller, hands over,
// continues with the client's tool results, or waits for the caller.
func (c *conversation) proceed() {
	hasQuestion := c.input.wantsAnswer && len(c.input.pending) > 0
	switch now := c.activity(); {
	case now == isReplying || now == isHandingOver:
	case now == isOver:
		c.recordUnanswered()
	case c.handover.request != nil && !hasQuestion:
		c.startHandover()
	case hasQuestion:
		c.answer()
	case now == awaitsClient:
		c.continueAfterClientTools()
	case c.sayNextChoice():
	case c.floor.nextReply != "":
		text := c.floor.nextReply
		c.floor.nextReply = ""
		c.say(text, nil, "")
	case c.floor.noiseReply != "":
		text := c.floor.noiseReply
		c.floor.noiseReply = ""
		c.say(text, nil, "")
	case c.tellLateResults():
	default:
		c.startSilenceTimeout()
		c.drain(false)
	}
}

// respond handles a client's request for a reply: to the pending input, to the results of
// its tools, or to nothing new.
func (c *conversation) respond() {
	hasPending := len(c.input.pending) > 0
	switch now := c.activity(); {
	case c.handover.isActive:
		c.input.wantsAnswer = hasPending
	case hasPending && now == isReplying:
		c.input.wantsAnswer = true
		c.cutReply()
	case hasPending:
		c.input.wantsAnswer = true
		c.proceed()
	case c.clientTools.awaited != nil:
		c.clientTools.awaited.requests++
		c.continueAfterClientTools()
	case now == isReplying: // it is being answered
	case c.clientTools.answeredRequests > 0:
		c.clientTools.answeredRequests--
	default:
		c.answer()
	}
}

// continueAfterClientTools continues the turn once the client has sent all results and
// asked for a reply.
func (c *conversation) continueAfterClientTools() {
	a := c.clientTools.awaited
	if c.activity() == isReplying || a == nil || len(a.calls) > 0 {
		return
	}
	if a.requests == 0 {
		a.timeout.set(replyRequestWait)
		return
	}
	c.answerClientTools()
}

// maySpeculate reports whether a reply to what the caller has said so far may be prepared.
func (c *conversation) maySpeculate(u *utterance, h dialog.Heard) bool {
	limit := c.agent.Speculation.MaxTokens
	if limit == 0 {
		limit = defaultSpeculationTokens
	}
	discarded := c.speculation.discarded
	return c.activity() == isIdle &&
		!c.agent.Speculation.Disabled && discarded.Input+discarded.Output < limit &&
		u.guessesAtPauses < maxGuessesAtPauses && (!h.StillSpeaking || u.guessesInSpeech < maxGuessesInSpeech) &&
		len(c.floor.utterances) == 1 && len(c.input.pending) == 0 && !words.IsGoodbye(h.Text) && !c.awaitsConsent()
}

// startSilenceTimeout waits for the caller, if it is the caller's turn to speak.
func (c *conversation) startSilenceTimeout() {
	timeout := c.input.silence.timeout
	timeout.Stop()
	if c.activity() != isIdle || len(c.floor.utterances) > 0 || len(c.input.dtmf.digits) > 0 {
		return
	}
	wait := defaultSilence
	switch {
	case c.notices.active["hearing_lost"], c.notices.active[cannotHear]:
		wait = silenceWithoutHearing
	case !c.audio.canHear:
		wait = silenceOnTextLine
	case c.tasks.background.isAwaited():
		wait = silenceInBackground
	case c.agent.Silence.Wait > 0:
		wait = c.agent.Silence.Wait
	}
	timeout.set(wait)
}

// drain ends a draining conversation, unless the caller is speaking, a tool is running or
// a sentence is being said.
func (c *conversation) drain(isBetweenSentences bool) {
	if !c.resume.isDraining || c.outcome != "" || len(c.floor.utterances) > 0 || c.clientTools.awaited != nil {
		return
	}
	if r := c.reply; r != nil && (!isBetweenSentences || r.calls.running > 0) {
		return
	}
	c.end(dialog.Drained, nil)
}

// sayFiller says a filler if the current reply has no words yet. A turn has at most one.
func (c *conversation) sayFiller() {
	r := c.reply
	if r == nil || r.turn == nil || r.turn.hasFiller || r.cut.done || r.text.isComplete {
		return
	}
	if len(c.floor.utterances) > 0 { // the caller has the floor
		c.filler.set(fillerRetry)
		return
	}
	text := c.fillerText(r.turn.Number)
	if text == "" || !r.writer.script.writeFirst(text) {
		return
	}
	r.turn.hasFiller, r.text.filler = true, text
	r.text.written.WriteString(text)
	c.emit(dialog.Event{Kind: dialog.ReplyText, At: time.Now(), Turn: c.turns, Response: r.id, Item: r.item, Text: text})
}
