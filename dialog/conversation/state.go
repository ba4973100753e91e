package conversation

import (
	"context"
	"slices"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/fault"
)

const (
	heardQueue = 64 // events the ears may be ahead of the owner; then they wait
	postQueue  = 64 // functions the other goroutines may be ahead of the owner; then they wait
	maxPending = 64 // messages that were typed without asking for a reply
)

// lineEnded is the last event of an ear: its Listen has returned Err.
const lineEnded dialog.HeardKind = -1

// conversation is the state of one conversation. The owner goroutine, the one in run, is
// the only one that reads or changes it; all others use do or post.
type conversation struct {
	agent        *dialog.Agent
	o            Options
	line         dialog.Line
	instructions string // the agent's, or those that a client replaced them with
	tasks        tasks
	outcome      dialog.Outcome // "" until the conversation ends
	err          error          // why the line broke

	audio       audio
	input       input
	floor       floor
	turns       int    // number of the last turn
	reply       *reply // the current reply, or nil
	filler      alarm  // runs until the current reply needs a filler
	clientTools clientTools
	speculation speculation
	handover    handover
	recall      recall
	journal     journal
	notices     notices
	resume      resume
}

// tasks are the goroutines of a conversation.
type tasks struct {
	ctx        context.Context // ends with the conversation
	stop       context.CancelFunc
	session    context.Context // not cancelled by an interruption or a hang-up
	posts      chan post       // for the owner to run
	group      sync.WaitGroup
	background background
	running    int // spawned functions that have not returned
}

// post is a function for the owner to run; done, unless nil, is closed when it has returned.
type post struct {
	run  func()
	done chan struct{}
}

// audio is how the agent hears and speaks.
type audio struct {
	mouth        dialog.Mouth
	mouthOf      func(*dialog.Agent) dialog.Mouth // speaks as another agent; nil without audio
	setVoice     func(dialog.Voice)
	setLastReply func(text string) // tells the ear what the agent said last
	canHear      bool              // there is an ear for speech, and it works
}

// input is what the caller said, typed or keyed that no turn has answered yet.
type input struct {
	pending     []dialog.Message
	wantsAnswer bool         // pending is to be answered
	timing      speechTiming // of the speech in pending
	dtmf        dtmf
	choices     choices
	silence     silence
}

// notices are the degradations that the caller has been told of.
type notices struct {
	active        map[string]bool // by code, until they have passed
	modelFailures int             // replies in a row that no model wrote
}

func newConversation(ctx context.Context, agent *dialog.Agent, line dialog.Line, o Options) *conversation {
	if line.Emit == nil {
		line.Emit = func(dialog.Event) {}
	}
	c := &conversation{
		agent: agent, o: o, line: line,
		instructions: agent.Instructions,
		tasks: tasks{
			session: context.WithoutCancel(ctx),
			posts:   make(chan post, postQueue),
		},
		audio: audio{
			mouth:        mouth.Text{},
			setVoice:     func(dialog.Voice) {},
			setLastReply: func(string) {},
		},
		input:       input{dtmf: dtmf{timeout: newAlarm()}, silence: silence{timeout: newAlarm()}},
		floor:       newFloor(),
		turns:       o.LastTurn,
		filler:      newAlarm(),
		clientTools: clientTools{specs: o.Tools},
		recall:      recall{history: newHistory(slices.Concat(withoutRunning(o.History), o.Opening)), memory: o.Memory, overview: o.Overview, turnStarts: make(map[string]bool)},
		notices:     notices{active: make(map[string]bool)},
	}
	c.handover.escalation.offered = offeredBefore(o.History)
	if o.Instructions != "" {
		c.instructions = o.Instructions
	}
	c.recall.facts = c.newFacts()
	for _, m := range o.History {
		c.recall.turnStarts[m.ID] = m.Role == dialog.User // the safe guess
		c.addFacts(m)
	}
	c.tasks.ctx, c.tasks.stop = context.WithCancel(ctx)
	return c
}

// run is the owner goroutine. It returns when the conversation has ended and everything
// that was spawned has returned.
func (c *conversation) run(ears []dialog.Ear) (dialog.Outcome, error) {
	heard := make(chan dialog.Heard, heardQueue)
	for _, ear := range ears {
		c.spawn(func() {
			err := ear.Listen(c.tasks.ctx, heard)
			heard <- dialog.Heard{Kind: lineEnded, Err: err}
		})
	}
	c.greet()
	drain, ended := c.o.Drain, c.tasks.ctx.Done()
	for c.outcome == "" || c.tasks.running > 0 {
		select {
		case h := <-heard:
			if c.outcome == "" {
				c.hear(h)
			}
		case p := <-c.tasks.posts:
			p.run()
			if p.done != nil {
				close(p.done)
			}
		case <-c.floor.overlapTimeout.C:
			c.overlapTimedOut()
		case <-c.filler.C:
			c.sayFiller()
		case <-c.input.silence.timeout.C:
			c.silenceTimedOut()
		case <-c.input.dtmf.timeout.C:
			c.numberEntered()
		case <-drain:
			drain, c.resume.isDraining = nil, true
			c.drain(false)
		case <-c.clientTools.deadline():
			c.clientToolsTimedOut()
		case <-ended:
			ended = nil
			c.end(dialog.CallerGone, context.Cause(c.tasks.ctx))
		}
	}
	c.tasks.group.Wait()
	c.keepAbandoned()
	return c.outcome, c.err
}

// spawn runs f on a goroutine that run waits for. Only the owner may call it.
func (c *conversation) spawn(f func()) {
	c.tasks.running++
	c.tasks.group.Go(func() {
		f()
		c.post(func() { c.tasks.running-- })
	})
}

