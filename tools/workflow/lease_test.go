package workflow

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/internal/postgrestest"
	"frontdesk/internal/require"
)

// TestNodeThatLosesItsLeaseStopsBeforeAnotherBegins lets a node live that cannot renew its
// lease, as when the network between it and the database is gone.
func TestNodeThatLosesItsLeaseStopsBeforeAnotherBegins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "workflows.db")
	type span struct{ begin, end time.Time }
	spans := map[string]chan span{"first": make(chan span, 10), "second": make(chan span, 10)}
	openNode := func(node string, attempt func(ctx context.Context) error) *Engine {
		e, err := Open(t.Context(), Options{Node: node, Path: path, Lease: time.Second, Log: zap.NewNop()})
		require.NoError(t, err)
		t.Cleanup(func() { _ = e.Close() })
		Register(e, "test", func(r *Run, _ string) error {
			_, err := Do(r, Step[bool]{Name: "work", Retry: Policy{Base: time.Millisecond}, Do: func(ctx context.Context, _ string) (bool, error) {
				begin := time.Now()
				err := attempt(ctx)
				spans[node] <- span{begin, time.Now()}
				return err == nil, err
			}})
			return err
		})
		require.NoError(t, e.Launch(t.Context()))
		return e
	}
	begun := make(chan struct{})
	first := openNode("first", func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		return fault.From(ctx.Err())
	})
	require.NoError(t, first.Start("test", "w1", ""))
	<-begun
	first.stop() // it renews its lease no more
	second := openNode("second", func(context.Context) error { return nil })
	if w := second.mustFinish(t, "w1"); w.State != Completed || w.Node != "second" {
		t.Errorf("got %+v, want completed by the second node", w)
	}
	a, b := <-spans["first"], <-spans["second"]
	if !a.end.Before(b.begin) {
		t.Errorf("the first node worked until %v, and the second from %v", a.end, b.begin)
	}
	if len(spans["first"])+len(spans["second"]) > 0 {
		t.Error("there was another attempt after the second node had completed the step")
	}
}

// Nodes that start at once on an empty database all open it.
func TestNodesStartAtOnce(t *testing.T) {
	url := postgrestest.Start(t, "fsync=off").NewDatabase(t)
	var opening sync.WaitGroup
	for n := range 4 {
		opening.Go(func() {
			e, err := Open(t.Context(), Options{Node: fmt.Sprint("node ", n), URL: url, Log: zap.NewNop()})
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(e.Launch(t.Context()), e.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
}
