package conversation

import (
	"context"
	"iter"
	"strings"
	"sync"
	"time"
	"unicode"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
	"frontdesk/media"
)

// scriptQueue is how many clauses the writer may be ahead of the mouth; then it waits.
const scriptQueue = 64

// reply is one thing the agent says, from the first token to the last sound. The
// loop owns it, except for its script.
type reply struct {
	id, item string
	turn     *turn  // nil for a greeting, a prompt and a farewell in silence
	guess    *guess // its beginning, made ahead, or nil
	ctx      context.Context
	cancel   context.CancelFunc
	script   *script
	calls    calls
	drafts   map[string]string // what was written beside the calls of a message, by its id
	filler   string            // said while there were no words, or ""
	then     dialog.Outcome    // how the conversation ends once this was heard
	steps    int
	used     dialog.Usage
	written  strings.Builder
	heard    string              // so far
	broken   *dialog.ResumeState // it goes on with, or nil
	repeated *repeated           // of that, or nil
	audible  bool                // the caller hears it
	sounded  bool                // by sound
	isCut    bool
	meant    bool   // by the caller
	why      string // it was cut, where speech did
	closed   bool   // everything is written
	failed   bool
}

// script carries clauses from the writer to the mouth. The step under way is its one
// writer, the mouth its one reader.
type script struct {
	clauses chan string
	mu      sync.Mutex // of what follows but handed: a filler may come before the step's first clause
	begun   bool
	left    int  // bytes that may still be written
	glued   bool // the last clause ended without a space
	handed  strings.Builder
}

// first writes a clause if nothing has been written yet.
func (s *script) first(clause string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		return false
	}
	s.begun, s.glued = true, true
	s.clauses <- clause // there is room
	return true
}

// fit makes clause follow what was written, and reports whether more may be.
func (s *script) fit(clause string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.glued && !unicode.IsSpace(rune(clause[0])) {
		clause = " " + clause
	}
	s.begun, s.glued = true, !unicode.IsSpace(rune(clause[len(clause)-1]))
	s.left -= len(clause)
	return clause, s.left > 0
}

