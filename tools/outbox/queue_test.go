package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// flakyDatabase takes events while it is not away.
type flakyDatabase struct {
	mu     sync.Mutex
	isAway bool
	stored []string
}

func (d *flakyDatabase) goAway(is bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.isAway = is
}

func (d *flakyDatabase) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.stored)
}

func (d *flakyDatabase) publish(_ context.Context, e Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isAway {
		return errors.New("away")
	}
	d.stored = append(d.stored, e.ID)
	return nil
}

func newQueue(d *flakyDatabase) *Queue {
	return &Queue{publish: d.publish, log: zap.NewNop(), wake: make(chan struct{}, 1)}
}

func TestQueueWaitsForTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &flakyDatabase{isAway: true}
		q := newQueue(d)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			q.Run(ctx)
		}()
		q.Add(Event{ID: "a"})
		q.Add(Event{ID: "b"})
		time.Sleep(time.Hour)
		synctest.Wait()
		if waiting, dropped := q.Counts(); waiting != 2 || dropped != 0 || len(d.all()) > 0 {
			t.Fatalf("%d events wait, %d were dropped, %v are stored", waiting, dropped, d.all())
		}
		d.goAway(false)
		time.Sleep(lastPause)
		synctest.Wait()
		q.Add(Event{ID: "c"})
		synctest.Wait()
		if !slices.Equal(d.all(), []string{"a", "b", "c"}) {
			t.Errorf("stored %v", d.all())
		}
		stop()
		<-done
	})
}

func TestQueueStoresWhatWaitsWhenItStops(t *testing.T) {
	d := &flakyDatabase{}
	q := newQueue(d)
	q.Add(Event{ID: "a"})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	q.Run(ctx)
	if !slices.Equal(d.all(), []string{"a"}) {
		t.Errorf("stored %v", d.all())
	}
}

func TestFullQueueDropsTheOldest(t *testing.T) {
	q := newQueue(&flakyDatabase{isAway: true})
	for i := range maxQueued + 2 {
		q.Add(Event{ID: fmt.Sprint(i)})
	}
	if waiting, dropped := q.Counts(); waiting != maxQueued || dropped != 2 || q.waiting[0].ID != "2" {
		t.Errorf("%d events wait, %d were dropped, the first is %s", waiting, dropped, q.waiting[0].ID)
	}
}
