package caller

import (
	"context"
	"errors"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	tick          = 10 * time.Millisecond // between looks at what was audible
	sessionWait   = 10 * time.Second      // for the session's first event
	greetingWait  = 3 * time.Second       // for a greeting to begin, in a new session
	greetingLimit = time.Minute           // for it to end
	replyLimit    = 90 * time.Second      // for a turn's reply to end
	patience      = 4 * time.Second       // without any sign that a turn will be answered
	silence       = 500 * time.Millisecond
)

// errLate says that what was waited for did not happen.
var errLate = errors.New("no reply in time")

// run is a call under way. One goroutine owns it.
type run struct {
	line  *line
	o     options
	turns []utterance
	out   *report
	book
	session, token string
	over           bool   // the line has ended
	ending         string // what the server said of it
}

func newRun(l *line, o options, turns []utterance, out *report) *run {
	return &run{line: l, o: o, turns: turns, out: out, book: newBook()}
}

// run has the whole conversation. The error says what ended it early, or how many
// turns were not answered.
func (r *run) run(ctx context.Context) error {
	if !r.line.telephone {
		if err := r.until(ctx, sessionWait, func(time.Time) bool { return r.session != "" }); err != nil {
			return r.failure(err, "the server does not begin the session")
		}
		r.out.session(r.session, r.token)
	}
	if err := r.greeting(ctx); err != nil {
		return err
	}
	unanswered := 0
	tell := func(t *turn) {
		if !r.out.turn(t, r.heardOf(t)) {
			unanswered++
		}
	}
	for i := range r.turns {
		before := r.now
		err := r.hold(ctx, i)
		if before.number > 0 {
			tell(before)
		}
		if err != nil {
			tell(r.now)
			return err
		}
	}
	tell(r.now)
	if unanswered > 0 {
		return fault.New(fault.Timeout, "%d of %d turns got no reply", unanswered, len(r.turns))
	}
	return nil
}

// greeting waits until the agent has greeted, or is not going to.
func (r *run) greeting(ctx context.Context) error {
	wait := greetingWait
	if r.o.resume != "" { // a session that goes on is not greeted again
		wait = silence
	}
	began := time.Now()
	err := r.until(ctx, greetingLimit, func(now time.Time) bool {
		if len(r.now.replies) == 0 && !r.heardSince(began) {
			return now.Sub(began) >= wait
		}
		return r.settled(r.now) && r.quiet(now)
	})
	if err != nil {
		return r.failure(err, "the greeting does not end")
	}
	if text := r.now.reply(); text != "" {
		r.out.greeting(text)
	}
	return nil
}

// hold has turn i: it says it and waits for the end of the reply, or for the moment to
// interrupt it. A turn without a reply is no error, but the end of the line is.
func (r *run) hold(ctx context.Context, i int) error {
	t := r.begin(i+1, r.turns[i])
	if err := r.say(t); err != nil {
		return err
	}
	interrupts := r.o.barge >= 0 && i+1 < len(r.turns) && r.line.phone != nil
	limit := replyLimit + samples(len(t.pcm), media.MouthRate)
	err := r.until(ctx, limit, func(now time.Time) bool {
		r.listen(t)
		return r.answered(t, now) || (interrupts && r.interruptible(t, now))
	})
	if errors.Is(err, errLate) {
		return nil
	}
	return err
}

// say begins a turn: the mouthpiece goes on by itself, a text is sent at once.
func (r *run) say(t *turn) error {
	if !t.text {
		r.line.phone.mouth.say(t.pcm, t.end)
		return nil
	}
	t.speechEnd = time.Now()
	if r.line.telephone {
		t.owed = false
		return r.line.press(t.said)
	}
	err := r.line.tell(map[string]any{"type": "conversation.item.create", "item": map[string]any{
		"id": t.item, "type": "message", "role": "user",
		"content": []any{map[string]any{"type": "input_text", "text": t.said}},
	}})
	if err != nil {
		return err
	}
	return r.line.tell(map[string]any{"type": "response.create"})
}

// listen notes when the turn's last word was spoken.
func (r *run) listen(t *turn) {
	if !t.text {
		t.speechEnd, t.spoken = r.line.phone.mouth.said()
	}
}

