package conversation

import (
	"context"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
	"frontdesk/media"
	"frontdesk/tools"
)

const (
	maxReply    = 1200 // bytes of one reply; a longer one is cut after its clause
	scriptQueue = 64   // clauses the writer may be ahead of the mouth; then it waits
)

// reply is one thing the agent says, from the first prompt to the last audio. The owner
// goroutine owns it, except for writer, which sayReply owns.
type reply struct {
	id, item string
	turn     *turn               // nil for a greeting, a prompt after silence or a notice
	given    string              // text that is said before the model is asked
	guess    *guess              // what was prepared for it, or nil
	resumes  *dialog.ResumeState // the reply of an earlier line that it continues, or nil
	ctx      context.Context     // ends when the reply is cut
	cancel   context.CancelFunc
	writer   writer
	speaking sync.WaitGroup // the mouth
	mouth    dialog.Mouth
	said     string // what the caller heard; set when the mouth has finished
	calls    toolCalls
	text     replyText
	ending   dialog.Outcome // how the conversation ends once the caller heard the reply; "" goes on
	usage    dialog.Usage
	cut      cut

	isAudible bool // the caller hears it
	hasAudio  bool // as audio
	hasFailed bool // the model failed
}

// writer is how sayReply hands text to the mouth.
type writer struct {
	script     *script
	hasText    bool        // something was written
	repetition *repetition // removes what the model repeats of an earlier reply; may be nil
	grounded   grounded
}

// replyText is the text of a reply.
type replyText struct {
	written    strings.Builder
	isComplete bool              // nothing follows what is written
	heard      string            // what the caller has heard so far
	filler     string            // said while there were no words, or ""
	drafts     map[string]string // text written beside tool calls, by message id
}

// cut is how a reply was interrupted.
type cut struct {
	done     bool
	byCaller bool   // the caller interrupted, not the end of the line
	reason   string // which speech interrupted, or ""
}

// newReply starts a reply of turn t, which may be nil. startReply must follow.
func (c *conversation) newReply(t *turn) *reply { return c.newReplyBy(t, c.audio.mouth) }

// newReplyBy is newReply with a mouth that says it.
func (c *conversation) newReplyBy(t *turn, m dialog.Mouth) *reply {
	r := &reply{
		id: c.o.NewID("resp_"), item: c.o.NewID("item_"),
		turn:   t,
		mouth:  m,
		writer: writer{script: &script{clauses: make(chan string, scriptQueue), left: maxReply}},
		text:   replyText{drafts: make(map[string]string)},
	}
	r.ctx, r.cancel = context.WithCancel(c.tasks.ctx)
	if t != nil {
		t.replies++
	} else {
		c.discardSpeculation()
	}
	c.reply = r
	c.input.silence.timeout.Stop()
	c.emit(dialog.Event{Kind: dialog.ReplyStarted, Turn: c.turns, Response: r.id, Item: r.item})
	r.speaking.Go(func() { r.said = c.speak(r) })
	return r
}

// startReply says r. If asksModel is set, the model writes r, or what follows r.given.
func (c *conversation) startReply(r *reply, asksModel bool) {
	var first *dialog.Prompt
	if asksModel {
		p := c.prompt(r, 1)
		first = &p
	}
	c.spawn(func() { c.sayReply(r, first) })
}

// say starts a reply of given text.
func (c *conversation) say(text string, t *turn, ending dialog.Outcome) {
	r := c.newReply(t)
	r.given, r.ending = text, ending
	c.startReply(r, false)
}

