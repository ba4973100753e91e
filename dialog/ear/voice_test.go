package ear

import (
	"context"
	"iter"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

// deafMute is a Recognizer that reads all and hears nothing.
type deafMute struct{}

func (deafMute) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return deafMute{}, nil
}
func (deafMute) Close() error { return nil }
func (deafMute) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(func(dialog.Transcript, error) bool) {
		for range frames {
		}
	}
}

// pump makes an ear whose frames the caller feeds.
func pump(tb testing.TB) (feed func(loud int16)) {
	ctx, cancel := context.WithCancel(tb.Context())
	heard := make(chan dialog.Heard, 64)
	e := NewVoice(&dialog.Agent{Recognizer: deafMute{}, Detector: func() dialog.VoiceDetector { return loudness{} }}, nil, func(prefix string) string { return prefix })
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

// loudness is a VoiceDetector for frames whose first sample tells whether they hold speech.
type loudness struct{}

func (loudness) Detect(frame []int16) float32 { return float32(min(frame[0], 1)) }
