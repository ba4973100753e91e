// Package callback keeps what callers were promised: each hand-over to a person becomes a durable
// workflow, which waits for the live transfer, and otherwise makes the call-back at the promised
// time, or watches that the team does.
//
// Promises come from tools.Tickets, in which hand_over stores them with the ticket. Calls leave
// through Options.Call, and what became of them is noted on the ticket, which tells the outbox.
// Of Frontdesk the package imports tools, tools/workflow, internal/fault, internal/hours
// and internal/words. docs/workflows.md explains the steps.
package callback

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/internal/hours"
	"frontdesk/tools"
	"frontdesk/tools/workflow"
)

// By is who makes a call-back.
type By string

// Who makes a call-back.
const (
	Team   By = "team"   // people do; the workflow watches that they work on the ticket
	Person By = "person" // a person is called first and then connected with the caller
	Agent  By = "agent"  // the agent calls the caller
	Nobody By = "off"    // nothing is watched
)

// Settings are how the call-backs of an agent are made. Zero fields stand for the defaults.
type Settings struct {
	By     By
	Tries  int           // calls until somebody answers; default 3
	Delay  time.Duration // before the first call if no time was promised, and between calls; default 15 min
	Within time.Duration // by the team: how long after the promised time they may work on the ticket; default 4 h
	Hours  *hours.Hours  // when calls are made
}

const (
	defaultTries  = 3
	defaultDelay  = 15 * time.Minute
	defaultWithin = 4 * time.Hour
)

func (s Settings) withDefaults() Settings {
	if s.By == "" {
		s.By = Team
	}
	if s.Tries <= 0 {
		s.Tries = defaultTries
	}
	if s.Delay <= 0 {
		s.Delay = defaultDelay
	}
	if s.Within <= 0 {
		s.Within = defaultWithin
	}
	return s
}

// open returns the first time from t on at which calls are made.
func (s Settings) open(t time.Time) time.Time {
	if opening, ok := s.Hours.NextOpening(t); ok {
		return opening
	}
	return t // it does not open again: late is better than never
}

// timeText returns a time as it stands on a ticket.
func (s Settings) timeText(t time.Time) string { return s.Hours.In(t).Format("2006-01-02 15:04 MST") }

// Result is what became of a call.
type Result string

// Results of a call. Only Answered ends a call-back.
const (
	Answered    Result = "answered"
	Busy        Result = "busy"
	NoAnswer    Result = "no_answer"
	Declined    Result = "declined"
	Machine     Result = "machine" // an answering machine answered
	Unreachable Result = "unreachable"
	NoPerson    Result = "no_person" // the person who is to be connected did not answer
	Unknown     Result = "unknown"   // the process died during the call

	dropped Result = "dropped" // nobody waits for the call any more
)

// Options are what a Keeper needs.
type Options struct {
	Tickets  *tools.Tickets
	Flows    *workflow.Engine
	Settings func(agent string) Settings
	// AwaitTransfer returns when nobody can take the call of a ticket any more: when its transfer
	// has failed, or its session has no call in this process.
	AwaitTransfer func(ctx context.Context, t tools.Ticket) error
	// CanCall reports whether the caller of a ticket can be called back by somebody. nil: no.
	CanCall func(t tools.Ticket, by By) bool
	// Call calls the caller of a ticket and returns when the call has ended. A key is called once
	// by a process: asked again, it waits for the same call. An error is that of workflow.NotDone
	// if no telephone has rung.
	Call func(ctx context.Context, key string, t tools.Ticket, by By) (Result, error)
	// IsCalling reports whether this process makes the call of a key.
	IsCalling func(key string) bool
	Log       *zap.Logger

	Poll time.Duration // between two looks for promises; 0 means 5 s
	// Grace is for how long only the process that stored a promise starts its workflow, because
	// only there a person can take the call; 0 means 30 s.
	Grace time.Duration
	// Retry is the delay after a call that could not be begun, as over a limit of the dial plan;
	// 0 means a minute. It is tried ten times.
	Retry time.Duration
}

