package mouth

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"frontdesk/dialog"
	"frontdesk/media"
)

// Announce says text to sink in agent's voice, outside any conversation, and returns when
// it was heard or ctx ends. The error says that it could not be said to its end.
func Announce(ctx context.Context, agent *dialog.Agent, sink media.Sink, text string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	play := media.NewPlayout(sink)
	var err error
	var playing sync.WaitGroup
	playing.Go(func() {
		if err = play.Run(ctx); err != nil {
			cancel()
		}
	})
	mouth := NewVoice(agent, play)
	_, said := mouth.Say(ctx, Clauses(oneOf(text)), func(string) {})
	broken := ctx.Err()
	cancel()
	playing.Wait()
	for _, e := range []error{err, said, broken} {
		if e != nil {
			return e
		}
	}
	return nil
}

func oneOf(text string) iter.Seq[string] { return slices.Values([]string{strings.TrimSpace(text)}) }
