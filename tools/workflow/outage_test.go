package workflow

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/internal/postgrestest"
	"frontdesk/internal/require"
)

// TestWorkflowsContinueAfterTheDatabaseWasAway kills Postgres in the middle of workflows for
// longer than the node's lease lasts. The node goes on by itself when Postgres is back.
func TestWorkflowsContinueAfterTheDatabaseWasAway(t *testing.T) {
	database := postgrestest.Start(t, "fsync=off")
	outside := &counter{effects: make(map[string]int)}
	begun, goOn := make(chan struct{}, 100), make(chan struct{})
	e, err := openTrips(Options{Node: "node", URL: database.NewDatabase(t), Lease: 2 * time.Second, Log: zap.NewNop()}, outside, func(ctx context.Context, _ *Engine) {
		select {
		case begun <- struct{}{}:
		default:
		}
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	})
	require.NoError(t, err)
	const trips = 6
	for seed := range trips {
		require.NoError(t, e.Start("trip", tripID(tripOf(seed)), tripOf(seed)))
	}
	<-begun
	database.Kill()
	refused := make(chan error, 1)
	go func() { refused <- e.Start("trip", "refused", tripOf(trips)) }()
	close(goOn)
	time.Sleep(4 * time.Second) // the outage
	select {
	case err := <-refused:
		if fault.From(err) == nil || fault.From(err).Code != fault.Storage {
			t.Errorf("starting a workflow without the database: got %v, want storage", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Start hangs while the database is away")
	}
	database.Restart(t)
	for seed := range trips {
		outside.check(t, e, tripOf(seed))
	}
	require.NoError(t, e.Start("trip", tripID(tripOf(trips)), tripOf(trips)))
	outside.check(t, e, tripOf(trips))
	database.Kill()
	began := time.Now()
	_ = e.Close() // it cannot give its lease up
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("a node whose database is away stops after %v", d)
	}
}