// do runs f on the owner goroutine and returns when f has returned. Only spawned
// goroutines may call it.
func (c *conversation) do(f func()) {
	done := make(chan struct{})
	c.tasks.posts <- post{f, done}
	<-done
}

// post is do without waiting for f.
func (c *conversation) post(f func()) { c.tasks.posts <- post{run: f} }

// end ends the conversation; run returns when everything that was spawned has returned.
func (c *conversation) end(o dialog.Outcome, err error) {
	if c.outcome != "" {
		return
	}
	c.outcome, c.err = o, err
	c.discardSpeculation()
	c.tasks.stop()
	c.tasks.background.stopReads()
	for _, a := range []alarm{c.floor.overlapTimeout, c.input.silence.timeout, c.input.dtmf.timeout, c.filler} {
		a.Stop()
	}
	if c.reply != nil {
		c.cutReply()
	} else {
		c.recordUnanswered()
	}
}

// recordUnanswered records what the caller said that no turn has answered.
func (c *conversation) recordUnanswered() {
	c.stopAwaitingClient()
	if n := len(c.input.pending); c.input.wantsAnswer && n > 0 {
		c.resume.state = &dialog.ResumeState{Turn: c.turns + 1, Caller: c.input.pending[n-1].Text, At: time.Now().UTC()}
	}
	for _, m := range c.input.pending {
		c.addMessage(m)
	}
	c.input.pending = nil
	c.save(nil, nil)
}

// addMessage adds m to the history and to the next journal entry.
func (c *conversation) addMessage(m dialog.Message) {
	c.recall.history.add(m)
	c.addFacts(m)
	c.journal.add(m)
}

// emit reports e to the client.
func (c *conversation) emit(e dialog.Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	c.line.Emit(e)
}

// raiseNotice tells the caller of a degradation, once until clearNotice.
func (c *conversation) raiseNotice(code, text string, err error) {
	if c.notices.active[code] {
		return
	}
	c.notices.active[code] = true
	c.emit(dialog.Event{Kind: dialog.NoticeRaised, Turn: c.turns, Notice: &dialog.Notice{Code: code, Text: text, Err: err}})
}

func (c *conversation) clearNotice(code string) { delete(c.notices.active, code) }

// hear handles one thing the caller did.
func (c *conversation) hear(h dialog.Heard) {
	if h.Item == "" && h.Kind != dialog.PossibleOnset && h.Kind != dialog.FalseOnset {
		h.Item = c.o.NewID("item_")
	}
	if h.At.IsZero() {
		h.At = time.Now()
	}
	switch h.Kind {
	case dialog.Onset:
		c.onset(h)
	case dialog.PossibleOnset:
		c.possibleOnset()
	case dialog.FalseOnset:
		c.falseOnset()
	case dialog.DistanceChanged:
		c.distanceChanged(h)
	case dialog.Offset:
		c.offset(h)
	case dialog.Partial:
		c.partialTranscript(h)
	case dialog.MaybeFinished:
		c.speculate(h)
	case dialog.Final:
		c.finalTranscript(h)
	case dialog.EarFailed:
		c.earFailed(h.Err)
	case dialog.Typed:
		c.typed(h)
	case dialog.Respond:
		c.respond()
	case dialog.CancelReply:
		c.input.wantsAnswer = false
		if c.reply != nil {
			c.cutReply()
		}
	case dialog.DTMF:
		c.digitPressed(h)
	case dialog.Update:
		c.update(h.Update)
	case dialog.ToolOutput:
		c.clientToolOutput(h.Result)
	case lineEnded:
		c.end(dialog.CallerGone, h.Err)
	}
}

// typed adds typed text to the pending input. It asks for no reply.
func (c *conversation) typed(h dialog.Heard) {
	c.input.silence.prompts = 0
	c.startSilenceTimeout()
	text, err := checkTyped(h.Text)
	if err == nil && len(c.input.pending) >= maxPending {
		err = fault.New(fault.Limited, "%d messages are unanswered already: ask for a reply first", len(c.input.pending))
	}
	if err != nil {
		f := fault.From(err)
		c.emit(dialog.Event{Kind: dialog.NoticeRaised, Turn: c.turns, Item: h.Item, Notice: &dialog.Notice{Code: string(f.Code), Text: f.Message, Err: err}})
		return
	}
	c.addPending(h.Item, text, true)
}

// addPending adds what the caller said or typed to the pending input.
func (c *conversation) addPending(item, text string, isTyped bool) {
	if isTyped {
		c.discardSpeculation()
	}
	c.input.pending = append(c.input.pending, dialog.Message{ID: item, Role: dialog.User, Text: text, Typed: isTyped})
	c.emit(dialog.Event{Kind: dialog.CallerSaid, Turn: c.turns + 1, Item: item, Text: text, Typed: isTyped})
}

// update changes the agent for the rest of the conversation.
func (c *conversation) update(u *dialog.AgentUpdate) {
	if u == nil {
		return
	}
	c.discardSpeculation()
	if u.Instructions != nil {
		c.instructions = *u.Instructions
		c.recall.facts.AddInstructions(c.instructions)
	}
	if u.Voice != nil {
		c.audio.setVoice(dialog.Voice{Language: c.agent.Language, Name: *u.Voice})
	}
	if u.ReplaceTools {
		c.clientTools.specs = u.Tools
	}
}

// alarm is a timer that does not run until it is set.
type alarm struct{ *time.Timer }

func newAlarm() alarm {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return alarm{t}
}

func (a alarm) set(d time.Duration) { a.Reset(d) }
