package session_test

import (
	"context"
	"testing"
	"time"

	"frontdesk/internal/require"
	"frontdesk/session/valkey"
)

// openValkey connects to a store until the test ends.
func openValkey(t testing.TB, o valkey.Options) *valkey.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store, err := valkey.Open(ctx, o)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}
