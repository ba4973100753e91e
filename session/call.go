package session

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/internal/fault"
	"frontdesk/internal/phone"
	"frontdesk/tools"
)

// maxResumeAge is how old an interrupted reply may be for the agent to go on with it. A
// caller who comes back later has moved on.
const maxResumeAge = time.Minute

// Call is an admitted call: one line of a session. The caller must call Run, Dial, Answer
// or Close, once.
type Call struct {
	desk       *Desk
	caller     Caller
	id         string
	session    string
	agent      *dialog.Agent // mu guards it for other goroutines than the call's
	hasChosen  bool          // the caller chose agent by a key
	history    []dialog.Message
	turn       int                 // number of the last turn before this call
	memory     *dialog.Memory      // of the history, or of the caller; may be nil
	resume     *dialog.ResumeState // the reply that the agent goes on with, or nil
	journal    *journal
	log        *zap.Logger
	leaseTaken chan struct{} // signals that another node may hold the lease
	drain      chan struct{} // closed when the call must end between two sentences
	released   chan struct{} // closed when the session has no line any more

	mu       sync.Mutex
	phase    phase
	cancel   context.CancelCauseFunc // while the call runs
	transfer transferState
}

type phase int

const (
	admitted phase = iota
	running
	over
)

// ID returns the call's ID, "rtc_…". Each line of a session has another one.
func (c *Call) ID() string { return c.id }

// Session returns the ID of the call's session, "sess_…".
func (c *Call) Session() string { return c.session }

// Agent returns the agent that answers.
func (c *Call) Agent() *dialog.Agent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agent
}

// History returns the session's messages before this call, oldest first.
func (c *Call) History() []dialog.Message { return c.history }

// ResumeToken returns a token with which the caller's client can resume this session on a
// new line.
func (c *Call) ResumeToken() string {
	caller := c.caller
	caller.Resume, caller.Agent = c.session, c.Agent().Name
	token, err := c.desk.o.Tokens.Mint(Claims{Caller: caller, Expires: time.Now().Add(c.desk.o.ResumeWindow)})
	if err != nil {
		// Only the overrides of a trusted client's own request can be too large for a token,
		// because others came in a token. The session is then resumed without them.
		caller.Instructions, caller.Tools = "", nil
		token, _ = c.desk.o.Tokens.Mint(Claims{Caller: caller, Expires: time.Now().Add(c.desk.o.ResumeWindow)})
	}
	return token
}

// IsOwner reports whether the request's caller may end this call: with the token that the
// call started with, with one that resumes its session, or with a server key.
func (c *Call) IsOwner(caller Caller) bool {
	if caller.TokenID == "" {
		return caller.Trusted
	}
	return caller.TokenID == c.caller.TokenID || caller.Resume == c.session
}

// HangUp ends the call; Run then returns HungUp.
func (c *Call) HangUp() { c.end(errHungUp) }

// Refer transfers the caller blindly to a number or SIP address; the call then ends as
// Transferred. The error is a fault.Error: Invalid when the call did not come by telephone.
func (c *Call) Refer(ctx context.Context, to string) error {
	c.mu.Lock()
	refer := c.transfer.refer
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

// Close gives up an admitted call that is not run, for example when its SDP offer cannot
// be answered.
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
		c.release()
	case running:
		cancel(cause)
	}
}

// release releases the lease and the session's line.
func (c *Call) release() {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := c.desk.o.Store.Release(ctx, c.journal.currentLease()); err != nil {
		c.log.Warn("lease not released; it will expire", zap.Error(err))
	}
	if err := c.desk.limiter.EndCall(ctx, c.session, c.caller.Address); err != nil {
		c.log.Warn("the limiter still counts this call; the count will expire", zap.Error(err))
	}
	c.desk.unregister(c)
}

