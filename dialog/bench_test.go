package dialog

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"frontdesk/media"
)

// deafMute is a Recognizer that reads all and hears nothing.
type deafMute struct{}

func (deafMute) Listen(context.Context, *Agent) (Listener, error) { return deafMute{}, nil }
func (deafMute) Close() error                                     { return nil }
func (deafMute) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[Transcript, error] {
	return func(func(Transcript, error) bool) {
		for range frames {
		}
	}
}

// pump makes an ear whose frames the caller feeds.
func pump(tb testing.TB) (feed func(loud int16)) {
	ctx, cancel := context.WithCancel(tb.Context())
	heard := make(chan Heard, heardQueue)
	e := newVoiceEar(&Agent{Recognizer: deafMute{}, Detector: func() VoiceDetector { return loudness{} }}, nil, counter())
	done := make(chan struct{}, 2)
	go func() {
		(&recognition{ear: e, heard: heard}).run(ctx)
		done <- struct{}{}
	}()
	go func() {
		for ctx.Err() == nil {
			select {
			case <-heard:
			case <-ctx.Done():
			}
		}
		done <- struct{}{}
	}()
	tb.Cleanup(func() { cancel(); <-done; <-done })
	now := time.Now()
	return func(loud int16) {
		now = now.Add(media.FrameTime)
		e.frame[0] = loud
		e.hear(ctx, now, heard)
	}
}

func TestTheEarsFramePathDoesNotAllocate(t *testing.T) {
	feed := pump(t)
	for i := range 5000 { // two utterances, and the blocks are in the pool
		feed(int16(i / 1000 % 2))
	}
	if n := testing.AllocsPerRun(1000, func() { feed(0) }); n > 0 {
		t.Errorf("%v allocations per frame of silence", n)
	}
	for range onsetFrames {
		feed(1)
	}
	if n := testing.AllocsPerRun(1000, func() { feed(1) }); n > 0 {
		t.Errorf("%v allocations per frame of speech", n)
	}
}

func BenchmarkEarPerFrame(b *testing.B) {
	for _, bb := range []struct {
		name string
		loud func(i int) int16
	}{
		{"silence", func(int) int16 { return 0 }},
		{"talking", func(i int) int16 { return min(int16(i%500/100), 1) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			feed := pump(b)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				feed(bb.loud(i))
			}
		})
	}
}

// signal is a Synthesizer that tells when it is asked to speak.
type signal chan time.Time

func (s signal) Speak(context.Context, string, Voice) iter.Seq2[[]int16, error] {
	return func(func([]int16, error) bool) { s <- time.Now() }
}

// earFunc is an Ear made of a function.
type earFunc func(ctx context.Context, heard chan<- Heard) error

func (f earFunc) Listen(ctx context.Context, heard chan<- Heard) error { return f(ctx, heard) }

// BenchmarkFinalToFirstClause measures what the loop itself adds: from the caller's
// final words to the synthesizer being asked to speak, with parts that take no time.
func BenchmarkFinalToFirstClause(b *testing.B) {
	spoken := make(signal)
	agent := &Agent{Model: answering("Yes, we do."), Synthesizer: spoken, Silence: Silence{Wait: time.Hour}}
	l := newLoop(b.Context(), agent, Options{NewID: counter()}, Line{})
	l.hearing = true
	l.speakThrough(media.NewPlayout(&loudspeaker{}))
	var took []time.Duration
	ear := earFunc(func(_ context.Context, heard chan<- Heard) error {
		for i := 0; b.Loop(); i++ {
			heard <- Heard{Kind: Onset, Item: "u"}
			heard <- Heard{Kind: Offset, Item: "u", Why: "silence"}
			began := time.Now()
			heard <- Heard{Kind: Final, Item: "u", Text: "do you sell lamps"}
			took = append(took, (<-spoken).Sub(began))
		}
		return nil
	})
	b.ReportAllocs()
	if _, err := l.run([]Ear{ear}); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}
