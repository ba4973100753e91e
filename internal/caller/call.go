package caller

import (
	"context"
	"errors"
	"io"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	pollInterval    = 10 * time.Millisecond  // between checks of microphone and speaker
	sessionTimeout  = 10 * time.Second       // for the session's first event
	greetingWait    = 3 * time.Second        // for a greeting to begin, in a new session
	greetingTimeout = time.Minute            // for it to end
	replyTimeout    = 90 * time.Second       // for a turn's reply to end
	noReplyWait     = 4 * time.Second        // without any sign that a turn will be answered
	replySilence    = 500 * time.Millisecond // that ends a reply
	recordWait      = 200 * time.Millisecond // after the last event, for the server's record of a turn
)

// errTimeout says that what was waited for did not happen.
var errTimeout = errors.New("timeout")

// call is a call in progress. One goroutine owns it.
type call struct {
	line       *line
	options    Options
	utterances []utterance
	report     *report
	transcript
	session, token string
	hasEnded       bool   // the line has ended
	endReason      string // as the server reported it
	interrupted    *turn  // the turn that was interrupted, until it is reported
	unanswered     int    // reported turns without a reply
}

func newCall(l *line, o Options, utterances []utterance, w io.Writer) *call {
	return &call{line: l, options: o, utterances: utterances, report: &report{w: w, json: o.JSON}, transcript: newTranscript()}
}

// run holds the whole conversation. The error says what ended it early, or how many
// turns got no reply.
func (c *call) run(ctx context.Context) error {
	if !c.line.isTelephone {
		if err := c.waitFor(ctx, sessionTimeout, func(time.Time) bool { return c.session != "" }); err != nil {
			return explainTimeout(err, "the server does not begin the session")
		}
		c.report.session(c.session, c.token)
	}
	if err := c.awaitGreeting(ctx); err != nil {
		return err
	}
	for i := range c.utterances {
		isInterrupted, err := c.holdTurn(ctx, i)
		c.reportInterrupted()
		if isInterrupted {
			c.interrupted = c.current
		} else {
			c.reportTurn(c.current)
		}
		if err != nil {
			return err
		}
	}
	if c.unanswered > 0 {
		return fault.New(fault.Timeout, "%d of %d turns got no reply", c.unanswered, len(c.utterances))
	}
	return nil
}

func (c *call) reportTurn(t *turn) {
	if !c.report.turn(t, c.measure(t)) {
		c.unanswered++
	}
}

// reportInterrupted reports the interrupted turn, if it was not yet.
func (c *call) reportInterrupted() {
	if c.interrupted != nil {
		c.reportTurn(c.interrupted)
		c.interrupted = nil
	}
}

// awaitGreeting waits until the agent has greeted, or evidently does not greet.
func (c *call) awaitGreeting(ctx context.Context) error {
	wait := greetingWait
	if c.options.Resume != "" { // a resumed session has no greeting
		wait = replySilence
	}
	start := time.Now()
	err := c.waitFor(ctx, greetingTimeout, func(now time.Time) bool {
		if len(c.current.replies) == 0 && !c.hasTelephoneAudio(start) {
			return now.Sub(start) >= wait
		}
		return c.isSettled(c.current) && c.isQuiet(now)
	})
	if err != nil {
		return explainTimeout(err, "the greeting does not end")
	}
	if text := c.current.reply(); text != "" {
		c.report.greeting(text)
	}
	return nil
}

// holdTurn says utterance i and waits for the end of the reply, or for the moment to
// interrupt it. A turn without a reply is not an error, but the end of the line is.
func (c *call) holdTurn(ctx context.Context, i int) (isInterrupted bool, err error) {
	t := c.begin(i+1, c.utterances[i])
	if err := c.say(t); err != nil {
		return false, err
	}
	mayInterrupt := c.options.BargeIn != nil && i+1 < len(c.utterances) && c.line.audio != nil
	timeout := replyTimeout + duration(len(t.pcm), media.MouthRate)
	err = c.waitFor(ctx, timeout, func(now time.Time) bool {
		c.updateProgress(t)
		if c.interrupted != nil && c.isSettled(c.interrupted) && c.isQuiet(now) {
			c.reportInterrupted()
		}
		if c.isOver(t, now) {
			return true
		}
		isInterrupted = mayInterrupt && c.isTimeToInterrupt(t, now)
		return isInterrupted
	})
	if errors.Is(err, errTimeout) {
		err = nil
	}
	return isInterrupted, err
}

// say starts to send a turn. Audio continues in the background; a text is sent at once.
func (c *call) say(t *turn) error {
	if !t.isTyped {
		c.line.audio.microphone.say(t.pcm, t.speechLen)
		return nil
	}
	t.speechEnd = time.Now()
	if c.line.isTelephone {
		t.awaitsReply = false
		return c.line.sendDTMF(t.said)
	}
	err := c.line.sendEvent(map[string]any{"type": "conversation.item.create", "item": map[string]any{
		"id": t.item, "type": "message", "role": "user",
		"content": []any{map[string]any{"type": "input_text", "text": t.said}},
	}})
	if err != nil {
		return err
	}
	return c.line.sendEvent(map[string]any{"type": "response.create"})
}

