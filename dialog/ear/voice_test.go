package ear

import (
	"context"
	"iter"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

// wordlessRecognizer reads all frames and yields no transcript.
type wordlessRecognizer struct{}

func (wordlessRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return wordlessRecognizer{}, nil
}
func (wordlessRecognizer) Close() error { return nil }
func (wordlessRecognizer) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(func(dialog.Transcript, error) bool) {
		for range frames {
		}
	}
}

// startEar runs an ear and returns a function that feeds it one frame. The frame's speech
// probability is 0 or 1.
func startEar(tb testing.TB) (feed func(speech int16)) {
	ctx, cancel := context.WithCancel(tb.Context())
	heard := make(chan dialog.Heard, 64)
	e := NewVoice(&dialog.Agent{Recognizer: wordlessRecognizer{}, Detector: func() dialog.VoiceDetector { return firstSampleDetector{} }}, nil, func(prefix string) string { return prefix })
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
	return func(speech int16) {
		now = now.Add(media.FrameTime)
		e.pump.frame[0] = speech
		e.processFrame(ctx, now, heard)
	}
}

func TestFramePathDoesNotAllocate(t *testing.T) {
	feed := startEar(t)
	for i := range 5000 { // two utterances fill the pool of blocks
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
		name   string
		speech func(i int) int16
	}{
		{"silence", func(int) int16 { return 0 }},
		{"talking", func(i int) int16 { return min(int16(i%500/100), 1) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			feed := startEar(b)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				feed(bb.speech(i))
			}
		})
	}
}

// firstSampleDetector takes the first sample of a frame for the probability of speech.
type firstSampleDetector struct{}

func (firstSampleDetector) Detect(frame []int16) float32 { return float32(min(frame[0], 1)) }
