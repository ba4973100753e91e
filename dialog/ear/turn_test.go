package ear

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

// speechSource plays frames whose first sample is the probability of speech; the second one
// counts the frames.
type speechSource struct {
	speech []int16
	read   int
	pace   time.Duration
}

func (s *speechSource) ReadFrame(frame []int16) error {
	if s.read == len(s.speech) {
		return io.EOF
	}
	time.Sleep(s.pace)
	clear(frame)
	frame[0], frame[1] = s.speech[s.read], int16(s.read)
	s.read++
	return nil
}

// speech returns so many frames of silence, of speech, of silence and so on.
func speech(frames ...int) []int16 {
	var out []int16
	for i, n := range frames {
		out = append(out, slices.Repeat([]int16{int16(i % 2)}, n)...)
	}
	return out
}

// fakeTurns is a TurnDetector that answers with the number of the last frame / 1000.
type fakeTurns struct {
	asked  [][]int16 // first and last frame
	answer func(ctx context.Context, last int16) (float32, error)
}

func (f *fakeTurns) TurnProbability(ctx context.Context, pcm []int16) (float32, error) {
	last := pcm[len(pcm)-media.EarFrame+1]
	f.asked = append(f.asked, []int16{pcm[1], last})
	return f.answer(ctx, last)
}

// seenTurns is an Endpointer that records the probabilities and ends turns after a second.
type seenTurns struct {
	detector *fakeTurns
	seen     []float32
}

func (s *seenTurns) TurnDetector() dialog.TurnDetector { return s.detector }

func (*seenTurns) Reset(time.Duration) {}

func (s *seenTurns) Judge(e dialog.Evidence) dialog.Verdict {
	s.seen = append(s.seen, e.TurnProbability)
	return dialog.Verdict{Finished: e.Silence >= time.Second, Reason: "silence"}
}

func newTurnAgent(s *seenTurns) *dialog.Agent {
	return &dialog.Agent{
		Recognizer: wordlessRecognizer{}, Detector: func() dialog.VoiceDetector { return firstSampleDetector{} },
		Endpointer: func() dialog.Endpointer { return s },
	}
}

func TestTurnDetectorIsAskedInPauses(t *testing.T) {
	f := &fakeTurns{answer: func(_ context.Context, last int16) (float32, error) { return float32(last) / 1000, nil }}
	s := &seenTurns{detector: f}
	// 600 ms of silence, 10 s of speech, a pause of 300 ms, 200 ms of speech, and the end.
	source := &speechSource{speech: speech(30, 500, 15, 10, 60)}
	if err := Replay(t.Context(), newTurnAgent(s), source, func(dialog.Heard) {}); err != nil {
		t.Fatal(err)
	}
	// Frames are numbered from 0. The pause begins with frame 530 and the end with 555.
	want := [][]int16{{135, 534}, {160, 559}}
	if !slices.EqualFunc(f.asked, want, slices.Equal) {
		t.Errorf("asked about the frames %v, want %v", f.asked, want)
	}
	// The Endpointer sees the frames from the one after the onset, 33, on.
	for _, c := range []struct {
		frame int
		want  float32
	}{
		{538, 0}, {539, 0.534}, {544, 0.534}, {545, 0}, {554, 0}, {563, 0}, {564, 0.559}, {604, 0.559},
	} {
		if got := s.seen[c.frame-33]; got != c.want {
			t.Errorf("frame %d: probability %v, want %v", c.frame, got, c.want)
		}
	}
}

func TestEarDoesNotWaitForTheTurnDetector(t *testing.T) {
	for name, answer := range map[string]func(context.Context, int16) (float32, error){
		"hangs": func(ctx context.Context, _ int16) (float32, error) { <-ctx.Done(); return 0.9, ctx.Err() },
		"fails": func(context.Context, int16) (float32, error) { return 0.9, errors.New("it failed") },
	} {
		s := &seenTurns{detector: &fakeTurns{answer: answer}}
		e := NewVoice(newTurnAgent(s), &speechSource{speech: speech(10, 20, 60, 20, 60), pace: time.Millisecond}, func(p string) string { return p })
		heard := make(chan dialog.Heard, 1000)
		if err := e.Listen(t.Context(), heard); err != nil {
			t.Fatal(err)
		}
		ends := 0
		for len(heard) > 0 {
			if h := <-heard; h.Kind == dialog.Offset && h.Reason == "silence" {
				ends++
			}
		}
		if ends != 2 || slices.ContainsFunc(s.seen, func(p float32) bool { return p != 0 }) {
			t.Errorf("%s: %d silences, want 2; probabilities %v, want 0", name, ends, slices.Max(s.seen))
		}
	}
}
