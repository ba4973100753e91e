package callback

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/workflow"
)

const (
	longestCall = 12 * time.Hour // then its step looks again whether it has ended
	startTries  = 10             // to begin a call
)

// forever is the policy of steps that use only the database: a promise is not lost because it is
// away for long.
var forever = workflow.Policy{MaxAttempts: math.MaxInt, Retryable: func(error) bool { return true }}

// plan is how a promise is kept.
type plan struct {
	IsOver bool          `json:"is_over,omitempty"` // nothing is left to do
	By     By            `json:"by,omitempty"`
	Due    time.Time     `json:"due"`   // when the caller expects the call; zero if no time was promised
	At     time.Time     `json:"at"`    // when the workflow acts
	Tries  int           `json:"tries"` // calls
	Delay  time.Duration `json:"delay"` // between calls
}

// run is the workflow: the live transfer, the promise, and the call-back.
func (k *Keeper) run(r *workflow.Run, in promise) error {
	id, ok := tools.ParseTicketID(in.Ticket)
	if !ok {
		return fault.New(fault.Damaged, "the workflow's input has no ticket")
	}
	f := flow{k, r, id, in.Round}
	if in.InTransfer {
		if err := f.transfer(); err != nil {
			return err
		}
	}
	p, err := workflow.Do(r, workflow.Step[plan]{
		Name: "promise", Retry: forever,
		Do:   func(ctx context.Context, key string) (plan, error) { return f.promise(ctx, key) },
		Undo: func(ctx context.Context, key string, p plan) error { return f.cancel(ctx, key, p) },
	})
	switch {
	case err != nil || p.IsOver:
		return err
	case p.By == Team:
		return f.watch(p)
	}
	return f.callBack(p)
}

// flow is one execution of the workflow.
type flow struct {
	*Keeper
	r     *workflow.Run
	id    tools.TicketID
	round int
}

// ticket returns the ticket of the promise. isOver is true if nobody waits for a call-back: the
// ticket has ended or is gone, or the promise is settled.
func (f flow) ticket(ctx context.Context) (t tools.Ticket, c tools.PromisedCallBack, isOver bool, err error) {
	if c, err = f.o.Tickets.CallBackOf(ctx, f.id); err == nil {
		t, err = f.o.Tickets.GetAsOperator(ctx, f.id)
	}
	if isGone(err) {
		return t, c, true, nil
	}
	return t, c, err == nil && (!c.IsWanted || c.Round != f.round), err
}

// over settles a promise for which nobody waits.
func (f flow) over(ctx context.Context) error {
	return f.o.Tickets.SettleCallBack(ctx, f.id, f.round)
}

// transfer waits until nobody can take the call any more. If a person takes it, that is when the
// call ends, and the ticket is solved by then. After a crash the call is lost, and so this step
// ends at once.
func (f flow) transfer() error {
	_, err := workflow.Do(f.r, workflow.Step[bool]{
		Name: "transfer", Retry: forever, Waits: true, Timeout: longestCall,
		Do: func(ctx context.Context, _ string) (bool, error) {
			t, _, isOver, err := f.ticket(ctx)
			if err != nil || isOver {
				return true, err
			}
			return true, f.o.AwaitTransfer(ctx, t)
		},
	})
	return err
}

// promise decides how the call-back is made, and tells that it is promised now.
func (f flow) promise(ctx context.Context, key string) (plan, error) {
	t, c, isOver, err := f.ticket(ctx)
	switch {
	case err != nil:
		return plan{}, err
	case isOver:
		return plan{IsOver: true}, f.over(ctx)
	}
	s := f.o.Settings(t.Agent).withDefaults()
	p := plan{By: s.By, Due: c.Due, Tries: s.Tries, Delay: s.Delay}
	if (p.By == Person || p.By == Agent) && (f.o.CanCall == nil || !f.o.CanCall(t, p.By)) {
		p.By = Team
	}
	switch {
	case p.By == Team:
		from := c.Due
		if from.IsZero() {
			from = time.Now()
		}
		p.At = s.open(from.Add(s.Within))
	case !c.Due.IsZero():
		p.At = s.open(c.Due)
	default:
		p.At = s.open(time.Now().Add(s.Delay))
	}
	change := tools.CallBackChange{IsPromised: c.InTransfer, Due: c.Due}
	if p.By == Person || p.By == Agent {
		change.Note = fmt.Sprintf(textsFor(t.Language).planned, s.timeText(p.At))
	}
	if change.IsPromised || change.Note != "" {
		err = f.o.Tickets.UpdateCallBack(ctx, key, f.id, f.round, change)
	}
	if err == nil && p.By == Nobody {
		p.IsOver = true
		err = f.over(ctx)
	}
	if isGone(err) {
		return plan{IsOver: true}, nil
	}
	return p, err
}

