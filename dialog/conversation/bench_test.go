package conversation

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

// signal is a Synthesizer that tells when it is asked to speak.
type signal chan time.Time

func (s signal) Speak(context.Context, string, dialog.Voice) iter.Seq2[[]int16, error] {
	return func(func([]int16, error) bool) { s <- time.Now() }
}

// earFunc is an Ear made of a function.
type earFunc func(ctx context.Context, heard chan<- dialog.Heard) error

func (f earFunc) Listen(ctx context.Context, heard chan<- dialog.Heard) error { return f(ctx, heard) }

// BenchmarkFinalToFirstClause measures what the conversation itself adds from the final
// transcript to the request for speech, with a model and a voice that take no time.
func BenchmarkFinalToFirstClause(b *testing.B) {
	spoken := make(signal)
	agent := &dialog.Agent{Model: answering("Yes, we do."), Synthesizer: spoken, Silence: dialog.Silence{Wait: time.Hour}}
	ended := make(chan struct{}, 1)
	line := dialog.Line{Emit: func(e dialog.Event) {
		if e.Kind == dialog.ReplyEnded {
			ended <- struct{}{}
		}
	}}
	c := newConversation(b.Context(), agent, line, Options{NewID: counter()})
	c.audio.canHear = true
	c.startVoice(media.NewPlayout(&loudspeaker{}))
	var took []time.Duration
	ear := earFunc(func(_ context.Context, heard chan<- dialog.Heard) error {
		for i := 0; b.Loop(); i++ {
			heard <- dialog.Heard{Kind: dialog.Onset, Item: "u"}
			heard <- dialog.Heard{Kind: dialog.Offset, Item: "u", Reason: "silence"}
			began := time.Now()
			heard <- dialog.Heard{Kind: dialog.Final, Item: "u", Text: "do you sell lamps"}
			took = append(took, (<-spoken).Sub(began))
			<-ended
		}
		return nil
	})
	b.ReportAllocs()
	if _, err := c.run([]dialog.Ear{ear}); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}