// answered reports whether the reply to t has ended, or will not come.
func (r *run) answered(t *turn, now time.Time) bool {
	switch {
	case !t.spoken || !r.settled(t) || !r.quiet(now):
		return false
	case t.answered() || r.heardSince(t.speechEnd):
		return true
	default:
		return r.over || now.Sub(latest(t.speechEnd, r.stirred)) >= patience
	}
}

// heardSince reports whether a telephone gave any sound since then: nothing else tells of
// a reply there.
func (r *run) heardSince(then time.Time) bool {
	return r.line.telephone && r.line.phone.ear.between(then, time.Time{}).lasted >= leastReply
}

// interruptible reports whether it is time to talk into t's reply.
func (r *run) interruptible(t *turn, now time.Time) bool {
	if !t.spoken {
		return false
	}
	first := r.line.phone.ear.between(t.speechEnd, time.Time{}).first
	return !first.IsZero() && now.Sub(first) >= r.o.barge
}

// quiet reports whether the agent has been silent for a moment. On a line that has
// ended, and on one of text, nothing more can be heard.
func (r *run) quiet(now time.Time) bool {
	hush := silence
	if r.line.telephone {
		hush = telephoneHush
	}
	return r.over || r.line.phone == nil || now.Sub(r.line.phone.ear.quietSince()) >= hush
}

// until waits, no longer than limit, while it takes what the server tells.
func (r *run) until(ctx context.Context, limit time.Duration, done func(now time.Time) bool) error {
	late := time.NewTimer(limit)
	defer late.Stop()
	look := time.NewTicker(tick)
	defer look.Stop()
	for !done(time.Now()) {
		if r.over {
			return r.ended()
		}
		select {
		case e := <-r.line.events:
			r.take(e)
		case <-look.C:
		case <-r.line.gone:
			r.drain()
		case <-late.C:
			return errLate
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Unavailable, "the call was given up")
		}
	}
	return nil
}

// drain takes what was told before the line ended.
func (r *run) drain() {
	r.over = true
	for {
		select {
		case e := <-r.line.events:
			r.take(e)
		default:
			return
		}
	}
}

func (r *run) ended() error {
	switch {
	case r.ending != "":
		return fault.New(fault.Unavailable, "the server ended the call: %s", r.ending)
	case r.trouble != nil:
		return r.trouble
	default:
		return fault.New(fault.Unavailable, "the connection to the server was lost")
	}
}

// failure gives errLate its meaning.
func (r *run) failure(err error, late string) error {
	if errors.Is(err, errLate) {
		return fault.Wrap(err, fault.Timeout, "%s", late)
	}
	return err
}

// take notes what the server tells.
func (r *run) take(e event) {
	switch e.Type {
	case "frontdesk.session":
		r.session, r.token = e.sessionID(), e.ResumeToken
	case "frontdesk.ended":
		if r.ending = e.Reason; r.ending == "" {
			r.ending = e.Result
		}
	case "frontdesk.notice":
		r.out.notice(e.Message, e.Code)
	case "error":
		r.trouble = fault.New(fault.Code(e.Error.Code), "%s", e.Error.Message)
		r.out.notice(e.Error.Message, e.Error.Code)
	default:
		r.note(e)
	}
}

// heardOf measures the sound of t's reply.
func (r *run) heardOf(t *turn) measured {
	m := measured{}
	if r.line.phone == nil {
		return m
	}
	ear := r.line.phone.ear
	m.audible = ear.between(t.began, t.until).lasted
	if t.text || t.speechEnd.IsZero() {
		return m
	}
	answer := ear.between(t.speechEnd, t.until)
	if answer.first.IsZero() { // it began before the caller had finished, if at all
		answer = ear.last(t.began, t.until)
	}
	if !answer.first.IsZero() {
		delay := answer.first.Sub(t.speechEnd)
		m.delay = &delay
	}
	return m
}

// measured is what the caller's ear says of a reply.
type measured struct {
	audible time.Duration
	delay   *time.Duration // from the caller's last word to the first sound; nil when there was none, or no word
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
