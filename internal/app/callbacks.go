package app

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/internal/fault"
	"frontdesk/internal/phone"
	"frontdesk/internal/words"
	"frontdesk/session"
	"frontdesk/signaling/sip"
	"frontdesk/tools"
	"frontdesk/tools/callback"
	"frontdesk/tools/workflow"
)

const (
	callPoll      = 200 * time.Millisecond // between two looks whether a call has ended
	keptResults   = time.Hour              // for which the result of a call waits for its workflow
	maxSummary    = 300                    // bytes that a person hears before a call-back
	longestToWait = 12 * time.Hour         // for the end of a call
)

// callBacks makes the calls of promised call-backs. Safe for concurrent use.
type callBacks struct {
	agents    *agentSet
	desk      *session.Desk
	telephone *sip.Server // nil without SIP
	log       *zap.Logger

	life  context.Context // of the calls
	stop  func()
	work  sync.WaitGroup
	mu    sync.Mutex
	calls map[string]*placedCall // by key
}

// placedCall is a call that was begun.
type placedCall struct {
	done   chan struct{} // closed when result and err are set
	result callback.Result
	err    error
}

// keepCallBacks registers the workflow of hand-overs and call-backs. The returned function runs
// what starts them.
func (n *node) keepCallBacks(flows *workflow.Engine) (run func(context.Context), stop func()) {
	b := &callBacks{agents: n.agents, desk: n.desk, telephone: n.telephone, log: n.log, calls: make(map[string]*placedCall)}
	b.life, b.stop = context.WithCancel(context.Background())
	if n.telephone == nil {
		b.warn()
	}
	k := callback.New(callback.Options{
		Tickets: n.agents.tickets, Flows: flows, Log: n.log,
		Settings: b.settings,
		AwaitTransfer: func(ctx context.Context, t tools.Ticket) error {
			return n.desk.AwaitTransfer(ctx, t.Session, t.ID.String())
		},
		CanCall: b.canCall, Call: b.call, IsCalling: b.isCalling,
	})
	n.metrics.Register(callBackMetrics{k})
	return k.Run, func() { b.stop(); b.work.Wait() }
}

// warn tells of agents whose call-backs cannot be made without a telephone.
func (b *callBacks) warn() {
	for name, a := range b.agents.byName {
		if by := a.Handover.CallBack.By; by == dialog.CallBackByAgent || by == dialog.CallBackByPerson {
			b.log.Warn("the team must make promised call-backs, because this server has no telephone: set sip, or handover.callback.by: team",
				zap.String("agent", name))
		}
	}
}

// callBackMetrics collects what became of promised call-backs.
type callBackMetrics struct{ keeper *callback.Keeper }

var (
	callBackCalls  = prometheus.NewDesc("frontdesk_callback_calls_total", "Calls that this node made for promised call-backs, by result.", []string{"result"}, nil)
	callBackMissed = prometheus.NewDesc("frontdesk_callbacks_missed_total", "Promised call-backs that were not made, as told by this node.", nil, nil)
)

// Describe implements prometheus.Collector.
func (callBackMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- callBackCalls
	to <- callBackMissed
}

// Collect implements prometheus.Collector.
func (m callBackMetrics) Collect(to chan<- prometheus.Metric) {
	calls, missed := m.keeper.Counts()
	for result, n := range calls {
		to <- prometheus.MustNewConstMetric(callBackCalls, prometheus.CounterValue, float64(n), string(result))
	}
	to <- prometheus.MustNewConstMetric(callBackMissed, prometheus.CounterValue, float64(missed))
}

// settings returns how an agent's call-backs are made.
func (b *callBacks) settings(agent string) callback.Settings {
	a, err := b.agents.Find(agent)
	if err != nil {
		return callback.Settings{} // the agent is gone: the team calls back
	}
	c := a.Handover.CallBack
	return callback.Settings{By: callback.By(c.By), Tries: c.Tries, Delay: c.Delay, Within: c.Within, Hours: a.Handover.Hours}
}

// canCall reports whether the caller of a ticket can be called back: only the line on which the
// ticket was opened is called, if a dial plan allows it.
func (b *callBacks) canCall(t tools.Ticket, by callback.By) bool {
	a, err := b.agents.Find(t.Agent)
	if err != nil || b.telephone == nil || !phone.IsCallback(t.Line) || by == callback.Person && a.Handover.To == "" {
		return false
	}
	if err := b.telephone.CheckNumber(t.Line); err != nil {
		b.log.Warn("a caller is not called back, because no dial plan allows their line; the team must call",
			zap.Stringer("ticket", t.ID), zap.String("code", string(fault.From(err).Code)))
		return false
	}
	return true
}

