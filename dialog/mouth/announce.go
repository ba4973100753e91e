package mouth

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"frontdesk/dialog"
	"frontdesk/media"
)

// Announce says text to sink in agent's voice, outside any conversation. It returns when
// all of it was heard; the error says why the rest was not.
func Announce(ctx context.Context, agent *dialog.Agent, sink media.Sink, text string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	playout := media.NewPlayout(sink)
	var playErr error
	var playing sync.WaitGroup
	playing.Go(func() {
		if playErr = playout.Run(ctx); playErr != nil {
			cancel()
		}
	})
	clauses := Clauses(slices.Values([]string{strings.TrimSpace(text)}))
	_, sayErr := NewVoice(agent, playout).Say(ctx, clauses, func(string) {})
	ctxErr := ctx.Err()
	cancel()
	playing.Wait()
	return cmp.Or(playErr, sayErr, ctxErr)
}
