package outbox

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
)

const (
	firstDelay  = 5 * time.Second
	maxDelay    = 5 * time.Minute // between two attempts, unless the destination asks for more
	maxAsked    = 6 * time.Hour   // that a destination may ask for
	awayAfter   = 3               // failures in a row after which a destination counts as away
	sweepEvery  = 10 * time.Minute
	storeLimit  = 5 * time.Second // for the database
	minAttempts = 3               // before an event is a dead letter
)

// Destination is where events go. Deliver returns nil when the destination has the event. It
// may be called again with the same event and idempotencyKey, after its answer was lost. An
// error with the code Invalid says that this event can never be delivered, ErrGone that the
// destination wants nothing any more. A Retryable fault.Error may say when to try again.
type Destination interface {
	Deliver(ctx context.Context, e Event, idempotencyKey string) error
}

// ErrGone is the error of a destination that wants no events any more.
var ErrGone = errors.New("the destination is gone")

var errDamaged = fault.New(fault.Invalid, "the stored event cannot be read")

// Options are the limits of a Dispatcher. Zero values get the defaults.
type Options struct {
	Node       string        // names this process
	Concurrent int           // events that are sent to a destination at once; default 4
	Deadline   time.Duration // of an attempt; default 20 s
	Lease      time.Duration // default 60 s. Nodes' clocks may differ by Lease minus Deadline
	GiveUp     time.Duration // from the first attempt to the dead letter; default 24 h
	Poll       time.Duration // how often to look for events of other processes; default 1 s
	Grace      time.Duration // for attempts in progress when Run ends; default 3 s
	Log        *zap.Logger
}

// Dispatcher delivers the events of a Store. Any number of nodes may run one.
type Dispatcher struct {
	store   *Store
	o       Options
	workers []*worker
}

// worker sends events to one destination.
type worker struct {
	*Dispatcher
	route       Route
	destination Destination
	wake        <-chan struct{}
	log         *zap.Logger

	delivered, failed atomic.Int64

	mu       sync.Mutex
	isOff    bool
	failures int       // in a row
	notUntil time.Time // the destination asked to wait
}

// NewDispatcher returns a dispatcher for the destinations of the store's routes, by name.
func NewDispatcher(s *Store, destinations map[string]Destination, o Options) *Dispatcher {
	o.Concurrent, o.Deadline, o.Lease = cmp.Or(o.Concurrent, 4), cmp.Or(o.Deadline, 20*time.Second), cmp.Or(o.Lease, time.Minute)
	o.GiveUp, o.Poll, o.Grace = cmp.Or(o.GiveUp, 24*time.Hour), cmp.Or(o.Poll, time.Second), cmp.Or(o.Grace, 3*time.Second)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	d := &Dispatcher{store: s, o: o}
	for _, r := range s.routes {
		if to := destinations[r.Name]; to != nil {
			d.workers = append(d.workers, &worker{
				Dispatcher: d, route: r, destination: to, wake: s.wakeChannel(), log: o.Log.With(zap.String("destination", r.Name)),
			})
		}
	}
	return d
}

// Run delivers events until ctx ends, and then waits for the attempts in progress.
func (d *Dispatcher) Run(ctx context.Context) {
	var work sync.WaitGroup
	for _, w := range d.workers {
		work.Go(func() { w.run(ctx) })
	}
	work.Go(func() { d.sweep(ctx) })
	work.Wait()
}

// Counts returns how many events were delivered and how many attempts failed, by destination,
// since the process started.
func (d *Dispatcher) Counts() (delivered, failed map[string]int64) {
	delivered, failed = make(map[string]int64), make(map[string]int64)
	for _, w := range d.workers {
		delivered[w.route.Name], failed[w.route.Name] = w.delivered.Load(), w.failed.Load()
	}
	return delivered, failed
}