// read yields the clauses as they come. The first waits until open lets it pass.
func (s *script) read(ctx context.Context, open func(context.Context)) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			select {
			case clause, ok := <-s.clauses:
				if !ok {
					return
				}
				if s.handed.Len() == 0 {
					open(ctx)
				}
				if ctx.Err() != nil {
					return
				}
				s.handed.WriteString(clause)
				if !yield(clause) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// after is the rest for another mouth when the first one got as far as heard.
func (s *script) after(ctx context.Context, heard string) iter.Seq[string] {
	return func(yield func(string) bool) {
		rest := strings.TrimPrefix(s.handed.String(), heard)
		if rest != "" && !yield(rest) {
			return
		}
		s.read(ctx, func(context.Context) {})(yield)
	}
}

// begin starts a reply: the mouth listens to its script, which is still empty.
func (l *loop) begin(t *turn, then dialog.Outcome) *reply {
	r := &reply{
		id: l.o.NewID("resp_"), item: l.o.NewID("item_"),
		turn: t, then: then,
		script: &script{clauses: make(chan string, scriptQueue), left: maxReply},
		drafts: make(map[string]string),
	}
	r.ctx, r.cancel = context.WithCancel(l.ctx)
	if t != nil {
		t.replies++
	} else {
		l.discard()
	}
	l.reply = r
	l.quiet.alarm.Stop()
	l.tell(dialog.Event{Kind: dialog.ReplyStarted, Turn: l.turns, Response: r.id, Item: r.item})
	speaker := l.mouth
	l.spawn(func() func() { return l.speak(r, speaker) })
	return r
}

// say makes a reply of given words.
func (l *loop) say(text string, t *turn, then dialog.Outcome) {
	r := l.begin(t, then)
	l.spawn(func() func() {
		l.recite(r, text)
		return func() { l.close(r) }
	})
}

// recite writes given words to the script.
func (l *loop) recite(r *reply, text string) {
	var c mouth.Cutter
	for clause := range c.Add(text) {
		l.write(r, clause)
	}
	l.write(r, c.Flush())
}

// write gives the mouth a clause and reports whether more may be written. It runs
// beside the loop, in the reply's step.
func (l *loop) write(r *reply, clause string) bool {
	s := r.script
	clause = plain(clause)
	if r.repeated != nil {
		clause = r.repeated.pass(clause)
	}
	if strings.TrimSpace(clause) == "" {
		return s.left > 0
	}
	clause, more := s.fit(clause)
	at := time.Now()
	l.post(func() { l.wrote(r, clause, at) })
	select {
	case s.clauses <- clause:
		return more
	case <-r.ctx.Done():
		return false
	}
}

func (l *loop) wrote(r *reply, clause string, at time.Time) {
	if r.isCut {
		return
	}
	if r.turn != nil && r.turn.Times.FirstClause.IsZero() {
		r.turn.Times.FirstClause = at
	}
	r.written.WriteString(clause)
	l.keep()
	l.tell(dialog.Event{Kind: dialog.ReplyText, Turn: l.turns, Response: r.id, Item: r.item, Text: clause})
}

// close says that everything is written.
func (l *loop) close(r *reply) {
	if !r.closed {
		r.closed = true
		close(r.script.clauses)
	}
}

// speak is the mouth's part of a reply. It runs beside the loop.
func (l *loop) speak(r *reply, speaker dialog.Mouth) func() {
	progress := func(piece string) { l.post(func() { l.progress(r, piece) }) }
	heard, err := speaker.Say(r.ctx, r.script.read(r.ctx, l.floor.gate.wait), progress)
	if err != nil && r.ctx.Err() == nil {
		l.post(func() { l.notice("voice_lost", voiceLost, err) })
		rest, _ := mouth.Text{}.Say(r.ctx, r.script.after(r.ctx, heard), progress)
		heard += rest
	} else if err == nil && r.ctx.Err() == nil {
		l.post(func() { l.recovered("voice_lost") })
	}
	return func() { l.finish(r, heard) }
}

func (l *loop) progress(r *reply, piece string) {
	r.audible = true
	before := mouth.SentenceStart(r.written.String(), len(r.heard))
	r.heard += piece
	if mouth.SentenceStart(r.written.String(), len(r.heard)) > before {
		l.keep()
		defer l.part(true)
	}
	l.tell(dialog.Event{Kind: dialog.ReplyHeard, Turn: l.turns, Response: r.id, Item: r.item, Text: piece})
}

// sounding is called by the voice when the first sound of a reply leaves.
func (l *loop) sounding() {
	at := time.Now()
	l.post(func() {
		r := l.reply
		if r == nil || r.sounded {
			return
		}
		r.audible, r.sounded = true, true
		if r.turn != nil && r.turn.Times.FirstAudio.IsZero() {
			r.turn.Times.FirstAudio = at
		}
		l.tell(dialog.Event{Kind: dialog.SpeakingStarted, At: at, Turn: l.turns, Response: r.id})
		if l.floor.talking() {
			l.overlap()
		}
	})
}

// cut interrupts a reply. It ends when the mouth has told what was heard.
func (l *loop) cut(r *reply) {
	r.meant = r.meant || l.outcome == ""
	if !r.isCut {
		r.isCut = true
		r.cancel()
	}
}

// finish ends a reply with what was heard of it.
func (l *loop) finish(r *reply, heard string) {
	now := time.Now()
	complete := r.closed && len(heard) == r.written.Len()
	if l.outcome != "" && !complete && !r.meant {
		l.broken = r.saying(heard, r.closed)
	}
	r.isCut = r.isCut || !complete // the conversation ended
	r.cancel()
	l.reply = nil
	l.duck(media.Full)
	l.floor.alarm.Stop()
	l.filling.Stop()
	heard = strings.TrimSpace(heard)
	if r.sounded {
		l.tell(dialog.Event{Kind: dialog.SpeakingStopped, At: now, Turn: l.turns, Response: r.id, Interrupted: !complete})
	}
	if heard != "" {
		m := dialog.Message{ID: r.item, Role: dialog.Assistant, Text: heard, Interrupted: !complete}
		if r.calls.client { // what follows must end with the results
			l.history.addBefore(m, r.calls.first)
		} else {
			l.history.add(m)
		}
		l.scribe.note(m)
		l.asked(heard)
	}
	status := r.status(complete)
	l.tell(dialog.Event{Kind: dialog.ReplyEnded, At: now, Turn: l.turns, Response: r.id, Item: r.item, Status: status,
		Text: heard, Interrupted: !complete, Usage: r.usage()})
	l.settle(r, heard, status, now)
	l.assented(heard)
	if r.then != "" && complete {
		l.end(r.then, nil)
	}
	l.proceed()
}

// settle adds an ended reply to its turn.
func (l *loop) settle(r *reply, heard string, status dialog.Status, at time.Time) {
	t := r.turn
	if t == nil {
		l.save(nil, nil)
		return
	}
	t.replies--
	t.Reply += heard + " "
	t.Written += r.written.String() + " "
	t.Times.Heard = at
	if t.Status == dialog.Completed {
		t.Status = status
	}
	t.Interrupted = t.Interrupted || status == dialog.Cancelled
	if status == dialog.Cancelled {
		t.InterruptedBy = r.why
	}
	if r.calls.client {
		l.await(t, status)
	}
	l.endTurn(t)
}

func (r *reply) status(complete bool) dialog.Status {
	switch {
	case r.failed:
		return dialog.Failed
	case !complete:
		return dialog.Cancelled
	}
	return dialog.Completed
}

func (r *reply) usage() *dialog.Usage {
	if r.used == (dialog.Usage{}) {
		return nil
	}
	return &r.used
}

// calls is what a reply's tools are doing.
type calls struct {
	running int
	first   string // id of the message with the first calls
	client  bool   // the client has been asked for one
	goodbye bool   // the model ends the call
}