// sayReply says a reply: it asks the model, hands the clauses to the mouth while the model
// writes, runs the tools that the model calls, and asks again until the model has
// finished. p is the first prompt, nil for a reply of given text alone. It runs on a
// goroutine of its own, changes the conversation only by do and post, and its return is
// the end of the reply.
func (c *conversation) sayReply(r *reply, p *dialog.Prompt) {
	if r.given != "" {
		c.writeText(r, r.given)
	}
	if r.resumes != nil && r.resumes.Text != "" {
		r.writer.repetition = newRepetition(r.resumes)
	}
	if r.calls.consent.call != nil {
		c.callTools(r, answer{calls: []tools.Call{*r.calls.consent.call}})
		c.do(func() { *p = c.prompt(r, 1) })
	}
	fallback := "" // said if the model wrote nothing at all
	if r.calls.endsCall {
		fallback, p = c.farewell(), nil
	}
writing:
	for step := 1; p != nil && r.ctx.Err() == nil; step++ {
		a := c.askModel(r, *p)
		c.post(func() { c.modelAnswered(r, a) })
		if len(a.calls) == 0 || step > maxSteps {
			c.writeHeld(r)
		}
		switch {
		case r.ctx.Err() != nil:
			break writing
		case a.err != nil:
			c.apologize(r, a.err)
			break writing
		case len(a.calls) == 0 || step > maxSteps:
			c.do(func() { fallback = c.wordless(r) })
			break writing
		}
		c.callTools(r, a)
		c.writeHeld(r)
		switch {
		case r.calls.endsCall:
			fallback = c.farewell()
			break writing
		case r.calls.consent.question != "":
			c.writeText(r, r.calls.consent.question)
			break writing
		case r.calls.asksClient: // the client's results start the turn's next reply
			break writing
		}
		c.do(func() { *p = c.prompt(r, step+1) })
	}
	if !c.agent.Handover.Escalation.IsZero() {
		if fallback != "" && !r.writer.hasText && r.ctx.Err() == nil {
			c.writeText(r, fallback)
		}
		c.escalate(r)
	}
	c.finishWriting(r, fallback)
	r.speaking.Wait()
	c.post(func() { c.replyEnded(r, r.said) })
}

// finishWriting closes the script. If the reply was not cut and nothing was written, it
// writes fallback first.
func (c *conversation) finishWriting(r *reply, fallback string) {
	if fallback != "" && !r.writer.hasText && r.ctx.Err() == nil {
		c.writeText(r, fallback)
	}
	isWhole := r.ctx.Err() == nil
	c.post(func() { r.text.isComplete = isWhole && !r.cut.done })
	r.writer.script.close()
}

// writeText writes a whole text.
func (c *conversation) writeText(r *reply, text string) {
	var cutter mouth.Cutter
	for clause := range cutter.Add(text) {
		c.write(r, clause)
	}
	c.write(r, cutter.Flush())
}

// write hands a clause to the mouth and reports whether more may be written.
func (c *conversation) write(r *reply, clause string) bool {
	clause = plain(clause)
	if r.writer.repetition != nil {
		clause = r.writer.repetition.remove(clause)
	}
	if strings.TrimSpace(clause) == "" {
		return r.writer.script.left > 0
	}
	r.writer.hasText = true
	clause, more := r.writer.script.fit(clause)
	at := time.Now()
	c.post(func() { c.clauseWritten(r, clause, at) })
	select {
	case r.writer.script.clauses <- clause:
		return more
	case <-r.ctx.Done():
		return false
	}
}

func (c *conversation) clauseWritten(r *reply, clause string, at time.Time) {
	if r.cut.done {
		return
	}
	if r.turn != nil && r.turn.Times.FirstClause.IsZero() {
		r.turn.Times.FirstClause = at
	}
	r.text.written.WriteString(clause)
	c.saveResumeState()
	c.emit(dialog.Event{Kind: dialog.ReplyText, Turn: c.turns, Response: r.id, Item: r.item, Text: clause})
}

// speak says the script and returns what the caller heard of it. If the voice fails, the
// rest is shown as text.
func (c *conversation) speak(r *reply) string {
	progress := func(piece string) { c.post(func() { c.pieceHeard(r, piece) }) }
	heard, err := r.mouth.Say(r.ctx, r.writer.script.read(r.ctx, c.floor.start.wait), progress)
	switch {
	case r.ctx.Err() != nil:
	case err != nil:
		c.post(func() { c.raiseNotice("voice_lost", c.texts().notices.voiceLost, err) })
		rest, _ := mouth.Text{}.Say(r.ctx, r.writer.script.rest(r.ctx, heard), progress)
		heard += rest
	default:
		c.post(func() { c.clearNotice("voice_lost") })
	}
	return heard
}

// pieceHeard notes that the caller has heard the next piece of r.
func (c *conversation) pieceHeard(r *reply, piece string) {
	r.isAudible = true
	before := mouth.SentenceStart(r.text.written.String(), len(r.text.heard))
	r.text.heard += piece
	if mouth.SentenceStart(r.text.written.String(), len(r.text.heard)) > before {
		c.saveResumeState()
		defer c.drain(true)
	}
	c.emit(dialog.Event{Kind: dialog.ReplyHeard, Turn: c.turns, Response: r.id, Item: r.item, Text: piece})
}