// Name is that of the workflow, with which its ids begin: callback.TICKET.ROUND.
const Name = "callback"

const (
	defaultPoll  = 5 * time.Second
	defaultGrace = 30 * time.Second
	defaultRetry = time.Minute
	// byTicket is why a wait has ended whose ticket has ended.
	byTicket = "ticket"
)

// Keeper keeps promises. Safe for concurrent use.
type Keeper struct {
	o Options

	mu     sync.Mutex
	counts map[Result]uint64
	missed uint64
}

// Counts returns what became of the calls that this process has noted, and how many call-backs it
// has told to be missed.
func (k *Keeper) Counts() (calls map[Result]uint64, missed uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.counts), k.missed
}

// count counts a call, unless result is "", and a missed call-back.
func (k *Keeper) count(result Result, isMissed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if result != "" {
		k.counts[result]++
	}
	if isMissed {
		k.missed++
	}
}

// New registers the workflow. Call it before the engine is launched and the tickets are used.
func New(o Options) *Keeper {
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.Grace <= 0 {
		o.Grace = defaultGrace
	}
	if o.Retry <= 0 {
		o.Retry = defaultRetry
	}
	k := &Keeper{o: o, counts: make(map[Result]uint64)}
	workflow.Register(o.Flows, Name, k.run)
	o.Tickets.OnPromise(func(ctx context.Context, id tools.TicketID) {
		c, err := o.Tickets.CallBackOf(ctx, id)
		if err == nil {
			err = k.start(ctx, c)
		}
		if err != nil {
			o.Log.Warn("the workflow of a hand-over was not started; retrying", zap.Error(err))
		}
	})
	return k
}

// promise is the input of the workflow. It says nothing about a person.
type promise struct {
	Ticket     string `json:"ticket"`
	Round      int    `json:"round"`
	InTransfer bool   `json:"in_transfer"`
}

func flowID(c tools.PromisedCallBack) string {
	return fmt.Sprintf("%s.%s.%d", Name, c.Ticket, c.Round)
}

// start starts the workflow of a promise, once.
func (k *Keeper) start(ctx context.Context, c tools.PromisedCallBack) error {
	ctx = context.WithoutCancel(ctx) // the caller may hang up meanwhile
	if err := k.o.Flows.Start(Name, flowID(c), promise{c.Ticket.String(), c.Round, c.InTransfer}); err != nil {
		return err
	}
	return k.o.Tickets.StartedCallBack(ctx, c.Ticket, c.Round)
}

// Run starts the workflows of promises whose process died, and ends the waits of those whose
// ticket has ended or is gone, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(k.o.Poll)
	defer tick.Stop()
	for {
		if err := k.compare(ctx); err != nil && ctx.Err() == nil {
			k.o.Log.Warn("promised call-backs not looked for; retrying", zap.Error(err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// compare makes the workflows follow the promises.
func (k *Keeper) compare(ctx context.Context) error {
	waits, err := k.o.Flows.Waits(ctx) // before the promises, so that a new wait has its promise
	if err != nil {
		return err
	}
	promises, err := k.o.Tickets.CallBacks(ctx)
	if err != nil {
		return err
	}
	wanted := make(map[string]bool)
	for _, c := range promises {
		wanted[flowID(c)] = c.IsWanted
		if c.IsWanted && !c.IsStarted && (c.Round > 1 || time.Since(c.At) > k.o.Grace) {
			if err := k.start(ctx, c); err != nil {
				return err
			}
		}
	}
	for id := range waits {
		if strings.HasPrefix(id, Name+".") && !wanted[id] {
			if _, err := k.o.Flows.Wake(ctx, id, byTicket); err != nil {
				return err
			}
		}
	}
	return nil
}

// isGone reports whether an error says that a ticket or its promise does not exist any more.
func isGone(err error) bool { return err != nil && fault.From(err).Code == fault.NotFound }
