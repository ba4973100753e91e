package session

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	leaseTTL     = 10 * time.Second
	leaseRenewal = 3 * time.Second
	storeTimeout = 3 * time.Second
	moveTimeout  = 5 * time.Second
	noticeTime   = 2 * time.Second // for those who spread the calls to notice that a node takes none
	goOnWithin   = time.Minute     // of a broken reply: who comes back later has moved on
)

// Why a running call is told to end; the cause of its context.
var (
	errHungUp   = errors.New("hung up")
	errMoved    = errors.New("another line took over")
	errFenced   = errors.New("another node took the session")
	errReferred = errors.New("the caller was transferred")
	errDrained  = errors.New("the server is stopping")
	errTooLong  = errors.New("the longest duration of a call was reached")
)

// Options is what a Desk needs.
type Options struct {
	Store    Store
	Tokens   *Tokens
	Agent    func(name string) (*dialog.Agent, error) // "" asks for the default one; fault.NotFound
	Node     string                                   // names this process in leases and logs
	Limits   Limits
	Gate     Gate          // keeps the limits; nil: those of this process alone
	Life     time.Duration // how long a session may be resumed after it was last heard
	Shared   bool          // other nodes share Store: calls need not end where they began
	Spare    time.Duration // how long a session that cannot be resumed any more waits for its archive
	Ring     Ring          // calls people, for callers who want one; nil: there is no telephone
	Records  string        // folder for recordings of the agents that ask for them; "" records none
	Observer Observer
	Log      *zap.Logger
}

// Observer counts what happens. Its methods must not block and are called from many goroutines.
type Observer interface {
	CallStarted(transport string)
	CallEnded(transport string, e Ending, lasted time.Duration)
	Event(dialog.Event) // every event of every conversation
}

// Desk admits callers and runs their calls. Safe for concurrent use.
type Desk struct {
	o    Options
	gate Gate

	mu       sync.Mutex
	draining bool
	calls    map[string]*Call // by call id
	sessions map[string]*Call // the one line of each session
	running  sync.WaitGroup
	memories queues // by whom they are of
}

// NewDesk makes a desk.
func NewDesk(o Options) *Desk {
	if o.Gate == nil {
		o.Gate = NewGate(o.Limits)
	}
	return &Desk{
		o:        o,
		gate:     o.Gate,
		calls:    make(map[string]*Call),
		sessions: make(map[string]*Call),
	}
}

// Admit checks limits, finds the agent, takes the session's lease (from another
// line of this process too) and loads its history. The error is a fault.Error.
func (d *Desk) Admit(ctx context.Context, who Caller) (*Call, error) {
	ctx, cancel := context.WithTimeout(ctx, moveTimeout+storeTimeout)
	defer cancel()
	session := who.Resume
	if session == "" {
		session = "sess_" + rand.Text()
	}
	if err := d.gate.Enter(ctx, session, who.Address); err != nil {
		return nil, err
	}
	c, err := d.admit(ctx, session, who)
	if err != nil {
		_ = d.gate.Leave(ctx, session, who.Address) // else it is forgotten
		return nil, err
	}
	return c, nil
}

func (d *Desk) admit(ctx context.Context, session string, who Caller) (*Call, error) {
	c := &Call{
		desk: d, who: who,
		id:      "rtc_" + rand.Text(),
		session: session,
		doubt:   make(chan struct{}, 1),
		parting: make(chan struct{}),
		done:    make(chan struct{}),
	}
	resumed := who.Resume != ""
	c.log = d.o.Log.With(zap.String("call", c.id), zap.String("session", c.session), zap.String("request", who.Request))
	state, agent, err := d.look(ctx, who)
	if err != nil { // before the line that is there has to go
		return nil, err
	}
	state.Agent, c.who.Agent, c.agent = agent.Name, agent.Name, agent
	if err := d.seat(ctx, c); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, state, resumed); err != nil {
		d.unseat(c)
		return nil, err
	}
	return c, nil
}

// Check says why Admit would refuse who. It admits nobody, and takes no line from anybody.
func (d *Desk) Check(ctx context.Context, who Caller) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if !d.Accepting() {
		return stopping()
	}
	if err := d.gate.Check(ctx, who.Address); err != nil {
		return err
	}
	_, _, err := d.look(ctx, who)
	return err
}

func stopping() error {
	return fault.New(fault.Unavailable, "this server is about to stop").Retryable(time.Second)
}

// look finds who's session, where one is resumed, and agent, who must have tokens left.
func (d *Desk) look(ctx context.Context, who Caller) (State, *dialog.Agent, error) {
	state := State{Created: time.Now()}
	if who.Resume != "" {
		var err error
		if state, _, err = d.o.Store.Load(ctx, who.Resume); err != nil {
			return State{}, nil, err
		}
		if err := state.open(); err != nil {
			return State{}, nil, err
		}
		who.Agent = state.Agent
	}
	agent, err := d.o.Agent(who.Agent)
	if err == nil {
		err = d.gate.Spend(ctx, agent.Name, 0)
	}
	return state, agent, err
}

// open is nil while a session may be resumed.
func (s State) open() error {
	if s.Over() {
		return fault.New(fault.NotFound, "this conversation is over: please start a new one")
	}
	return nil
}

// seat makes c the one line of its session, after the line before it has ended.
func (d *Desk) seat(ctx context.Context, c *Call) error {
	for {
		d.mu.Lock()
		if d.draining {
			d.mu.Unlock()
			return stopping()
		}
		old := d.sessions[c.session]
		if old == nil {
			d.sessions[c.session] = c
			d.calls[c.id] = c
			d.running.Add(1)
			d.mu.Unlock()
			return nil
		}
		d.mu.Unlock()
		old.end(errMoved)
		select {
		case <-old.done:
		case <-ctx.Done():
			return fault.New(fault.Conflict, "this session is still busy on another line").Retryable(time.Second)
		}
	}
}

func (d *Desk) unseat(c *Call) {
	d.mu.Lock()
	delete(d.sessions, c.session)
	delete(d.calls, c.id)
	d.mu.Unlock()
	close(c.done)
	d.running.Done()
}

// Watch has calls end whose sessions other nodes take, as soon as that happens, until ctx
// ends. Without it they end when they next renew their lease.
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
			case c.doubt <- struct{}{}:
			default: // it is looking already
			}
		})
		if err != nil {
			d.o.Log.Debug("not told of leases", zap.Error(err))
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// Find returns the admitted call of that id, until it is over.
func (d *Desk) Find(id string) (*Call, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.calls[id]
	return c, ok
}

// Accepting reports whether new calls are admitted.
func (d *Desk) Accepting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.draining
}

// Drain admits no more calls and returns when the running ones have ended: where other
// nodes share the store as Draining, between two sentences, once those nodes are known
// to take calls; else when they have finished. When ctx ends first, it ends them as
// Draining at once, and waits for that.
func (d *Desk) Drain(ctx context.Context) {
	d.mu.Lock()
	d.draining = true
	d.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		d.running.Wait()
	}()
	var part <-chan time.Time
	if d.o.Shared {
		part = time.After(noticeTime)
	}
	for {
		select {
		case <-idle:
			return
		case <-part:
			d.each(func(c *Call) { close(c.parting) })
		case <-ctx.Done():
			d.each(func(c *Call) { c.end(errDrained) })
			<-idle
			return
		}
	}
}

// each calls f for every call there is.
func (d *Desk) each(f func(*Call)) {
	d.mu.Lock()
	calls := slices.Collect(maps.Values(d.calls))
	d.mu.Unlock()
	for _, c := range calls {
		f(c)
	}
}