// openJournal acquires the lease and reads the session. state is what lookup found before.
func (c *Call) openJournal(ctx context.Context, state State, isResumed bool) error {
	store := c.desk.o.Store
	lease, err := store.Acquire(ctx, c.session, c.desk.o.Node, c.desk.timing.ttl, true)
	if err != nil {
		return err
	}
	var entries []Entry
	if isResumed { // load again, now that nobody else can write
		if state, entries, err = store.Load(ctx, c.session); err == nil {
			err = state.checkResumable()
		}
	}
	if err == nil {
		c.turn = state.Turn
		if r := state.Resume; r != nil && time.Since(r.At) < maxResumeAge {
			c.resume = r
		}
		c.history = messages(entries)
		if c.memory = lastMemory(entries); c.memory == nil {
			c.memory = c.loadMemory(ctx)
		}
		for _, key := range c.desk.o.Tokens.CallerKeys(c.known(), c.caller.Number) {
			if !slices.Contains(state.Callers, key) {
				state.Callers = append(slices.Clip(state.Callers), key)
			}
		}
		c.journal = newJournal(store, lease, state, entries, c.desk.o.ResumeWindow)
		c.journal.timing, c.journal.leaseTaken, c.journal.grace = c.desk.timing, c.leaseTaken, c.desk.o.ArchiveGrace
		if !isResumed {
			err = c.journal.Append(ctx, dialog.JournalEntry{}) // creates the session in the store
		}
	}
	if err != nil {
		_ = store.Release(ctx, lease) // if this fails, the lease expires
	}
	return err
}

// Run holds the conversation over line and returns when the call is over. When ctx ends,
// the line has failed and the call ends as Lost.
func (c *Call) Run(ctx context.Context, line dialog.Line) Ending {
	return c.run(ctx, func(ctx context.Context) Ending { return c.converse(ctx, line) })
}

// run runs the call; talk is its conversation.
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

	started := time.Now()
	c.desk.o.Observer.CallStarted(c.caller.Transport)
	c.reportStart(started)
	c.log.Info("call started", zap.String("agent", c.agent.Name), zap.String("transport", c.caller.Transport),
		zap.String("address", c.caller.Address), zap.Int("history", len(c.history)))

	ending := c.runLeased(ctx, talk)

	lasted := time.Since(started)
	c.reportEnd(ending, lasted)
	c.finish(ending)
	c.desk.o.Observer.CallEnded(c.caller.Transport, ending, lasted)
	c.log.Info("call ended", zap.String("result", string(ending.Result)), zap.String("reason", ending.Reason),
		zap.Duration("lasted", lasted), ending.qualityField(), zap.Error(ending.Err))
	return ending
}

// runLeased runs talk and renews the lease meanwhile. It ends talk after the maximum
// duration of a call.
func (c *Call) runLeased(ctx context.Context, talk func(context.Context) Ending) Ending {
	if d := c.desk.o.Limits.Duration; d > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, d, errTooLong)
		defer stop()
	}
	var keeper sync.WaitGroup
	defer keeper.Wait()
	keeperCtx, stopKeeper := context.WithCancel(ctx)
	defer stopKeeper()
	keeper.Go(func() { c.keepLease(keeperCtx) })
	return talk(ctx)
}

// converse holds the conversation, and another one with each agent that the caller chooses.
func (c *Call) converse(ctx context.Context, line dialog.Line) Ending {
	for {
		var chosen *dialog.Agent
		e := c.converseUntil(ctx, line, func(ctx context.Context, a *dialog.Agent) error {
			chosen = a
			return c.desk.checkTokens(ctx, a)
		})
		if e.Result != chose {
			return e
		}
		c.setAgent(ctx, chosen)
		line.Emit(dialog.Event{Kind: dialog.AgentChosen, At: time.Now()})
	}
}

// setAgent makes the agent that the caller chose continue the call and later lines of its
// session.
func (c *Call) setAgent(ctx context.Context, agent *dialog.Agent) {
	c.mu.Lock()
	c.agent, c.hasChosen = agent, true
	c.mu.Unlock()
	c.history, c.memory, c.resume = nil, c.loadMemory(ctx), nil
	c.log.Info("the caller chose an agent", zap.String("agent", agent.Name))
	if err := c.journal.setAgent(ctx, agent.Name); err != nil {
		c.log.Warn("the chosen agent is not recorded yet", zap.Error(err))
	}
}

