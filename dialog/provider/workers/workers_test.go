package workers

import (
	"context"
	"errors"
	"testing"
	"time"

	"frontdesk/internal/fault"
)

const firstRuns = 3

func TestWhoNeedsAudioFirstGetsAWorkerFirst(t *testing.T) {
	w := New(1, firstRuns)
	if err := w.acquire(t.Context(), time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	order := make(chan int, 3)
	now := time.Now()
	for i, due := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second} {
		go func() {
			if err := w.acquire(context.Background(), now.Add(due), 0); err != nil {
				t.Error(err)
			}
			order <- i
			w.release(0)
		}()
		for waiting := 0; waiting <= i; time.Sleep(time.Millisecond) {
			w.mu.Lock()
			waiting = len(w.queue)
			w.mu.Unlock()
		}
	}
	w.release(0)
	if a, b, c := <-order, <-order, <-order; a != 1 || b != 2 || c != 0 {
		t.Errorf("order %d, %d, %d", a, b, c)
	}
}

func TestWaitForAWorkerHasALimit(t *testing.T) {
	w := New(1, firstRuns)
	if err := w.acquire(t.Context(), time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	w.timeout = time.Millisecond
	if err := w.acquire(t.Context(), time.Now(), 0); !errors.Is(err, errNoTurn) {
		t.Errorf("timeout: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.acquire(ctx, time.Now(), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	w.maxQueue = 0
	err := w.acquire(t.Context(), time.Now(), 0)
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Unavailable {
		t.Errorf("full queue: %v", err)
	}
	w.release(0)
	if w.free != 1 || len(w.queue) != 0 {
		t.Errorf("%d free, %d waiting", w.free, len(w.queue))
	}
}

func TestSuspendedMachineRefusesNothingLater(t *testing.T) {
	w := New(1, firstRuns)
	if err := w.acquire(t.Context(), time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	w.release(time.Hour)
	for range 20 {
		if err := w.Do(t.Context(), time.Now(), 0, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.expectedWait(time.Now(), 1); got > Patience {
		t.Errorf("20 runs later a clause is expected to wait for %v", got)
	}
}

func TestClauseThatWouldBeginLateIsRefused(t *testing.T) {
	w := New(2, firstRuns)
	for range 2 {
		if err := w.acquire(t.Context(), time.Now(), firstRuns); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		w.run += (200*time.Millisecond - w.run) / 16 // what release computes
	}
	now := time.Now()
	for range 4 { // with the run that ends first and one of its own, 0.7 s of work
		w.queue.Push(&waiter{due: now.Add(-time.Second), ready: make(chan struct{})})
	}
	if got := w.expectedWait(now, 1); got < 690*time.Millisecond || got > 710*time.Millisecond {
		t.Errorf("the expected wait is %v", got)
	}
	if got := w.expectedWait(now.Add(-2*time.Second), 1); got > 310*time.Millisecond {
		t.Errorf("the expected wait of who is due before all others is %v", got)
	}
	w.queue.Push(&waiter{due: now.Add(-time.Second), left: 3, ready: make(chan struct{})})
	started := time.Now()
	if err := w.acquire(t.Context(), now, firstRuns); !errors.Is(err, ErrLate) || time.Since(started) > 100*time.Millisecond {
		t.Errorf("got %v after %v, want a refusal at once", err, time.Since(started))
	}
	// Who has time, or has begun, waits.
	w.Patience, w.timeout = time.Millisecond, 50*time.Millisecond
	if err := w.acquire(t.Context(), now, 0); !errors.Is(err, errNoTurn) {
		t.Errorf("begun: %v", err)
	}
	w.timeout, w.run = time.Second, 0
	if err := w.acquire(t.Context(), now, firstRuns); !errors.Is(err, ErrLate) || !fault.IsRetryable(err) {
		t.Errorf("no turn came: %v", err)
	}
}
