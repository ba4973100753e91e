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
	"frontdesk/signaling/sip/dialplan"
)

const (
	defaultRingTime = 45 * time.Second
	maxRingTime     = 3 * time.Minute
	maxRecords      = 1000           // of calls we made; the oldest is forgotten first
	goodbyeTime     = requestTimeout // how long before the plan's limit a call ends, so that the BYE is in time
	noTimeLimit     = time.Duration(math.MaxInt64)
)

// DialRequest describes a call to be made.
type DialRequest struct {
	To     string // telephone number or SIP address
	From   string // caller ID; "": the trunk's
	Trunk  string // name; "": the first trunk whose plan allows the number
	Ring   time.Duration
	Caller session.Caller // the agent and its instructions; Dial sets the other fields
	session.Outbound
}

// State is the state of a call we made.
type State string

const (
	Ringing State = "ringing"
	Talking State = "talking"
	Ended   State = "ended"
)

// Record describes a call we made.
type Record struct {
	ID         string         `json:"id"`
	Session    string         `json:"session"`
	To         string         `json:"to"`
	Trunk      string         `json:"trunk"`
	State      State          `json:"state"`
	Result     session.Result `json:"result,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	MOS        float64        `json:"mos,omitempty"`
	StartedAt  time.Time      `json:"began"`
	AnsweredAt *time.Time     `json:"answered,omitempty"`
	EndedAt    *time.Time     `json:"ended,omitempty"`
}

// outgoingCalls holds the calls we made recently. The zero value is empty.
type outgoingCalls struct {
	mu    sync.Mutex
	calls map[string]*outgoingCall
	order []string // IDs, the oldest first
}

// outgoingCall is a call we made.
type outgoingCall struct {
	Record
	admitted *session.Call
	call     *call // nil while it rings and after it ended
}

func (o *outgoingCalls) add(c *outgoingCall) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.calls == nil {
		o.calls = make(map[string]*outgoingCall)
	}
	if len(o.order) == maxRecords {
		delete(o.calls, o.order[0])
		o.order = o.order[1:]
	}
	o.calls[c.ID] = c
	o.order = append(o.order, c.ID)
}

func (o *outgoingCalls) update(c *outgoingCall, change func(*outgoingCall)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(c)
}

// find returns a copy of a call. The error is NotFound.
func (o *outgoingCalls) find(id string) (outgoingCall, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.calls[id]
	if c == nil {
		return outgoingCall{}, fault.New(fault.NotFound, "unknown call %.60q (only calls made recently are known)", id)
	}
	return *c, nil
}

// findTrunk returns the trunk with the given name, or the first trunk whose plan allows the
// number. The error is NotFound or Forbidden.
func (s *Server) findTrunk(number, name string) (*Trunk, error) {
	var refused error
	for i := range s.o.Trunks {
		t := &s.o.Trunks[i]
		if t.Server == "" || name != "" && t.Name != name {
			continue
		}
		if refused = s.meters[t.Name].Check(number); refused == nil {
			return t, nil
		}
	}
	switch {
	case refused != nil:
		return nil, refused
	case name != "":
		return nil, fault.New(fault.NotFound, "unknown trunk %q for outbound calls (it needs a server)", name)
	}
	return nil, fault.New(fault.NotFound, "no trunk for outbound calls (it needs a server)")
}

// CheckNumber returns why no trunk's plan allows a number, or nil.
func (s *Server) CheckNumber(number string) error {
	to, err := dialplan.ParseNumber(number)
	if err == nil {
		_, err = s.findTrunk(to, "")
	}
	return err
}

// Dial starts a call and returns at once. Find tells how the call goes. The error is
// Invalid, NotFound, Forbidden by the plan, or Limited.
func (s *Server) Dial(ctx context.Context, o DialRequest) (Record, error) {
	to, err := dialplan.ParseNumber(o.To)
	if err != nil {
		return Record{}, err
	}
	if o.From != "" {
		if o.From, err = dialplan.ParseNumber(o.From); err != nil || strings.HasPrefix(o.From, "sip") {
			return Record{}, fault.New(fault.Invalid, "from is not a telephone number such as +493012345678")
		}
	}
	if o.Ring == 0 {
		o.Ring = defaultRingTime
	}
	if o.Ring < time.Second || o.Ring > maxRingTime {
		return Record{}, fault.New(fault.Invalid, "ring_seconds has to be 1 to %d", int(maxRingTime.Seconds()))
	}
	t, err := s.findTrunk(to, o.Trunk)
	if err != nil {
		return Record{}, err
	}
	if err := s.waitReady(ctx); err != nil {
		return Record{}, err
	}
	longest, done, err := s.meters[t.Name].Begin(ctx, to)
	if err != nil {
		return Record{}, err
	}
	callee := o.Caller
	callee.Transport, callee.Address, callee.Number, callee.Trusted = "sip", "tel:"+to, to, true
	admitted, err := s.admit(ctx, callee)
	if err != nil {
		done(0)
		return Record{}, err
	}
	if !s.addRunning() {
		done(0)
		admitted.Close()
		return Record{}, errStopping()
	}
	c := &outgoingCall{admitted: admitted, Record: Record{
		ID: admitted.ID(), Session: admitted.Session(), To: to, Trunk: t.Name, State: Ringing, StartedAt: time.Now().UTC(),
	}}
	s.outgoing.add(c)
	record := c.Record
	go func() {
		defer s.running.Done()
		s.runOutgoing(c, placeOptions{trunk: t, to: to, from: o.From, onFailed: done}, o, longest, done)
	}()
	return record, nil
}

// runOutgoing runs a call we make, from dialling to its end. done counts its billable
// duration.
func (s *Server) runOutgoing(p *outgoingCall, o placeOptions, request DialRequest, longest time.Duration, done func(time.Duration)) {
	ctx, cancel := context.WithCancelCause(s.life)
	defer cancel(nil)
	var c *call
	var answered time.Time
	isPlaced := false
	ending := p.admitted.Dial(ctx, request.Outbound, func(ctx context.Context) (dialog.Line, error) {
		ringing, stop := context.WithTimeout(ctx, request.Ring)
		defer stop()
		var err error
		isPlaced = true
		if c, err = s.place(ringing, o); err != nil {
			return dialog.Line{}, err
		}
		answered = time.Now()
		limit := time.AfterFunc(timeLimit(longest), func() { cancel(errTooLong) })
		context.AfterFunc(ctx, func() { limit.Stop() })
		s.outgoing.update(p, func(p *outgoingCall) {
			at := answered.UTC()
			p.State, p.AnsweredAt, p.call = Talking, &at, c
		})
		return c.start(cancel), nil
	})
	switch {
	case c != nil:
		c.finish()
		done(time.Since(answered))
	case !isPlaced:
		done(0)
	} // else place has called onFailed, or will
	s.outgoing.update(p, func(p *outgoingCall) {
		at := time.Now().UTC()
		p.State, p.Result, p.Reason, p.EndedAt, p.call = Ended, ending.Result, ending.Reason, &at, nil
		if ending.Quality != nil {
			p.MOS = ending.Quality.MOS
		}
	})
}

var errTooLong = fault.New(fault.Limited, "the longest duration the plan allows was reached")

// Ring implements session.DialFunc: it calls a person that a caller is to be connected with.
func (s *Server) Ring(ctx context.Context, to string) (dialog.Line, func(), error) {
	to, err := dialplan.ParseNumber(to)
	if err != nil {
		return dialog.Line{}, nil, err
	}
	t, err := s.findTrunk(to, "")
	if err != nil {
		return dialog.Line{}, nil, err
	}
	longest, done, err := s.meters[t.Name].Begin(ctx, to)
	if err != nil {
		return dialog.Line{}, nil, err
	}
	if !s.addRunning() {
		done(0)
		return dialog.Line{}, nil, errStopping()
	}
	c, err := s.place(ctx, placeOptions{trunk: t, to: to, onFailed: done})
	if err != nil {
		s.running.Done()
		return dialog.Line{}, nil, err
	}
	answered := time.Now()
	life, cancel := context.WithCancelCause(s.life)
	limit := time.AfterFunc(timeLimit(longest), func() { cancel(errTooLong) })
	line := c.start(cancel)
	stop := context.AfterFunc(life, c.hangUp) // which closes line.Inputs
	return line, sync.OnceFunc(func() {
		limit.Stop()
		stop()
		cancel(nil)
		c.finish()
		done(time.Since(answered))
		s.running.Done()
	}), nil
}

// timeLimit returns after how long to hang up a call that may last for longest (0 is no
// limit). It is a little less than longest, so that no further minute is billed.
func timeLimit(longest time.Duration) time.Duration {
	if longest == 0 {
		return noTimeLimit
	}
	return longest - min(longest/2, goodbyeTime)
}

// Find returns the record of a call we made recently. The error is NotFound.
func (s *Server) Find(id string) (Record, error) {
	c, err := s.outgoing.find(id)
	return c.Record, err
}

// HangUp ends a call we made, even while it rings. The error is NotFound.
func (s *Server) HangUp(id string) error {
	c, err := s.outgoing.find(id)
	if err != nil {
		return err
	}
	c.admitted.HangUp()
	return nil
}

// SendDTMF sends DTMF digits in a call we made. The error is NotFound, Invalid, or Conflict
// if the call is not answered.
func (s *Server) SendDTMF(id, digits string) error {
	c, err := s.outgoing.find(id)
	switch {
	case err != nil:
		return err
	case c.call == nil:
		return fault.New(fault.Conflict, "DTMF digits can be sent only in an answered call; this call is %s", c.State)
	}
	return c.call.sendDTMF(digits)
}
