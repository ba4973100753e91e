package moonshine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// idle is a reader that is not used, because the jobs of these tests only take time.
type idle struct{}

func (idle) encode([]float32) error                                      { return nil }
func (idle) decode(context.Context, decodeOptions) ([]Hypothesis, error) { return nil, nil }
func (idle) score([][]Token) ([]Hypothesis, error)                       { return nil, nil }
func (idle) close()                                                      {}

// testQueue runs test in virtual time with a queue of the given number of workers.
func testQueue(t *testing.T, workers int, test func(t *testing.T, q *queue)) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(slices.Repeat([]reader{idle{}}, workers))
		defer q.close()
		synctest.Wait()
		test(t, q)
	})
}

// takes returns a job that takes d, or ends when it is stopped.
func takes(d time.Duration) func(context.Context, *worker) error {
	return func(ctx context.Context, _ *worker) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestUrgentJobsGoFirst(t *testing.T) {
	testQueue(t, 1, func(t *testing.T, q *queue) {
		var mu sync.Mutex
		var order []urgency
		begin := func(u urgency) *job {
			return q.submit(t.Context(), u, func(context.Context, *worker) error {
				time.Sleep(100 * time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, u)
				return nil
			})
		}
		jobs := []*job{begin(atEnd), begin(whileSpeaking), begin(atPause), begin(whileSpeaking), begin(atEnd)}
		for _, j := range jobs {
			if <-j.done; j.err != nil {
				t.Error(j.err)
			}
		}
		if want := []urgency{atEnd, atEnd, atPause, whileSpeaking, whileSpeaking}; !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
		if s := q.snapshot(); s.Finals != 2 || s.Pauses != 1 || s.Partials != 2 || s.Wait != 300*time.Millisecond {
			t.Errorf("%+v", s)
		}
	})
}

func TestUrgentJobStopsOneThatIsNot(t *testing.T) {
	testQueue(t, 2, func(t *testing.T, q *queue) {
		final := q.submit(t.Context(), atEnd, takes(time.Second))
		partial := q.submit(t.Context(), whileSpeaking, takes(time.Second))
		synctest.Wait()
		began := time.Now()
		pause := q.submit(t.Context(), atPause, takes(50*time.Millisecond))
		<-pause.done
		if waited := time.Since(began); waited != 50*time.Millisecond || pause.err != nil {
			t.Errorf("it took %v, %v", waited, pause.err)
		}
		if <-partial.done; !errors.Is(partial.err, errDropped) {
			t.Errorf("the other job: %v", partial.err)
		}
		if <-final.done; final.err != nil || q.snapshot().PartialsDropped != 1 {
			t.Errorf("the first job: %v, %+v", final.err, q.snapshot())
		}
	})
}

func TestJobsThatWaitTooLongAreLeftOut(t *testing.T) {
	testQueue(t, 1, func(t *testing.T, q *queue) {
		first := q.submit(t.Context(), atEnd, takes(finalWait+time.Second))
		synctest.Wait()
		partial := q.submit(t.Context(), whileSpeaking, takes(0))
		final := q.submit(t.Context(), atEnd, takes(0))
		<-first.done
		<-partial.done
		if <-final.done; partial.err != errDropped || final.err != errOverloaded {
			t.Errorf("%v, %v", partial.err, final.err)
		}
	})
}

func TestStoppedJobLeavesTheQueue(t *testing.T) {
	testQueue(t, 1, func(t *testing.T, q *queue) {
		running := q.submit(t.Context(), atEnd, takes(time.Hour))
		synctest.Wait()
		hasRun := false
		waiting := q.submit(t.Context(), atEnd, func(context.Context, *worker) error {
			hasRun = true
			return nil
		})
		q.stop(waiting)
		if <-waiting.done; q.snapshot().Waiting != 0 {
			t.Error("it still waits")
		}
		q.stop(running)
		<-running.done
		synctest.Wait()
		if hasRun || !errors.Is(running.err, context.Canceled) || !errors.Is(waiting.err, context.Canceled) {
			t.Errorf("%v, %v, %v", hasRun, running.err, waiting.err)
		}
	})
}

func TestFullQueueRefuses(t *testing.T) {
	testQueue(t, 1, func(t *testing.T, q *queue) {
		q.submit(t.Context(), atEnd, takes(time.Second))
		synctest.Wait()
		var all []*job
		for range maxWaiting {
			all = append(all, q.submit(t.Context(), atEnd, takes(0)))
		}
		if j := q.submit(t.Context(), atEnd, takes(0)); j.err != errOverloaded || q.snapshot().Refused != 1 {
			t.Errorf("one more: %v", j.err)
		}
		for _, j := range all {
			<-j.done
		}
	})
}

func TestClosedQueueEndsAllJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue([]reader{idle{}})
		synctest.Wait()
		running, waiting := q.submit(t.Context(), atEnd, takes(time.Hour)), q.submit(t.Context(), atEnd, takes(0))
		synctest.Wait()
		q.close()
		late := q.submit(t.Context(), atEnd, takes(0))
		for _, j := range []*job{running, waiting, late} {
			if <-j.done; j.err != errClosed {
				t.Error(j.err)
			}
		}
	})
}
