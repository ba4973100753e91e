package sip

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/session"
)

const (
	defaultRing = 45 * time.Second
	longestRing = 3 * time.Minute
	maxRecords  = 1000 // calls whose state is remembered; the oldest one is forgotten first
)

// Outgoing is a call to be made.
type Outgoing struct {
	To     string // telephone number, or SIP address
	From   string // number shown; "": the trunk's
	Trunk  string // "": the first one whose plan allows the number
	Ring   time.Duration
	Caller session.Caller // the agent and what it is told; the rest is filled in
	session.Outbound
}

// State is where a call we make stands.
type State string

const (
	Ringing State = "ringing"
	Talking State = "talking"
	Ended   State = "ended"
)

// Record is what is known of a call we made.
type Record struct {
	ID      string         `json:"id"`
	Session string         `json:"session"`
	To      string         `json:"to"`
	Trunk   string         `json:"trunk"`
	State   State          `json:"state"`
	Result  session.Result `json:"result,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	MOS     float64        `json:"mos,omitempty"`
	Began   time.Time      `json:"began"`
	Took    *time.Time     `json:"answered,omitempty"`
	Over    *time.Time     `json:"ended,omitempty"`
}

// outgoing are the calls we made lately.
type outgoing struct {
	mu    sync.Mutex
	calls map[string]*placed
	order []string
}

// placed is one of them.
type placed struct {
	Record
	desk *session.Call
	call *call // while they talk
}

func (o *outgoing) add(p *placed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.order) == maxRecords {
		delete(o.calls, o.order[0])
		o.order = o.order[1:]
	}
	o.calls[p.ID] = p
	o.order = append(o.order, p.ID)
}

// change changes a call's record.
func (o *outgoing) change(p *placed, f func(*placed)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(p)
}

// find returns a call as it is now.
func (o *outgoing) find(id string) (placed, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.calls[id]
	if p == nil {
		return placed{}, false
	}
	return *p, true
}

// trunkTo finds the trunk that a number is dialled over, and the meter of its plan.
func (s *Server) trunkTo(number, name string) (*Trunk, *meter, error) {
	var refused error
	for i := range s.o.Trunks {
		t := &s.o.Trunks[i]
		if t.Server == "" || name != "" && t.Name != name {
			continue
		}
		m := s.meters[t.Name]
		if _, err := m.plan.price(number); err != nil {
			refused = err
			continue
		}
		return t, m, nil
	}
	if refused != nil {
		return nil, nil, refused
	}
	return nil, nil, fault.New(fault.NotFound, "there is no trunk %sthat calls go out by", quoted(name))
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return "\"" + name + "\" "
}

// Dial begins a call and returns at once; the call goes on by itself, and Find tells how.
// The error says why it was not begun: Invalid, NotFound, Forbidden by the plan, Limited.
func (s *Server) Dial(ctx context.Context, o Outgoing) (Record, error) {
	to, err := number(o.To)
	if err != nil {
		return Record{}, err
	}
	if o.From != "" {
		if o.From, err = number(o.From); err != nil || strings.HasPrefix(o.From, "sip") {
			return Record{}, fault.New(fault.Invalid, "from is not a telephone number such as +493012345678")
		}
	}
	if o.Ring == 0 {
		o.Ring = defaultRing
	}
	if o.Ring < time.Second || o.Ring > longestRing {
		return Record{}, fault.New(fault.Invalid, "a telephone can ring for 1 to %d seconds", int(longestRing.Seconds()))
	}
	t, m, err := s.trunkTo(to, o.Trunk)
	if err != nil {
		return Record{}, err
	}
	longest, done, err := m.begin(ctx, to)
	if err != nil {
		return Record{}, err
	}
	who := o.Caller
	who.Transport, who.Address, who.Trusted = "sip", "tel:"+to, true
	who.Number = to
	desk, err := s.o.Admit(ctx, who)
	if err != nil {
		done(0)
		return Record{}, err
	}
	p := &placed{desk: desk, Record: Record{
		ID: desk.ID(), Session: desk.Session(), To: to, Trunk: t.Name, State: Ringing, Began: time.Now().UTC(),
	}}
	s.outgoing.add(p)
	record := p.Record
	s.running.Go(func() { s.converse(p, t, o, longest, done) })
	return record, nil
}

// converse is a call we make, from the first ring to its end.
func (s *Server) converse(p *placed, t *Trunk, o Outgoing, longest time.Duration, done func(time.Duration)) {
	ctx, cancel := context.WithCancelCause(s.life)
	defer cancel(nil)
	var c *call
	var took time.Time
	tried := false
	ending := p.desk.Dial(ctx, o.Outbound, func(ctx context.Context) (dialog.Line, error) {
		ring, stop := context.WithTimeout(ctx, o.Ring)
		defer stop()
		var err error
		tried = true
		if c, err = s.ring(ring, t, p.To, o.From, done); err != nil {
			return dialog.Line{}, err
		}
		took = time.Now()
		late := time.AfterFunc(untilOr(longest), func() { cancel(errPlan) })
		context.AfterFunc(ctx, func() { late.Stop() })
		s.outgoing.change(p, func(p *placed) {
			at := took.UTC()
			p.State, p.Took, p.call = Talking, &at, c
		})
		return c.begin(cancel), nil
	})
	switch {
	case c != nil:
		c.finish()
		done(time.Since(took))
	case !tried:
		done(0)
	} // else the attempt sees to that
	s.outgoing.change(p, func(p *placed) {
		at := time.Now().UTC()
		p.State, p.Result, p.Reason, p.Over, p.call = Ended, ending.Result, ending.Reason, &at, nil
		if ending.Quality != nil {
			p.MOS = ending.Quality.MOS
		}
	})
}

var errPlan = fault.New(fault.Limited, "the longest duration the plan allows was reached")

// Ring implements session.DialFunc: it calls somebody a caller is to be connected with.
func (s *Server) Ring(ctx context.Context, to string) (dialog.Line, func(), error) {
	to, err := number(to)
	if err != nil {
		return dialog.Line{}, nil, err
	}
	t, m, err := s.trunkTo(to, "")
	if err != nil {
		return dialog.Line{}, nil, err
	}
	longest, done, err := m.begin(ctx, to)
	if err != nil {
		return dialog.Line{}, nil, err
	}
	s.running.Add(1)
	c, err := s.ring(ctx, t, to, "", done)
	if err != nil {
		s.running.Done()
		return dialog.Line{}, nil, err
	}
	took := time.Now()
	gone, cancel := context.WithCancelCause(s.life)
	late := time.AfterFunc(untilOr(longest), func() { cancel(errPlan) })
	line := c.begin(cancel)
	stop := context.AfterFunc(gone, c.hangUp) // which ends line.Inputs
	return line, sync.OnceFunc(func() {
		late.Stop()
		stop()
		cancel(nil)
		c.finish()
		done(time.Since(took))
		s.running.Done()
	}), nil
}

// untilOr is a limit as a timer has it, where 0 is none.
func untilOr(limit time.Duration) time.Duration {
	if limit == 0 {
		return math.MaxInt64
	}
	return limit - min(limit/2, requestTime) // for the goodbye, before another minute begins
}

// Find returns the record of a call we made lately.
func (s *Server) Find(id string) (Record, error) {
	p, ok := s.outgoing.find(id)
	if !ok {
		return Record{}, unknownCall(id)
	}
	return p.Record, nil
}

// HangUp ends a call we made, while it rings too.
func (s *Server) HangUp(id string) error {
	p, ok := s.outgoing.find(id)
	if !ok {
		return unknownCall(id)
	}
	p.desk.Hangup()
	return nil
}

// Press sends keys in a call we made. The error is a fault.Error: NotFound, Conflict while
// nobody has taken the call, Invalid.
func (s *Server) Press(id, keys string) error {
	p, ok := s.outgoing.find(id)
	switch {
	case !ok:
		return unknownCall(id)
	case p.call == nil:
		return fault.New(fault.Conflict, "keys can be pressed while the two talk; this call is %s", p.State)
	}
	return p.call.press(keys)
}

func unknownCall(id string) error {
	return fault.New(fault.NotFound, "there is no call %.60q among those made lately", id)
}
