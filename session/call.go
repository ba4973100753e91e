package session

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/internal/fault"
	"frontdesk/media"
	"frontdesk/tools"
)

// Call is an admitted call: one line of a session. Run or Close must be called, once.
type Call struct {
	desk    *Desk
	who     Caller
	id      string
	session string
	agent   *dialog.Agent
	history []dialog.Message
	turn    int
	memory  *dialog.Memory      // of history, or of the caller
	saying  *dialog.ResumeState // that is to go on, or nil
	journal *journal
	log     *zap.Logger
	doubt   chan struct{} // the lease may be another's
	parting chan struct{} // closed when the call is to end between two sentences
	done    chan struct{} // closed when the session's line is free again

	mu     sync.Mutex
	phase  phase
	cancel context.CancelCauseFunc             // while running
	refer  func(context.Context, string) error // the line's, or nil
	person *media.Quality                      // of the line of whom the caller was connected with
}

type phase int

const (
	admitted phase = iota
	running
	over
)

// ID is the call's id, "rtc_…", new for every line.
func (c *Call) ID() string { return c.id }

// Session is the id of the session the call belongs to, "sess_…".
func (c *Call) Session() string { return c.session }

// Agent is who answers.
func (c *Call) Agent() *dialog.Agent { return c.agent }

// History is what was said before this line, oldest first.
func (c *Call) History() []dialog.Message { return c.history }

// ResumeToken lets the caller's client go on with this session over a new line.
func (c *Call) ResumeToken() string {
	who := c.who
	who.Resume, who.Agent = c.session, c.agent.Name
	token, err := c.desk.o.Tokens.Mint(Claims{Caller: who, Expires: time.Now().Add(c.desk.o.Life)})
	if err != nil {
		// What the caller brought in a token fits a token; only a trusted client's own
		// request can be larger, and it resumes without its overrides.
		who.Instructions, who.Tools = "", nil
		token, _ = c.desk.o.Tokens.Mint(Claims{Caller: who, Expires: time.Now().Add(c.desk.o.Life)})
	}
	return token
}

// Owner reports whether who may end this call: its own caller, by the token it began
// with or one that resumes its session, or who has a server key.
func (c *Call) Owner(who Caller) bool {
	if who.Token == "" {
		return who.Trusted
	}
	return who.Token == c.who.Token || who.Resume == c.session
}

// Hangup ends the call from this side; Run then returns HungUp.
func (c *Call) Hangup() { c.end(errHungUp) }

// Refer has the caller's own network connect them with another number or SIP address,
// which ends the call as Transferred. The error is a fault.Error: Invalid for a caller
// who is on no telephone.
func (c *Call) Refer(ctx context.Context, to string) error {
	c.mu.Lock()
	refer := c.refer
	c.mu.Unlock()
	if refer == nil {
		return fault.New(fault.Invalid, "this caller cannot be transferred: the call did not come by telephone")
	}
	if err := refer(ctx, to); err != nil {
		return err
	}
	c.end(errReferred)
	return nil
}

// Close gives an admitted call up before Run, as when its offer could not be answered.
func (c *Call) Close() { c.end(errHungUp) }

// end ends the call for cause, whatever its phase.
func (c *Call) end(cause error) {
	c.mu.Lock()
	was := c.phase
	if was == admitted {
		c.phase = over
	}
	cancel := c.cancel
	c.mu.Unlock()
	switch was {
	case admitted:
		c.leave()
	case running:
		cancel(cause)
	}
}

// leave gives the lease back and frees the session's line.
func (c *Call) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := c.desk.o.Store.Release(ctx, c.journal.currentLease()); err != nil {
		c.log.Warn("lease not released; it will expire", zap.Error(err))
	}
	if err := c.desk.gate.Leave(ctx, c.session, c.who.Address); err != nil {
		c.log.Warn("call counted on; it will be forgotten", zap.Error(err))
	}
	c.desk.unseat(c)
}

