package session

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools/gate"
)

const (
	storeTimeout = 3 * time.Second
	moveTimeout  = 5 * time.Second // for the former line of a session to end
	drainNotice  = 2 * time.Second // for load balancers to notice that a node admits no calls
)

// Options are what a Desk needs.
type Options struct {
	Store        Store
	Callers      CallerMemory // remembers callers from session to session; nil remembers none
	Tokens       *Tokens
	Agent        func(name string) (*dialog.Agent, error) // "" is the default agent; the error is fault.NotFound
	Reader       dialog.Model                             // reads finished turns of agents that want it; nil: rules alone do
	Choices      func(agent string) []dialog.Choice       // agents that new callers of an agent may choose by a key; may be nil
	Node         string                                   // names this process in leases and logs
	Limits       Limits
	Limiter      Limiter       // enforces Limits; nil enforces them in this process alone
	Effects      gate.Counter  // counts the effects of tools; nil counts them in this process alone
	ResumeWindow time.Duration // how long a session may be resumed after its last activity
	ArchiveGrace time.Duration // how long a session waits for the archive after its resume window
	SharedStore  bool          // other nodes use the same Store, so a caller can resume on another node

	Dial          DialFunc // dials a person for an attended transfer; nil when there is no telephone
	RecordingsDir string   // for the recordings of agents that record calls; "" records none
	Observer      Observer
	Report        func(CallReport) // tells that a call started or ended; it must not block, and may be nil
	Log           *zap.Logger
}

// Observer receives what happens, for the metrics. Its methods must not block; many
// goroutines call them.
type Observer interface {
	CallStarted(transport string)
	CallEnded(transport string, e Ending, lasted time.Duration)
	Event(agent string, e dialog.Event) // every event of every conversation
}

// Desk admits callers and runs their calls. Safe for concurrent use.
type Desk struct {
	o       Options
	limiter Limiter
	gate    *gate.Gate

	mu          sync.Mutex
	isDraining  bool
	calls       map[string]*Call // by call ID
	sessions    map[string]*Call // by session ID: each session has one line
	running     sync.WaitGroup   // calls, and memories that are being saved
	memoryLocks keyedMutex       // by memory key
	timing      leaseTiming
}

// NewDesk returns a desk that has no calls yet.
func NewDesk(o Options) *Desk {
	if o.Limiter == nil {
		o.Limiter = NewLimiter(o.Limits)
	}
	effects := gate.Counter(gate.NewCounter())
	if o.Effects != nil {
		effects = keyedCounter{counter: o.Effects, tokens: o.Tokens}
	}
	return &Desk{
		o:        o,
		limiter:  o.Limiter,
		gate:     gate.New(effects),
		timing:   defaultTiming,
		calls:    make(map[string]*Call),
		sessions: make(map[string]*Call),
	}
}

// Admit checks the limits, finds the agent, acquires the session's lease (also from
// another line in this process) and loads the session's history. The error is a
// fault.Error.
func (d *Desk) Admit(ctx context.Context, caller Caller) (*Call, error) {
	ctx, cancel := context.WithTimeout(ctx, moveTimeout+storeTimeout)
	defer cancel()
	session := caller.Resume
	if session == "" {
		session = "sess_" + rand.Text()
	}
	if err := d.limiter.StartCall(ctx, session, caller.Address); err != nil {
		return nil, err
	}
	c, err := d.admit(ctx, session, caller)
	if err != nil {
		_ = d.limiter.EndCall(ctx, session, caller.Address) // if this fails, the count expires
		return nil, err
	}
	return c, nil
}

func (d *Desk) admit(ctx context.Context, session string, caller Caller) (*Call, error) {
	c := &Call{
		desk: d, caller: caller,
		id:         "rtc_" + rand.Text(),
		session:    session,
		leaseTaken: make(chan struct{}, 1),
		drain:      make(chan struct{}),
		released:   make(chan struct{}),
	}
	isResumed := caller.Resume != ""
	c.log = d.o.Log.With(zap.String("call", c.id), zap.String("session", c.session), zap.String("request", caller.RequestID))
	// The lookup comes first, so that a refusal does not end the session's former line.
	state, agent, err := d.lookup(ctx, caller)
	if err != nil {
		return nil, err
	}
	state.Agent, c.caller.Agent, c.agent = agent.Name, agent.Name, agent
	if err := d.register(ctx, c); err != nil {
		return nil, err
	}
	if err := c.openJournal(ctx, state, isResumed); err != nil {
		d.unregister(c)
		return nil, err
	}
	return c, nil
}