// sweep deletes what is not needed any more, and buries what nobody sends.
func (d *Dispatcher) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, storeLimit)
		var present []string
		for _, w := range d.workers {
			if !w.isTurnedOff() {
				present = append(present, w.route.Name)
			}
		}
		buried, err := d.store.bury(limited, time.Now().Add(-d.o.GiveUp), present)
		err = errors.Join(err, d.store.Sweep(limited))
		cancel()
		switch {
		case ctx.Err() != nil:
		case err != nil:
			d.o.Log.Warn("the outbox was not swept", zap.Error(err))
		case buried > 0:
			d.o.Log.Warn("events became dead letters: their destination is not configured or is turned off", zap.Int64("events", buried))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// run sends events, some at once, until ctx ends.
func (w *worker) run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	slots := make(chan struct{}, w.o.Concurrent)
	freed := make(chan struct{}, 1)
	isFailing := false // so that an outage of the database is logged once
	for {
		slots <- struct{}{} // a slot is freed within Deadline
		c, err := w.next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !isFailing {
			w.log.Warn("events wait, because the outbox cannot be read", zap.Error(err))
		}
		isFailing = err != nil
		if c != nil {
			work.Go(func() {
				w.send(ctx, c)
				<-slots
				select {
				case freed <- struct{}{}: // the topic's next event can be sent
				default:
				}
			})
			continue
		}
		<-slots
		timer := time.NewTimer(w.o.Poll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-w.wake:
		case <-freed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next claims an event; nil if there is none to send now.
func (w *worker) next(ctx context.Context) (*claim, error) {
	w.mu.Lock()
	mustWait := w.isOff || time.Now().Before(w.notUntil)
	w.mu.Unlock()
	if mustWait {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	return w.store.claim(ctx, w.route.Name, w.o.Node, w.o.Lease)
}

func (w *worker) isTurnedOff() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.isOff
}

// send makes one attempt and records its outcome.
func (w *worker) send(ctx context.Context, c *claim) {
	attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.o.Deadline)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(w.o.Grace, cancel) })()
	if !w.route.Content {
		c.event.Data.Content = nil
	}
	now := time.Now()
	if c.tried.IsZero() {
		c.tried = now
	}
	var err error = errDamaged
	if c.event.ID != "" {
		err = w.destination.Deliver(attempt, c.event, c.event.ID)
	}
	record, cancelRecord := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancelRecord()
	isBack := w.judge(err)
	o := w.outcome(c, err)
	if failed := w.store.finish(record, c, o); failed != nil {
		w.log.Warn("the outcome of a delivery was not recorded; the event will be sent again with the same id", zap.Error(failed))
	}
	if o.isDead {
		w.log.Error("an event is a dead letter: see frontdesk outbox ls", zap.String("event", c.event.ID), zap.String("problem", o.problem))
	}
	if isBack {
		if err := w.store.hasten(record, w.route.Name); err != nil {
			w.log.Warn("waiting events are sent later", zap.Error(err))
		}
	}
}

// judge counts an attempt and logs once when the destination is away, gone or back. It
// returns true if it is back.
func (w *worker) judge(err error) (isBack bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.delivered.Add(1)
		if isBack = w.failures >= awayAfter; isBack {
			w.log.Info("a destination of events is back")
		}
		w.failures, w.notUntil = 0, time.Time{}
		return isBack
	}
	w.failed.Add(1)
	f := fault.From(err)
	switch {
	case errors.Is(err, ErrGone):
		if !w.isOff {
			w.log.Error("a destination of events is turned off until the next start, because it answered 410 Gone: remove it from notify, or correct its url")
		}
		w.isOff = true
		return false
	case f.Code == fault.Invalid: // it is there, and refuses this event
		return false
	case f.After > 0:
		w.notUntil = time.Now().Add(min(f.After, maxAsked))
	}
	if w.failures++; w.failures == awayAfter {
		w.log.Warn("a destination of events is away; they wait", zap.String("problem", f.Message))
	}
	return false
}

// outcome returns what becomes of an event after an attempt.
func (w *worker) outcome(c *claim, err error) outcome {
	if err == nil {
		return outcome{isDone: true}
	}
	now, f := time.Now(), fault.From(err)
	if errors.Is(err, ErrGone) {
		f = fault.New(fault.NotFound, "the destination answered 410 Gone")
	}
	o := outcome{problem: string(f.Code) + ": " + f.Message}
	isTooOld := now.Sub(c.tried) >= w.o.GiveUp && c.attempts+1 >= minAttempts
	if f.Code == fault.Invalid || isTooOld {
		o.isDead, o.next = true, now
		return o
	}
	o.next = now.Add(max(min(f.After, maxAsked), backoff(c.attempts)))
	return o
}

// backoff returns the delay after so many earlier failures: doubled each time, bounded, and
// between half and the whole of it, so that events do not come back all at once.
func backoff(earlier int) time.Duration {
	d := min(firstDelay<<min(earlier, 10), maxDelay)
	return d/2 + rand.N(d/2)
}
