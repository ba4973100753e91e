package valkey

import (
	"context"
	_ "embed"
	"strconv"
	"time"
)

//go:embed effects.lua
var effectsSource string

var effectsScript = newScript(effectsSource)

// Take implements gate.Counter for all processes that share the store. An event whose answer
// was lost may be counted twice, which refuses a later one early. A server that takes over
// may not know the latest events.
func (s *Store) Take(ctx context.Context, key string, limit int, window time.Duration) (ok bool, err error) {
	err = retry(ctx, func() error {
		n, err := effectsScript.run(ctx, s.client, []string{"fd:effects:" + key}, []string{strconv.Itoa(limit), decimal(window)}).AsInt64()
		ok = n == 1
		return err
	})
	return ok && err == nil, err
}