// converseUntil holds a conversation with the current agent. choose is called when the
// caller chooses another one, and returns why that one may not continue the call.
func (c *Call) converseUntil(ctx context.Context, line dialog.Line, choose func(context.Context, *dialog.Agent) error) Ending {
	var choices []dialog.Choice
	if c.desk.o.Choices != nil && !c.hasChosen {
		choices = c.desk.o.Choices(c.agent.Name)
	}
	quality := line.Quality
	c.mu.Lock()
	c.transfer.refer = line.Refer
	c.mu.Unlock()
	line, finish := c.record(line)
	defer finish()
	line = c.withTransfer(line)
	var stopObserving func()
	line.Emit, stopObserving = c.observe(line.Emit)
	defer stopObserving()

	number := c.caller.Number
	if !phone.IsCallback(number) {
		number = ""
	}
	ctx = tools.WithCaller(ctx, tools.Caller{
		Session: c.session, Known: c.known(), Number: number, Address: c.caller.Address, CanTransfer: line.Transfer != nil,
		Agent: c.agent.Name, Language: c.agent.Language,
	})
	purpose, opening := c.opening(ctx)
	out, err := conversation.Run(ctx, c.agent, line, conversation.Options{
		Instructions: c.caller.Instructions,
		Purpose:      purpose,
		Greeting:     c.caller.Greeting,
		Tools:        c.caller.Tools,
		Journal:      &tokenMeter{Journal: c.journal, limiter: c.desk.limiter, agent: c.agent.Name, log: c.log},
		History:      c.history,
		LastTurn:     c.turn,
		Opening:      opening,
		Reader:       c.desk.o.Reader,
		Memory:       c.memory,
		Overview:     c.overview(),
		Resume:       c.resume,
		Drain:        c.drain,
		Gate:         c.desk.gate,
		Choices:      choices,
		Choose:       choose,
		NewID:        newID,
	})
	e := endingOf(ctx, out, err)
	if quality != nil {
		q := quality()
		e.Quality = &q
	}
	c.mu.Lock()
	e.PersonQuality = c.transfer.personQuality
	c.mu.Unlock()
	return e
}

// overview returns what the session is about so far.
func (c *Call) overview() dialog.Overview {
	if o := c.journal.overview(); o != nil {
		return *o
	}
	return dialog.Overview{}
}

// known returns the account that the operator's token vouches for, or "".
func (c *Call) known() string {
	if c.caller.KnownAs == "" {
		return ""
	}
	return "known:" + c.caller.KnownAs
}

// keepLease renews the lease until ctx ends, and ends the call when another node holds
// it. A store that cannot be reached does not end the call: nobody can take the lease
// there either.
func (c *Call) keepLease(ctx context.Context) {
	isFailing := false // so that an outage of the store is logged once
	history := c.journal.currentLease().History
	err := c.journal.KeepLease(ctx, func(err error) {
		if h := c.journal.currentLease().History; h != history {
			history = h
			c.log.Warn("another server of the store took over; recent entries were written again")
		}
		if err == nil {
			c.refreshCount(ctx)
		} else if !isFailing {
			c.log.Warn("lease not renewed; retrying", zap.Error(err))
		}
		isFailing = err != nil
	})
	if err != nil {
		c.cancel(errLeaseLost)
	}
}

// refreshCount tells the limiter that the call still runs.
func (c *Call) refreshCount(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := c.desk.limiter.RefreshCall(ctx, c.session, c.caller.Address); err != nil && ctx.Err() == nil {
		c.log.Warn("call not counted", zap.Error(err))
	}
}

// finish writes how the call ended and releases the session for its next line.
func (c *Call) finish(e Ending) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := c.journal.appendEnding(ctx, e); err != nil {
		c.log.Error("ending not recorded", zap.Error(err))
	}
	c.mu.Lock()
	c.phase = over
	c.mu.Unlock()
	if c.memoryKey() != "" && !e.Result.isResumable() {
		c.desk.running.Go(c.saveMemory)
	}
	c.release()
}
