package conversation

import (
	"context"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

const (
	heardQueue = 64 // what the ears may be ahead of the loop; then they wait
	postQueue  = 64 // likewise for the loop's other goroutines
	maxPending = 64 // messages that were typed and no reply was asked for
)

// lineEnded is what an ear's end becomes, behind all it heard.
const lineEnded dialog.HeardKind = -1

// loop is the state of a conversation while it runs. One goroutine owns it, the one
// in run; the others, which spawn counts, hand it functions to call.
type loop struct {
	agent *dialog.Agent
	o     Options
	line  dialog.Line
	ctx   context.Context // the conversation's work; ends with it
	stop  context.CancelFunc
	life  context.Context // the session's: for what an interruption or hang-up must not stop

	mouth    dialog.Mouth
	setVoice func(dialog.Voice)
	asked    func(string) // tells the ear what the agent said last
	hearing  bool         // there is an ear for speech, and it works

	posts   chan func()
	work    sync.WaitGroup
	running int // goroutines not yet done
	outcome dialog.Outcome
	err     error

	instructions string
	clientTools  []tools.Spec
	history      *history
	turns        int              // number of the last turn
	pending      []dialog.Message // what the caller said and no turn has taken up
	wanted       bool             // pending is to be answered
	timing       timing           // of the speech in pending
	reply        *reply           // the one under way, nil when there is none
	guess        *guess           // what may become the next one
	discarded    dialog.Usage     // by guesses of this call
	wasted       dialog.Usage     // of that, since the last turn began
	awaited      *awaited         // the client's tools a turn waits for
	spare        int              // wishes for a reply still to come that one reply has met
	floor        floor
	quiet        quiet
	digits       digits
	filling      alarm // until a filler
	scribe       scribe
	noticed      map[string]bool         // degradations the caller has been told
	failures     int                     // replies in a row that no model gave
	broken       *dialog.ResumeState     // what was being said when the line broke
	memory       *dialog.Memory          // of what is no longer told as it was
	remembering  bool                    // that is being put together
	parting      bool                    // the conversation is to end at a good moment
	handoff      *dialog.HandoverRequest // the caller is to be connected with a person
	handing      bool                    // and is being so
	later        func()                  // they would rather be called back; nil once that was said
}

func newLoop(ctx context.Context, agent *dialog.Agent, o Options, line dialog.Line) *loop {
	if line.Emit == nil {
		line.Emit = func(dialog.Event) {}
	}
	l := &loop{
		agent: agent, o: o, line: line,
		life:         context.WithoutCancel(ctx),
		mouth:        mouth.Text{},
		setVoice:     func(dialog.Voice) {},
		asked:        func(string) {},
		posts:        make(chan func(), postQueue),
		instructions: agent.Instructions,
		clientTools:  o.Tools,
		history:      newHistory(o.History),
		turns:        o.LastTurn,
		memory:       o.Memory,
		floor:        newFloor(),
		quiet:        quiet{alarm: newAlarm()},
		digits:       digits{alarm: newAlarm()},
		filling:      newAlarm(),
		noticed:      make(map[string]bool),
	}
	if o.Instructions != "" {
		l.instructions = o.Instructions
	}
	l.ctx, l.stop = context.WithCancel(ctx)
	return l
}

// run is the conversation.
func (l *loop) run(ears []dialog.Ear) (dialog.Outcome, error) {
	heard := make(chan dialog.Heard, heardQueue)
	for _, ear := range ears {
		l.spawn(func() func() {
			err := ear.Listen(l.ctx, heard)
			heard <- dialog.Heard{Kind: lineEnded, Err: err}
			return nil
		})
	}
	l.greet()
	ended := l.ctx.Done()
	for l.outcome == "" || l.running > 0 {
		select {
		case h := <-heard:
			if l.outcome == "" {
				l.hear(h)
			}
		case f := <-l.posts:
			f()
		case <-l.floor.alarm.C:
			l.insist()
		case <-l.filling.C:
			l.fill()
		case <-l.quiet.alarm.C:
			l.silent()
		case <-l.digits.alarm.C:
			l.dialled()
		case <-l.o.Drain:
			l.o.Drain, l.parting = nil, true
			l.part(false)
		case <-l.awaited.deadline():
			l.awaitedTooLong()
		case <-ended:
			ended = nil
			l.end(dialog.CallerGone, context.Cause(l.ctx))
		}
	}
	l.work.Wait()
	return l.outcome, l.err
}

// spawn runs f beside the loop. What f returns, unless nil, is called on the loop.
func (l *loop) spawn(f func() func()) {
	l.running++
	l.work.Go(func() {
		done := f()
		l.post(func() {
			l.running--
			if done != nil {
				done()
			}
		})
	})
}

// post has f called on the loop, which reads its posts until everything spawned is done.
func (l *loop) post(f func()) { l.posts <- f }

// end ends the conversation; run returns when all that was spawned is done.
func (l *loop) end(o dialog.Outcome, err error) {
	if l.outcome != "" {
		return
	}
	l.outcome, l.err = o, err
	l.discard()
	l.stop()
	for _, a := range []alarm{l.floor.alarm, l.quiet.alarm, l.digits.alarm, l.filling} {
		a.Stop()
	}
	if l.reply != nil {
		l.cut(l.reply)
	} else {
		l.leave()
	}
}

// leave records what no reply took up any more.
func (l *loop) leave() {
	l.abandon()
	if l.wanted && len(l.pending) > 0 {
		l.broken = &dialog.ResumeState{Turn: l.turns + 1, Caller: l.pending[len(l.pending)-1].Text, At: time.Now().UTC()}
	}
	for _, m := range l.pending {
		l.history.add(m)
		l.scribe.note(m)
	}
	l.pending = nil
	l.save(nil, nil)
}

func (l *loop) tell(e dialog.Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	l.line.Emit(e)
}

// notice tells the caller of a degradation once, until recovered takes it back.
func (l *loop) notice(code, text string, err error) {
	if l.noticed[code] {
		return
	}
	l.noticed[code] = true
	l.tell(dialog.Event{Kind: dialog.NoticeRaised, Turn: l.turns, Notice: &dialog.Notice{Code: code, Text: text, Err: err}})
}

func (l *loop) recovered(code string) { delete(l.noticed, code) }

// hear takes one thing the caller did.
func (l *loop) hear(h dialog.Heard) {
	if h.Item == "" && h.Kind != dialog.PossibleOnset && h.Kind != dialog.FalseOnset {
		h.Item = l.o.NewID("item_")
	}
	if h.At.IsZero() {
		h.At = time.Now()
	}
	switch h.Kind {
	case dialog.Onset:
		l.onset(h)
	case dialog.PossibleOnset:
		l.stir()
	case dialog.FalseOnset:
		l.calm()
	case dialog.Offset:
		l.offset(h)
	case dialog.Partial:
		l.partial(h)
	case dialog.MaybeFinished:
		l.maybe(h)
	case dialog.Final:
		l.final(h)
	case dialog.EarFailed:
		l.deaf(h.Err)
	case dialog.Typed:
		l.typed(h)
	case dialog.Respond:
		l.respond()
	case dialog.CancelReply:
		l.wanted = false
		if l.reply != nil {
			l.cut(l.reply)
		}
	case dialog.DTMF:
		if l.handing {
			l.keyWhileHanding(h.Text)
			return
		}
		l.digit(h)
	case dialog.Update:
		l.alter(h.Update)
	case dialog.ToolOutput:
		l.toolOutput(h.Result)
	case lineEnded:
		l.end(dialog.CallerGone, h.Err)
	}
}

// typed keeps what the caller typed until a reply is asked for.
func (l *loop) typed(h dialog.Heard) {
	l.quiet.active()
	l.rearm()
	text, err := checkTyped(h.Text)
	if err == nil && len(l.pending) >= maxPending {
		err = fault.New(fault.Limited, "%d messages wait for an answer already: ask for one first", len(l.pending))
	}
	if err != nil {
		f := fault.From(err)
		l.tell(dialog.Event{Kind: dialog.NoticeRaised, Turn: l.turns, Item: h.Item, Notice: &dialog.Notice{Code: string(f.Code), Text: f.Message, Err: err}})
		return
	}
	l.said(h.Item, text, true)
}

// said makes text a message that waits for its turn.
func (l *loop) said(item, text string, typed bool) {
	if typed {
		l.discard()
	}
	l.pending = append(l.pending, dialog.Message{ID: item, Role: dialog.User, Text: text, Typed: typed})
	l.tell(dialog.Event{Kind: dialog.CallerSaid, Turn: l.turns + 1, Item: item, Text: text, Typed: typed})
}

// respond answers now: what is pending, the client's tools, or nothing new.
func (l *loop) respond() {
	switch {
	case l.handing:
		l.wanted = len(l.pending) > 0
	case len(l.pending) > 0:
		l.wanted = true
		if l.reply != nil {
			l.cut(l.reply)
			return
		}
		l.proceed()
	case l.awaited != nil:
		l.awaited.wishes++
		l.awaitedDone()
	case l.reply != nil: // it is being answered
	case l.spare > 0:
		l.spare--
	default:
		l.answer()
	}
}

// proceed goes on when no reply is under way: with what the caller said meanwhile,
// with what the client's tools gave, or by waiting for the caller.
func (l *loop) proceed() {
	switch {
	case l.reply != nil:
	case l.outcome != "":
		l.leave()
	case l.handing:
	case l.handoff != nil && !(l.wanted && len(l.pending) > 0):
		l.handOver()
	case l.wanted && len(l.pending) > 0:
		l.answer()
	case l.awaited != nil:
		l.awaitedDone()
	case l.floor.owes != "":
		text := l.floor.owes
		l.floor.owes = ""
		l.say(text, nil, "")
	default:
		l.rearm()
		l.part(false)
	}
}

// alter changes the agent for the rest of the conversation.
func (l *loop) alter(c *dialog.AgentUpdate) {
	if c == nil {
		return
	}
	l.discard()
	if c.Instructions != nil {
		l.instructions = *c.Instructions
	}
	if c.Voice != nil {
		l.setVoice(dialog.Voice{Language: l.agent.Language, Name: *c.Voice})
	}
	if c.ReplaceTools {
		l.clientTools = c.Tools
	}
}

// alarm is a timer that is off until set.
type alarm struct{ *time.Timer }

func newAlarm() alarm {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return alarm{t}
}

func (a alarm) set(d time.Duration) { a.Reset(d) }