// cancel notes that an operator has canceled the workflow.
func (f flow) cancel(ctx context.Context, key string, p plan) error {
	t, _, isOver, err := f.ticket(ctx)
	switch {
	case err != nil:
		return err
	case isOver || p.IsOver:
		return f.over(ctx)
	}
	err = f.o.Tickets.UpdateCallBack(ctx, key, f.id, f.round, tools.CallBackChange{IsSettled: true, Note: textsFor(t.Language).canceled})
	if isGone(err) {
		return nil
	}
	return err
}

// wait waits until a time. isOver is true if nobody waits for a call-back any more.
func (f flow) wait(name string, at time.Time) (isOver bool, err error) {
	for n := 1; ; n++ {
		reason, err := workflow.WaitUntil(f.r, fmt.Sprintf("wait for %s, %d", name, n), at)
		if err != nil {
			return false, err
		}
		isOver, err = workflow.Do(f.r, workflow.Step[bool]{
			Name: fmt.Sprintf("look before %s, %d", name, n), Retry: forever,
			Do: func(ctx context.Context, _ string) (bool, error) {
				_, _, isOver, err := f.ticket(ctx)
				if err == nil && isOver {
					err = f.over(ctx)
				}
				return isOver, err
			},
		})
		if err != nil || isOver || reason != byTicket {
			return isOver, err
		}
	}
}

// watch waits until the team must have worked on the ticket, and tells if they have not.
func (f flow) watch(p plan) error {
	isOver, err := f.wait("the team", p.At)
	if err != nil || isOver {
		return err
	}
	_, err = workflow.Do(f.r, workflow.Step[bool]{Name: "tell", Retry: forever, Do: func(ctx context.Context, key string) (bool, error) {
		t, _, isOver, err := f.ticket(ctx)
		switch {
		case err != nil:
			return false, err
		case isOver || t.IsTouched():
			return true, f.over(ctx)
		}
		err = f.note(ctx, key, tools.CallBackChange{IsSettled: true, IsMissed: true, Due: p.Due, Note: textsFor(t.Language).untouched})
		if err == nil {
			f.count("", true)
		}
		return true, err
	}})
	return err
}

// callBack calls until somebody answers, or all tries have failed.
func (f flow) callBack(p plan) error {
	at := p.At
	for try := 1; try <= p.Tries; try++ {
		name := fmt.Sprint("call ", try)
		isOver, err := f.wait(name, at)
		if err != nil || isOver {
			return err
		}
		result, err := f.call(name, p.By)
		if err != nil || result == dropped {
			return err
		}
		at, err = workflow.Do(f.r, workflow.Step[time.Time]{Name: "note of " + name, Retry: forever, Do: func(ctx context.Context, key string) (time.Time, error) {
			return f.afterCall(ctx, key, p, try, result)
		}})
		if err != nil || result == Answered {
			return err
		}
	}
	return nil
}

// call makes one call. A telephone rings at most once for a step: what became of a call whose
// process died is not known, and it is not made again.
func (f flow) call(name string, by By) (Result, error) {
	result, err := workflow.Do(f.r, workflow.Step[Result]{
		Name: name, Once: true, Waits: true, Timeout: longestCall,
		Retry: workflow.Policy{MaxAttempts: startTries, Backoff: workflow.Fixed, Base: f.o.Retry, Retryable: func(error) bool { return true }},
		Do: func(ctx context.Context, key string) (Result, error) {
			t, _, isOver, err := f.ticket(ctx)
			switch {
			case err != nil:
				return "", workflow.NotDone(err)
			case isOver:
				return dropped, f.over(ctx)
			}
			return f.o.Call(ctx, key, t, by)
		},
		Check: func(_ context.Context, key string) (Result, bool, error) {
			return Unknown, f.o.IsCalling == nil || !f.o.IsCalling(key), nil
		},
	})
	var failed *workflow.StepError
	if errors.As(err, &failed) && failed.State == workflow.Failed {
		return Unreachable, nil // it could not be begun
	}
	return result, err
}

// afterCall notes what became of a call, and returns when the next one is due.
func (f flow) afterCall(ctx context.Context, key string, p plan, try int, result Result) (next time.Time, err error) {
	t, _, _, err := f.ticket(ctx)
	if err != nil {
		return next, err
	}
	text := textsFor(t.Language)
	c := tools.CallBackChange{Note: fmt.Sprintf(text.try, try, p.Tries, text.results[result])}
	switch {
	case result == Answered:
		c.IsSettled = true
	case try == p.Tries:
		c.IsSettled, c.IsMissed, c.Due, c.Attempts = true, true, p.Due, try
		c.Note += " " + text.missed
	default:
		s := f.o.Settings(t.Agent)
		next = s.open(time.Now().Add(p.Delay))
		c.Note += " " + fmt.Sprintf(text.next, s.timeText(next))
	}
	if err = f.note(ctx, key, c); err == nil {
		f.count(result, c.IsMissed)
	}
	return next, err
}

// note changes the promise, unless the ticket is gone.
func (f flow) note(ctx context.Context, key string, c tools.CallBackChange) error {
	if err := f.o.Tickets.UpdateCallBack(ctx, key, f.id, f.round, c); !isGone(err) {
		return err
	}
	return nil
}