// audioStarted is called by the voice when the first audio of a reply leaves.
func (c *conversation) audioStarted() {
	at := time.Now()
	c.post(func() {
		r := c.reply
		if r == nil || r.hasAudio {
			return
		}
		r.isAudible, r.hasAudio = true, true
		if r.turn != nil && r.turn.Times.FirstAudio.IsZero() {
			r.turn.Times.FirstAudio = at
		}
		c.emit(dialog.Event{Kind: dialog.SpeakingStarted, At: at, Turn: c.turns, Response: r.id})
		if c.floor.callerSpeaks() {
			c.holdAudio()
		}
	})
}

// cutReply interrupts the current reply. It ends when the mouth has said what was heard.
func (c *conversation) cutReply() {
	r := c.reply
	r.cut.byCaller = r.cut.byCaller || c.outcome == ""
	if !r.cut.done {
		r.cut.done = true
		r.cancel()
	}
}

// cutReplyFor interrupts the current reply for speech of the caller.
func (c *conversation) cutReplyFor(reason string) {
	if c.reply.cut.reason == "" {
		c.reply.cut.reason = reason
	}
	c.cutReply()
}

// replyEnded records what the caller heard of r and decides what is next.
func (c *conversation) replyEnded(r *reply, heard string) {
	now := time.Now()
	isComplete := r.text.isComplete && len(heard) == r.text.written.Len()
	if c.outcome != "" && !isComplete && !r.cut.byCaller {
		c.resume.state = r.resumeState(heard)
	}
	r.cut.done = r.cut.done || !isComplete // the conversation has ended
	r.cancel()
	c.reply = nil
	c.setLevel(media.Full)
	c.floor.overlapTimeout.Stop()
	c.filler.Stop()
	heard = strings.TrimSpace(heard)
	if r.hasAudio {
		c.emit(dialog.Event{Kind: dialog.SpeakingStopped, At: now, Turn: c.turns, Response: r.id, Interrupted: !isComplete})
	}
	if heard != "" {
		c.addHeard(r, heard, isComplete)
	}
	status := r.status(isComplete)
	c.emit(dialog.Event{Kind: dialog.ReplyEnded, At: now, Turn: c.turns, Response: r.id, Item: r.item, Status: status,
		Text: heard, Interrupted: !isComplete, Usage: r.usageOrNil()})
	c.addToTurn(r, heard, status, now)
	c.acceptAffirmation(heard)
	c.keepLate(r, heard)
	if r.ending != "" && isComplete {
		c.end(r.ending, nil)
	}
	c.proceed()
}

// addHeard adds what the caller heard of r to the history.
func (c *conversation) addHeard(r *reply, heard string, isComplete bool) {
	m := dialog.Message{ID: r.item, Role: dialog.Assistant, Text: heard, Interrupted: !isComplete}
	if r.calls.asksClient { // the results that the client will send must come last
		c.recall.history.addBefore(m, r.calls.firstMessage)
	} else {
		c.recall.history.add(m)
	}
	c.journal.add(m)
	c.audio.setLastReply(heard)
}

// addToTurn adds an ended reply to its turn.
func (c *conversation) addToTurn(r *reply, heard string, status dialog.Status, at time.Time) {
	t := r.turn
	if t == nil {
		c.save(nil, nil)
		return
	}
	t.replies--
	t.Reply += heard + " "
	t.Written += r.text.written.String() + " "
	t.Times.Heard = at
	if t.Status == dialog.Completed {
		t.Status = status
	}
	t.Interrupted = t.Interrupted || status == dialog.Cancelled
	if status == dialog.Cancelled {
		t.InterruptedBy = r.cut.reason
	}
	if r.calls.asksClient {
		c.awaitClient(t, status)
	}
	c.endTurn(t)
}

func (r *reply) status(isComplete bool) dialog.Status {
	switch {
	case r.hasFailed:
		return dialog.Failed
	case !isComplete:
		return dialog.Cancelled
	}
	return dialog.Completed
}

func (r *reply) usageOrNil() *dialog.Usage {
	if r.usage == (dialog.Usage{}) {
		return nil
	}
	return &r.usage
}

// isSpace reports whether a byte of UTF-8 text is white space. unicode.IsSpace would take the
// last byte of an "à" for a no-break space.
func isSpace(b byte) bool { return strings.IndexByte(" \n\t\r", b) >= 0 }