// call calls the caller of a ticket and returns when the call has ended. A key is called once.
func (b *callBacks) call(ctx context.Context, key string, t tools.Ticket, by callback.By) (callback.Result, error) {
	b.mu.Lock()
	c := b.calls[key]
	if c == nil {
		c = &placedCall{done: make(chan struct{})}
		b.calls[key] = c
		b.work.Go(func() {
			ctx, cancel := context.WithTimeout(b.life, longestToWait)
			defer cancel()
			c.result, c.err = b.place(ctx, key, t, by)
			close(c.done)
			time.AfterFunc(keptResults, func() { b.forget(key, c) })
		})
	}
	b.mu.Unlock()
	select {
	case <-c.done:
		b.forget(key, c)
		return c.result, c.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (b *callBacks) forget(key string, c *placedCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calls[key] == c {
		delete(b.calls, key)
	}
}

// isCalling reports whether the call of a key was begun by this process, and its workflow does
// not know the result.
func (b *callBacks) isCalling(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[key] != nil
}

// place makes a call.
func (b *callBacks) place(ctx context.Context, key string, t tools.Ticket, by callback.By) (callback.Result, error) {
	if by == callback.Person {
		return b.placeByPerson(ctx, t)
	}
	a, err := b.agents.Find(t.Agent)
	if err != nil || b.telephone == nil { // the plan is another node's
		return callback.Unreachable, nil
	}
	line, about, err := callBack(b.agents.tickets)(ctx, t.ID.String())
	if err != nil {
		return "", workflow.NotDone(err)
	}
	record, err := b.telephone.Dial(ctx, sip.DialRequest{
		To: line,
		Caller: session.Caller{
			Agent: t.Agent, Greeting: conversation.CallBackGreeting(a.Language, a.Title), About: about, RequestID: key,
		},
		Outbound: session.Outbound{DetectMachine: true, MachineMessage: a.Handover.CallBack.Message},
	})
	if err != nil {
		return resultOfError(err)
	}
	tick := time.NewTicker(callPoll)
	defer tick.Stop()
	for record.State != sip.Ended {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if record, err = b.telephone.Find(record.ID); err != nil {
			return callback.Unknown, nil
		}
	}
	return resultOfRecord(record), nil
}

// placeByPerson connects the agent's person with the caller of a ticket.
func (b *callBacks) placeByPerson(ctx context.Context, t tools.Ticket) (callback.Result, error) {
	a, err := b.agents.Find(t.Agent)
	if err != nil {
		return callback.Unreachable, nil
	}
	hasPerson, err := b.desk.ConnectBack(ctx, a, t.Line, words.Clip(cmp.Or(t.Description, t.Subject), maxSummary))
	switch {
	case err == nil:
		return callback.Answered, nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !hasPerson && fault.From(err).Code != fault.Limited:
		return callback.NoPerson, nil
	case hasPerson && fault.From(err).Code == fault.Limited:
		return callback.Unreachable, nil // the person's telephone has rung, so this was a try
	}
	return resultOfError(err)
}

// resultOfError returns what became of a call that was not answered.
func resultOfError(err error) (callback.Result, error) {
	switch fault.From(err).Code {
	case fault.Busy:
		return callback.Busy, nil
	case fault.NoAnswer:
		return callback.NoAnswer, nil
	case fault.Declined:
		return callback.Declined, nil
	case fault.Limited:
		return "", workflow.NotDone(err) // no telephone has rung: it is tried again
	}
	return callback.Unreachable, nil
}

// resultOfRecord returns what became of a call that has ended.
func resultOfRecord(r sip.Record) callback.Result {
	switch r.Result {
	case session.Busy:
		return callback.Busy
	case session.Declined:
		return callback.Declined
	case session.Machine:
		return callback.Machine
	case session.Silent:
		return callback.NoAnswer
	case session.NoAnswer, session.Unreachable:
		return callback.Result(r.Result)
	}
	if r.AnsweredAt == nil {
		return callback.Unreachable
	}
	return callback.Answered
}