// prepare takes the lease and finds out where the session stands. state is what was
// known of it before.
func (c *Call) prepare(ctx context.Context, state State, resumed bool) error {
	store := c.desk.o.Store
	lease, err := store.Acquire(ctx, c.session, c.desk.o.Node, leaseTTL, true)
	if err != nil {
		return err
	}
	var entries []Entry
	if resumed { // again, now that nobody else can write
		if state, entries, err = store.Load(ctx, c.session); err == nil {
			err = state.open()
		}
	}
	if err == nil {
		c.turn = state.Turn
		if s := state.Saying; s != nil && time.Since(s.At) < goOnWithin {
			c.saying = s
		}
		c.history = messages(entries)
		if c.memory = remembered(entries); c.memory == nil {
			c.memory = c.recall(ctx)
		}
		c.journal = newJournal(store, lease, state, entries, c.desk.o.Life)
		c.journal.doubt, c.journal.spare = c.doubt, c.desk.o.Spare
		if !resumed {
			err = c.journal.Append(ctx, dialog.JournalEntry{}) // the session exists from now on
		}
	}
	if err != nil {
		_ = store.Release(ctx, lease) // else it expires
	}
	return err
}

func messages(entries []Entry) []dialog.Message {
	var out []dialog.Message
	for _, e := range entries {
		var m dialog.Message
		if e.Kind == messageEntry && json.Unmarshal(e.Body, &m) == nil {
			out = append(out, m)
		}
	}
	return out
}

// Run holds the conversation over line and returns when the call is over. ctx is
// the line's life: when it ends the call ends as Lost.
func (c *Call) Run(ctx context.Context, line dialog.Line) Ending {
	return c.run(ctx, func(ctx context.Context) Ending { return c.converse(ctx, line) })
}

// run is the call, of which talk is what is said.
func (c *Call) run(ctx context.Context, talk func(context.Context) Ending) Ending {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.mu.Lock()
	if c.phase != admitted {
		c.mu.Unlock()
		return Ending{Result: Moved, Reason: errMoved.Error()}
	}
	c.phase, c.cancel = running, cancel
	c.mu.Unlock()

	began := time.Now()
	c.desk.o.Observer.CallStarted(c.who.Transport)
	c.log.Info("call started", zap.String("agent", c.agent.Name), zap.String("transport", c.who.Transport),
		zap.String("address", c.who.Address), zap.Int("history", len(c.history)))

	ending := c.leased(ctx, talk)

	lasted := time.Since(began)
	c.close(ending)
	c.desk.o.Observer.CallEnded(c.who.Transport, ending, lasted)
	c.log.Info("call ended", zap.String("result", string(ending.Result)), zap.String("reason", ending.Reason),
		zap.Duration("lasted", lasted), ending.quality(), zap.Error(ending.Err))
	return ending
}

// leased talks under a lease that is kept alive, no longer than a call may last.
func (c *Call) leased(ctx context.Context, talk func(context.Context) Ending) Ending {
	if d := c.desk.o.Limits.Duration; d > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, d, errTooLong)
		defer stop()
	}
	var keeping sync.WaitGroup
	defer keeping.Wait()
	keepCtx, stopKeeping := context.WithCancel(ctx)
	defer stopKeeping()
	keeping.Go(func() { c.keepLease(keepCtx) })
	return talk(ctx)
}

// converse talks.
func (c *Call) converse(ctx context.Context, line dialog.Line) Ending {
	quality := line.Quality
	c.mu.Lock()
	c.refer = line.Refer
	c.mu.Unlock()
	line, finish := c.record(line)
	defer finish()
	line = c.transferable(line)
	line.Emit = c.observed(line.Emit)

	ctx = tools.WithSession(ctx, c.session)
	ctx = tools.WithCaller(ctx, tools.Caller{Number: dialable(c.who.Number), CanTransfer: line.Transfer != nil})
	out, err := conversation.Run(ctx, c.agent, line, conversation.Options{
		Instructions: c.who.Instructions,
		Greeting:     c.who.Greeting,
		Tools:        c.who.Tools,
		Journal:      &metered{Journal: c.journal, gate: c.desk.gate, agent: c.agent.Name, log: c.log},
		History:      c.history,
		LastTurn:     c.turn,
		Memory:       c.memory,
		Resume:       c.saying,
		Drain:        c.parting,
		NewID:        newID,
	})
	e := judge(ctx, out, err)
	if quality != nil {
		q := quality()
		e.Quality = &q
	}
	c.mu.Lock()
	e.Person = c.person
	c.mu.Unlock()
	return e
}