// Check returns why Admit would refuse the caller. It admits nobody and ends no line.
func (d *Desk) Check(ctx context.Context, caller Caller) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if !d.IsAccepting() {
		return errStopping()
	}
	if err := d.limiter.CheckStart(ctx, caller.Address); err != nil {
		return err
	}
	_, _, err := d.lookup(ctx, caller)
	return err
}

func errStopping() error {
	return fault.New(fault.Unavailable, "this server is about to stop").Retryable(time.Second)
}

// lookup loads the session that the caller resumes, and its agent. It returns Limited when
// the agent's token budget is spent.
func (d *Desk) lookup(ctx context.Context, caller Caller) (State, *dialog.Agent, error) {
	state := State{Created: time.Now()}
	if caller.Resume != "" {
		var err error
		if state, _, err = d.o.Store.Load(ctx, caller.Resume); err != nil {
			return State{}, nil, err
		}
		if err := state.checkResumable(); err != nil {
			return State{}, nil, err
		}
		caller.Agent = state.Agent
	}
	agent, err := d.o.Agent(caller.Agent)
	if err == nil {
		err = d.checkTokens(ctx, agent)
	}
	return state, agent, err
}

// checkTokens returns Limited when the agent's token budget is spent.
func (d *Desk) checkTokens(ctx context.Context, agent *dialog.Agent) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return d.limiter.SpendTokens(ctx, agent.Name, 0)
}

// checkResumable returns an error when the session can no longer be resumed.
func (s State) checkResumable() error {
	if s.IsOver() {
		return fault.New(fault.NotFound, "this conversation is over: please start a new one")
	}
	return nil
}

// register makes c the only line of its session: it ends the former line and waits for it.
func (d *Desk) register(ctx context.Context, c *Call) error {
	for {
		d.mu.Lock()
		if d.isDraining {
			d.mu.Unlock()
			return errStopping()
		}
		former := d.sessions[c.session]
		if former == nil {
			d.sessions[c.session] = c
			d.calls[c.id] = c
			d.running.Add(1)
			d.mu.Unlock()
			return nil
		}
		d.mu.Unlock()
		former.end(errMoved)
		select {
		case <-former.released:
		case <-ctx.Done():
			return fault.New(fault.Conflict, "this session is still busy on another line").Retryable(time.Second)
		}
	}
}

func (d *Desk) unregister(c *Call) {
	d.mu.Lock()
	delete(d.sessions, c.session)
	delete(d.calls, c.id)
	d.mu.Unlock()
	close(c.released)
	d.running.Done()
}

// Watch ends calls whose session another node takes over, as soon as that happens, until
// ctx ends. Without it, such a call ends when it next renews its lease.
func (d *Desk) Watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := d.o.Store.Watch(ctx, func(session string) {
			d.mu.Lock()
			c := d.sessions[session]
			d.mu.Unlock()
			if c == nil {
				return
			}
			select {
			case c.leaseTaken <- struct{}{}:
			default: // the call is about to check its lease already
			}
		})
		if err != nil {
			d.o.Log.Debug("watching the store failed", zap.Error(err))
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// Find returns the call with the ID. It finds a call from its admission to its end.
func (d *Desk) Find(id string) (*Call, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.calls[id]
	return c, ok
}

// IsAccepting reports whether the desk admits new calls.
func (d *Desk) IsAccepting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.isDraining
}

// Drain admits no more calls and returns when all calls have ended. If other nodes share
// the store, it waits until load balancers send new calls to them, and then ends each call
// as Draining between two sentences. Otherwise it waits for the calls to finish. When ctx
// ends first, it ends the remaining calls as Draining at once, and waits for that.
func (d *Desk) Drain(ctx context.Context) {
	d.mu.Lock()
	d.isDraining = true
	d.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		d.running.Wait()
	}()
	var noticed <-chan time.Time
	if d.o.SharedStore {
		noticed = time.After(drainNotice)
	}
	for {
		select {
		case <-idle:
			return
		case <-noticed:
			d.forEachCall(func(c *Call) { close(c.drain) })
		case <-ctx.Done():
			d.forEachCall(func(c *Call) { c.end(errDrained) })
			<-idle
			return
		}
	}
}

func (d *Desk) forEachCall(f func(*Call)) {
	d.mu.Lock()
	calls := slices.Collect(maps.Values(d.calls))
	d.mu.Unlock()
	for _, c := range calls {
		f(c)
	}
}
