package outbox

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	maxQueued    = 10_000                 // events that wait for the database
	storeTimeout = 3 * time.Second        // for storing one
	firstPause   = 250 * time.Millisecond // after a failure; doubles from there
	lastPause    = 15 * time.Second
	lastStores   = 3 * time.Second // for what still waits when the queue stops
)

// Queue stores events in their order, however long the database is away. When 10,000 wait, the
// oldest is dropped. Events that wait are lost if the process dies.
type Queue struct {
	publish func(context.Context, Event) error
	log     *zap.Logger
	wake    chan struct{} // has room for one signal: there are events

	mu      sync.Mutex
	waiting []Event
	dropped int
}

// NewQueue returns a queue in front of s. Run stores its events.
func NewQueue(s *Store, log *zap.Logger) *Queue {
	return &Queue{publish: s.Publish, log: log, wake: make(chan struct{}, 1)}
}

// Add adds an event. It does not wait.
func (q *Queue) Add(e Event) {
	q.mu.Lock()
	q.waiting = append(q.waiting, e)
	if len(q.waiting) > maxQueued {
		q.waiting = q.waiting[1:]
		if q.dropped++; q.dropped == 1 {
			q.log.Error("the database has been away for too long: the oldest events are dropped, and nobody is told of them")
		}
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Counts returns how many events wait, and how many were dropped.
func (q *Queue) Counts() (waiting, dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.dropped
}

// Run stores events until ctx ends, and then, for a few seconds, those that wait.
func (q *Queue) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		wake := q.wake
		var retry <-chan time.Time
		if err := q.store(ctx); err != nil {
			if pause == firstPause {
				q.log.Warn("events wait until the database is back", zap.Error(err))
			}
			wake, retry = nil, time.After(pause)
			pause = min(2*pause, lastPause)
		} else {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-retry:
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastStores)
	defer cancel()
	if err := q.store(last); err != nil {
		waiting, _ := q.Counts()
		q.log.Error("events are lost, because the database is away", zap.Int("events", waiting), zap.Error(err))
	}
}

// store stores what waits, up to the first event that cannot be stored.
func (q *Queue) store(ctx context.Context) error {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			q.mu.Unlock()
			return nil
		}
		e := q.waiting[0]
		q.mu.Unlock()
		once, cancel := context.WithTimeout(ctx, storeTimeout)
		err := q.publish(once, e)
		cancel()
		if err != nil {
			return err
		}
		q.mu.Lock()
		if len(q.waiting) > 0 && q.waiting[0].ID == e.ID { // else it was dropped meanwhile
			q.waiting = q.waiting[1:]
		}
		q.mu.Unlock()
	}
}
