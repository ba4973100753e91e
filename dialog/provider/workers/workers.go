// Package workers bounds how many runs of networks the voices of this machine do at once. It
// imports only internal/fault. A run enters as a function, with the time when its audio is due.
package workers

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"frontdesk/internal/fault"
)

const (
	TurnTimeout = 5 * time.Second // how long a run waits for its turn
	// maxQueue bounds the runs that wait, for each worker. A run of Piper takes 25 to 50 ms of a
	// core, so a run behind so many others would come one to two seconds late.
	maxQueue = 40
	// Patience is how late a clause may begin. 20 callers on two cores hear 95 % of first audio
	// within this time (docs/performance.md); whoever would wait longer is better served by
	// another voice.
	Patience = 700 * time.Millisecond
)

// Pool bounds how many runs of networks are in progress. If too many want to run, the
// order is by when the caller will have heard the audio that they have: the clause that needs
// audio first runs first. A new clause that would begin too late is refused, so that those that had
// a turn begin soon and go on without gaps.
type Pool struct {
	Patience time.Duration // how late a clause may begin; to be set before use

	timeout   time.Duration // how long a run waits for its turn
	count     int           // of workers
	firstRuns int           // that the first audio needs
	maxQueue  int

	mu    sync.Mutex
	free  int // workers
	queue waiters
	run   time.Duration // how long a run takes, a moving average
}

// New returns a Pool of n workers for a voice whose first audio needs firstRuns runs.
func New(n, firstRuns int) *Pool {
	return &Pool{Patience: Patience, timeout: TurnTimeout, count: n, firstRuns: firstRuns, maxQueue: maxQueue * n, free: n}
}

// Stats counts what a voice with a Pool was asked to say.
type Stats struct {
	Clauses uint64 // that were to be said
	Refused uint64 // of these, because they would have begun late
	Waiting int    // runs of networks that wait now
}

// waiter waits for a turn.
type waiter struct {
	due   time.Time
	left  int           // runs until its first audio, with this one; 0 if it has begun
	ready chan struct{} // closed when it is the waiter's turn
	index int           // in the queue; -1 once it is the waiter's turn
}

// Errors of Do. IsRefusal is true for ErrQueueFull and ErrLate.
var (
	ErrQueueFull = fault.New(fault.Unavailable, "too many callers are waiting for the voice").Retryable(time.Second)
	errNoTurn    = fault.New(fault.Timeout, "the voice took too long to speak").Retryable(0)
	ErrLate      = fault.New(fault.Unavailable, "so many callers are waiting for the voice that a clause would begin late").Retryable(time.Second)
)

// IsRefusal reports whether err says that a run was refused, because it would come too late.
func IsRefusal(err error) bool { return errors.Is(err, ErrLate) || errors.Is(err, ErrQueueFull) }

// Do calls f when it is the turn of a clause whose next audio is due at a time. left is how
// many runs its first audio needs, this one included; 0 says that it has begun.
func (w *Pool) Do(ctx context.Context, due time.Time, left int, f func() error) error {
	if err := w.acquire(ctx, due, left); err != nil {
		return err
	}
	start := time.Now()
	defer func() { w.release(time.Since(start)) }()
	return f()
}

// acquire waits for a turn. Unless it returns an error, release must follow.
func (w *Pool) acquire(ctx context.Context, due time.Time, left int) error {
	if ctx.Err() != nil {
		return fault.From(ctx.Err())
	}
	limit, tooLate := w.timeout, errNoTurn
	isNew := left == w.firstRuns
	if isNew {
		limit, tooLate = min(limit, w.Patience+time.Until(due)), ErrLate
	}
	w.mu.Lock()
	switch {
	case limit < 0, w.free == 0 && isNew && w.expectedWait(due, left) > limit:
		w.mu.Unlock()
		return ErrLate
	case w.free > 0:
		w.free--
		w.mu.Unlock()
		return nil
	case len(w.queue) >= w.maxQueue:
		w.mu.Unlock()
		return ErrQueueFull
	}
	turn := &waiter{due: due, left: left, ready: make(chan struct{})}
	heap.Push(&w.queue, turn)
	w.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var err error
	select {
	case <-turn.ready:
		return nil
	case <-ctx.Done():
		err = fault.From(ctx.Err())
	case <-timer.C:
		err = tooLate
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if turn.index < 0 { // its turn came at the same time
		w.pass()
		return err
	}
	heap.Remove(&w.queue, turn.index)
	return err
}

// Waiting returns how many runs wait.
func (w *Pool) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// expectedWait estimates how long the first audio takes that needs so many runs: those of all
// who are due before, in parallel, and its own, one after the other. mu must be held.
func (w *Pool) expectedWait(due time.Time, left int) time.Duration {
	before := 1 // the run that ends first
	for _, other := range w.queue {
		if !due.Before(other.due) {
			before += max(1, other.left)
		}
	}
	return time.Duration(before)*w.run/time.Duration(w.count) + time.Duration(left)*w.run
}

// release ends a turn that took a time.
func (w *Pool) release(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const share = 16            // of a run in the average, which so spans the last second of a busy core
	took = min(took, w.timeout) // a machine that was suspended must not refuse all that follows
	w.run += (took - w.run) / share
	w.pass()
}

// pass gives a turn to the next waiter. mu must be held.
func (w *Pool) pass() {
	if len(w.queue) == 0 {
		w.free++
		return
	}
	close(heap.Pop(&w.queue).(*waiter).ready)
}

// waiters is a heap ordered by due.
type waiters []*waiter

func (q waiters) Len() int           { return len(q) }
func (q waiters) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q waiters) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *waiters) Push(x any) {
	t := x.(*waiter)
	t.index = len(*q)
	*q = append(*q, t)
}

func (q *waiters) Pop() any {
	old := *q
	t := old[len(old)-1]
	t.index = -1
	*q = old[:len(old)-1]
	return t
}
