package piper

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"frontdesk/internal/fault"
)

// workers bounds how many runs of networks are in progress. If too many want to run, the
// order is by when the caller will have heard the audio that they have: who needs audio
// first, runs first.
type workers struct {
	timeout  time.Duration // for a turn
	maxQueue int

	mu    sync.Mutex
	free  int
	queue waiters
}

func newWorkers(n int) *workers {
	return &workers{timeout: turnTimeout, maxQueue: maxQueue * n, free: n}
}

// waiter waits for a turn.
type waiter struct {
	due   time.Time
	ready chan struct{} // closed when it is the waiter's turn
	index int           // in the queue; -1 once it is the waiter's turn
}

var (
	errQueueFull = fault.New(fault.Unavailable, "too many callers are waiting for the voice").Retryable(time.Second)
	errNoTurn    = fault.New(fault.Timeout, "the voice took too long to speak").Retryable(0)
)

// acquire waits for a turn. Unless it returns an error, release must follow.
func (w *workers) acquire(ctx context.Context, due time.Time) error {
	if ctx.Err() != nil {
		return fault.From(ctx.Err())
	}
	w.mu.Lock()
	if w.free > 0 {
		w.free--
		w.mu.Unlock()
		return nil
	}
	if len(w.queue) >= w.maxQueue {
		w.mu.Unlock()
		return errQueueFull
	}
	turn := &waiter{due: due, ready: make(chan struct{})}
	heap.Push(&w.queue, turn)
	w.mu.Unlock()
	timer := time.NewTimer(w.timeout)
	defer timer.Stop()
	var err error
	select {
	case <-turn.ready:
		return nil
	case <-ctx.Done():
		err = fault.From(ctx.Err())
	case <-timer.C:
		err = errNoTurn
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

func (w *workers) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pass()
}

// pass gives a turn to the next waiter. mu must be held.
func (w *workers) pass() {
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