// judge turns the conversation's return into the call's ending.
func judge(ctx context.Context, out dialog.Outcome, err error) Ending {
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		e := Ending{Result: Lost, Reason: cause.Error()}
		switch {
		case errors.Is(cause, errHungUp):
			e.Result = HungUp
		case errors.Is(cause, errMoved), errors.Is(cause, errFenced):
			e.Result = Moved
		case errors.Is(cause, errReferred):
			e.Result = Transferred
		case errors.Is(cause, errDrained):
			e.Result = Draining
		case errors.Is(cause, errTooLong):
			e.Result = OverLimit
		}
		return e
	}
	if err != nil {
		return Ending{Result: Broken, Reason: fault.From(err).Message, Err: err}
	}
	switch out {
	case dialog.Goodbye:
		return Ending{Result: Done, Reason: "the conversation came to its end"}
	case dialog.Transferred:
		return Ending{Result: Transferred, Reason: "a person took over"}
	case dialog.Drained:
		return Ending{Result: Draining, Reason: errDrained.Error()}
	case dialog.NoAnswer:
		return Ending{Result: Silent, Reason: "nobody spoke any more"}
	default:
		return Ending{Result: HungUp, Reason: "the caller hung up"}
	}
}

// keepLease renews the lease until ctx ends. A store that is away does not end the
// call: nobody can take the lease there either. A lease that is another's does.
func (c *Call) keepLease(ctx context.Context) {
	away := false // the store, which is logged once
	server := c.journal.currentLease().History
	err := c.journal.keep(ctx, func(err error) {
		if now := c.journal.currentLease().History; now != server {
			server = now
			c.log.Warn("another server of the store took over; what it may have missed is written again")
		}
		if err == nil {
			c.stay(ctx)
		} else if !away {
			c.log.Warn("lease not renewed; trying on", zap.Error(err))
		}
		away = err != nil
	})
	if err != nil {
		c.cancel(errFenced)
	}
}

// stay keeps the call counted.
func (c *Call) stay(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := c.desk.gate.Stay(ctx, c.session, c.who.Address); err != nil && ctx.Err() == nil {
		c.log.Warn("call not counted", zap.Error(err))
	}
}

// close writes how the call ended and frees the session for its next line.
func (c *Call) close(e Ending) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := c.journal.end(ctx, e); err != nil {
		c.log.Error("ending not recorded", zap.Error(err))
	}
	c.mu.Lock()
	c.phase = over
	c.mu.Unlock()
	if c.key() != "" && !e.Result.breaks() {
		c.desk.running.Go(c.remember)
	}
	c.leave()
}

// observed is tell, with what the log and the metrics need to know told first.
func (c *Call) observed(tell func(dialog.Event)) func(dialog.Event) {
	return func(e dialog.Event) {
		c.desk.o.Observer.Event(e)
		switch {
		case e.Kind == dialog.NoticeRaised && e.Notice != nil:
			c.log.Warn("notice", zap.Int("turn", e.Turn), zap.String("code", e.Notice.Code), zap.Error(e.Notice.Err))
		case e.Kind == dialog.TurnEnded && e.Finished != nil:
			r := e.Finished
			c.log.Info("turn", zap.Int("turn", r.Number), zap.String("status", string(r.Status)), zap.Bool("typed", r.Typed),
				zap.Bool("interrupted", r.Interrupted), zap.String("why", r.EndpointReason), zap.Int("tools", len(r.Tools)),
				zap.Duration("speech_end_to_audio", between(r.Times.SpeechEnd, r.Times.FirstAudio)), zap.String("error", r.Error))
		}
		tell(e)
	}
}

func between(a, b time.Time) time.Duration {
	if a.IsZero() || b.IsZero() {
		return 0
	}
	return b.Sub(a)
}

// record lays a recorder over the line where the agent wants one.
func (c *Call) record(line dialog.Line) (dialog.Line, func()) {
	if !c.agent.RecordAudio || c.desk.o.Records == "" || line.Source == nil || line.Sink == nil {
		return line, func() {}
	}
	name := filepath.Join(c.desk.o.Records, c.session+"-"+c.id+".wav")
	return recorded(line, name, c.log)
}