// updateProgress notes when the turn's last word was spoken.
func (c *call) updateProgress(t *turn) {
	if !t.isTyped {
		t.speechEnd, t.isSent = c.line.audio.microphone.progress()
	}
}

// isOver reports whether the reply to t has ended, or will not come.
func (c *call) isOver(t *turn, now time.Time) bool {
	switch {
	case !t.isSent || !c.isSettled(t) || !c.isQuiet(now):
		return false
	case c.hasTelephoneAudio(t.speechEnd):
		return true
	case t.hasReply():
		return t.isTyped || t.record != nil || now.Sub(c.lastEvent) >= recordWait
	default:
		return c.hasEnded || now.Sub(later(t.speechEnd, c.lastEvent)) >= noReplyWait
	}
}

// hasTelephoneAudio reports whether a reply could be heard on a telephone since then. A
// telephone has no events, so only audio tells of a reply.
func (c *call) hasTelephoneAudio(since time.Time) bool {
	return c.line.isTelephone && c.line.audio.speaker.between(since, time.Time{}).audible >= minReplyAudio
}

func (c *call) isTimeToInterrupt(t *turn, now time.Time) bool {
	if !t.isSent {
		return false
	}
	first := c.line.audio.speaker.between(t.speechEnd, time.Time{}).first
	return !first.IsZero() && now.Sub(first) >= *c.options.BargeIn
}

// isQuiet reports whether the agent has been silent for long enough to end a reply. A
// text-only line, or one that has ended, is always quiet.
func (c *call) isQuiet(now time.Time) bool {
	silence := replySilence
	if c.line.isTelephone {
		silence = telephoneSilence
	}
	return c.hasEnded || c.line.audio == nil || now.Sub(c.line.audio.speaker.quietSince()) >= silence
}

// waitFor handles the server's events until isDone, or for at most timeout.
func (c *call) waitFor(ctx context.Context, timeout time.Duration, isDone func(now time.Time) bool) error {
	expired := time.NewTimer(timeout)
	defer expired.Stop()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for !isDone(time.Now()) {
		if c.hasEnded {
			return c.endError()
		}
		select {
		case e := <-c.line.events:
			c.handle(e)
		case <-poll.C:
		case <-c.line.ended:
			c.drain()
		case <-expired.C:
			return errTimeout
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Unavailable, "the call was interrupted")
		}
	}
	return nil
}

// drain handles the events that arrived before the line ended.
func (c *call) drain() {
	c.hasEnded = true
	for {
		select {
		case e := <-c.line.events:
			c.handle(e)
		default:
			return
		}
	}
}

func (c *call) endError() error {
	switch {
	case c.endReason != "":
		return fault.New(fault.Unavailable, "the server ended the call: %s", c.endReason)
	case c.lastError != nil:
		return c.lastError
	default:
		return fault.New(fault.Unavailable, "the connection to the server was lost")
	}
}

// explainTimeout gives errTimeout a message; it returns other errors unchanged.
func explainTimeout(err error, message string) error {
	if errors.Is(err, errTimeout) {
		return fault.Wrap(err, fault.Timeout, "%s", message)
	}
	return err
}

// handle applies a server event.
func (c *call) handle(e event) {
	switch e.Type {
	case "frontdesk.session":
		c.session, c.token = e.sessionID(), e.ResumeToken
	case "frontdesk.ended":
		if c.endReason = e.Reason; c.endReason == "" {
			c.endReason = e.Result
		}
	case "frontdesk.notice":
		c.report.notice(e.Message, e.Code)
	case "error":
		c.lastError = fault.New(fault.Code(e.Error.Code), "%s", e.Error.Message)
		c.report.notice(e.Error.Message, e.Error.Code)
	default:
		c.add(e)
	}
}

// measurement is what the caller heard of a reply.
type measurement struct {
	audible time.Duration
	delay   *time.Duration // from the caller's last word to the first audio; nil if one of them is missing
}

// measure measures the audio of the reply to t.
func (c *call) measure(t *turn) measurement {
	m := measurement{}
	if c.line.audio == nil {
		return m
	}
	speaker := c.line.audio.speaker
	m.audible = speaker.between(t.start, t.end).audible
	if t.isTyped || t.speechEnd.IsZero() {
		return m
	}
	reply := speaker.between(t.speechEnd, t.end)
	if reply.first.IsZero() { // it began before the caller had finished, if at all
		reply = speaker.lastBetween(t.start, t.end)
	}
	if !reply.first.IsZero() {
		delay := reply.first.Sub(t.speechEnd)
		m.delay = &delay
	}
	return m
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
