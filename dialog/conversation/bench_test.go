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

// signallingSynthesizer sends the time at which it is asked to speak.
type signallingSynthesizer chan time.Time

func (s signallingSynthesizer) Speak(context.Context, string, dialog.Voice) iter.Seq2[[]int16, error] {
	return func(func([]int16, error) bool) { s <- time.Now() }
}

// earFunc is an Ear made of a function.
type earFunc func(ctx context.Context, heard chan<- dialog.Heard) error

func (f earFunc) Listen(ctx context.Context, heard chan<- dialog.Heard) error { return f(ctx, heard) }

// BenchmarkFinalToFirstClause measures the time that the conversation itself needs from the
// final transcript to the request for speech: the model and the voice take no time.
func BenchmarkFinalToFirstClause(b *testing.B) {
	spoken := make(signallingSynthesizer)
	agent := &dialog.Agent{Model: modelSaying("Yes, we do."), Synthesizer: spoken, Silence: dialog.Silence{Wait: time.Hour}}
	ended := make(chan struct{}, 1)
	line := dialog.Line{Emit: func(e dialog.Event) {
		if e.Kind == dialog.ReplyEnded {
			ended <- struct{}{}
		}
	}}
	c := newConversation(b.Context(), agent, line, Options{NewID: countingIDs()})
	c.audio.canHear = true
	c.startVoice(media.NewPlayout(&fakeSpeaker{}))
	var durations []time.Duration
	ear := earFunc(func(_ context.Context, heard chan<- dialog.Heard) error {
		for i := 0; b.Loop(); i++ {
			heard <- dialog.Heard{Kind: dialog.Onset, Item: "u"}
			heard <- dialog.Heard{Kind: dialog.Offset, Item: "u", Reason: "silence"}
			start := time.Now()
			heard <- dialog.Heard{Kind: dialog.Final, Item: "u", Text: "do you sell lamps"}
			durations = append(durations, (<-spoken).Sub(start))
			<-ended
		}
		return nil
	})
	b.ReportAllocs()
	if _, err := c.run([]dialog.Ear{ear}); err != nil {
		b.Fatal(err)
	}
	slices.Sort(durations)
	b.ReportMetric(float64(durations[len(durations)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(durations[len(durations)*99/100].Nanoseconds()), "p99-ns")
}
