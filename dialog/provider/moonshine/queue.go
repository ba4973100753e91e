package moonshine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"frontdesk/internal/cputime"
	"frontdesk/internal/fault"
)

// urgency says which readings go first.
type urgency int

const (
	whileSpeaking urgency = iota // only the partial transcript waits for it
	atPause                      // the agent's reply waits for it if the caller says no more
	atEnd                        // the agent's reply waits for it
	urgencies
)

const (
	maxWaiting  = 512             // readings in the queue; more are refused
	partialWait = 1 * time.Second // after which a reading while the caller speaks is left out
	finalWait   = 6 * time.Second // after which one at a pause or end fails
)

var (
	errOverloaded = fault.New(fault.Unavailable, "too many callers speak at once").Retryable(0)
	errClosed     = fault.New(fault.Unavailable, "the recognizer is closed")
	errDropped    = errors.New("left out: more urgent readings go first")
)

// reader runs the model for one worker; decoder is one.
type reader interface {
	encode(pcm []float32) error
	decode(ctx context.Context, o decodeOptions) ([]Hypothesis, error)
	score(sequences [][]Token) ([]Hypothesis, error)
	close()
}

// worker is a goroutine that reads utterances.
type worker struct {
	reader
	input []float32 // memory for the audio
}

// job is one reading in the queue.
type job struct {
	urgency urgency
	run     func(context.Context, *worker) error
	done    chan struct{} // closed when the job has run or never will
	err     error         // set before done is closed: why there is no result
	cpu     time.Duration // set before done is closed

	queued time.Time
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// queue runs jobs on a few workers: the most urgent ones first, in order of arrival. If all
// workers are busy, an urgent job stops one that is not.
type queue struct {
	workers sync.WaitGroup

	mu      sync.Mutex
	arrived sync.Cond
	waiting [urgencies][]*job
	running []*job
	idle    int
	closed  bool
	stats   Stats
}

// newQueue starts a worker for each reader. close stops them and closes the readers.
func newQueue(readers []reader) *queue {
	q := &queue{}
	q.arrived.L = &q.mu
	for _, r := range readers {
		q.workers.Go(func() {
			defer r.close()
			q.work(&worker{reader: r})
		})
	}
	return q
}

// submit queues a job. It never waits.
func (q *queue) submit(ctx context.Context, u urgency, run func(context.Context, *worker) error) *job {
	j := &job{urgency: u, run: run, done: make(chan struct{}), queued: time.Now()}
	j.ctx, j.cancel = context.WithCancelCause(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		q.end(j, errClosed)
		return j
	case q.countWaiting() >= maxWaiting:
		q.stats.Refused++
		q.end(j, errOverloaded)
		return j
	}
	q.waiting[u] = append(q.waiting[u], j)
	if u > whileSpeaking && q.countWaiting() > q.idle {
		q.preempt()
	}
	q.arrived.Signal()
	return j
}

// preempt stops one job that reads while the caller speaks: the one that began last. q.mu is
// held.
func (q *queue) preempt() {
	for _, j := range slices.Backward(q.running) {
		if j.urgency == whileSpeaking && j.ctx.Err() == nil {
			j.cancel(errDropped)
			return
		}
	}
}

// stop cancels a job. If it waits, it leaves the queue; if it is in progress, its result is
// discarded.
func (q *queue) stop(j *job) {
	j.cancel(context.Canceled)
	q.mu.Lock()
	defer q.mu.Unlock()
	list := &q.waiting[j.urgency]
	if i := slices.Index(*list, j); i >= 0 {
		*list = slices.Delete(*list, i, i+1)
		q.end(j, context.Canceled)
	}
}

// end says that a job will not run any more. q.mu is held.
func (q *queue) end(j *job, err error) {
	j.err = err
	j.cancel(err)
	close(j.done)
}

func (q *queue) countWaiting() (n int) {
	for _, list := range q.waiting {
		n += len(list)
	}
	return n
}

// next waits for a job; nil says that the queue is closed.
func (q *queue) next() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.closed {
			return nil
		}
		for u := urgencies - 1; u >= 0; u-- {
			for len(q.waiting[u]) > 0 {
				j := q.waiting[u][0]
				q.waiting[u] = slices.Delete(q.waiting[u], 0, 1)
				if q.begin(j) {
					return j
				}
			}
		}
		q.idle++
		q.arrived.Wait()
		q.idle--
	}
}

// begin marks j as running and returns true. If j was canceled or has waited too long, begin
// ends it and returns false. q.mu is held.
func (q *queue) begin(j *job) bool {
	waited := time.Since(j.queued)
	switch {
	case j.ctx.Err() != nil:
		q.end(j, context.Cause(j.ctx))
		return false
	case j.urgency == whileSpeaking && waited > partialWait:
		q.stats.PartialsDropped++
		q.end(j, errDropped)
		return false
	case j.urgency > whileSpeaking && waited > finalWait:
		q.stats.Refused++
		q.end(j, errOverloaded)
		return false
	}
	if j.urgency > whileSpeaking {
		q.stats.Wait += waited
	}
	q.running = append(q.running, j)
	return true
}

func (q *queue) work(w *worker) {
	unlock := cputime.LockThread()
	defer unlock()
	for j := q.next(); j != nil; j = q.next() {
		began := cputime.Thread()
		err := j.run(j.ctx, w)
		cpu := cputime.Thread() - began
		q.mu.Lock()
		q.running = slices.DeleteFunc(q.running, func(o *job) bool { return o == j })
		q.count(j, cpu)
		if j.ctx.Err() != nil {
			err = context.Cause(j.ctx)
		}
		j.cpu = cpu
		q.end(j, err)
		q.mu.Unlock()
	}
}

// count adds a job to the statistics. q.mu is held.
func (q *queue) count(j *job, cpu time.Duration) {
	s := &q.stats
	s.CPU += cpu
	if j.urgency > whileSpeaking {
		s.FinalCPU += cpu
	}
	switch {
	case context.Cause(j.ctx) == errDropped:
		s.PartialsDropped++
	case j.urgency == whileSpeaking:
		s.Partials++
	case j.urgency == atPause:
		s.Pauses++
	default:
		s.Finals++
	}
}

// add changes the statistics.
func (q *queue) add(change func(*Stats)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change(&q.stats)
}

func (q *queue) snapshot() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Waiting = q.countWaiting()
	return s
}

// close stops the workers and waits for them. Jobs that wait fail.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	for u := range q.waiting {
		for _, j := range q.waiting[u] {
			q.end(j, errClosed)
		}
		q.waiting[u] = nil
	}
	for _, j := range q.running {
		j.cancel(errClosed)
	}
	q.arrived.Broadcast()
	q.mu.Unlock()
	q.workers.Wait()
}
