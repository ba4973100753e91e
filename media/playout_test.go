package media

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/audiotest"
)

// recordingSink is a Sink that records what it receives and when.
type recordingSink struct {
	audio []int16
	at    []time.Time
	stall func(frames int)
	err   error
}

func (s *recordingSink) WriteFrame(frame []int16) error {
	if frame == nil {
		frame = make([]int16, MouthFrame)
	}
	s.audio = append(s.audio, frame...)
	s.at = append(s.at, time.Now())
	if s.stall != nil {
		s.stall(len(s.at))
	}
	return s.err
}

// play runs a playout for a duration of virtual time and calls do meanwhile.
func play(t *testing.T, s *recordingSink, duration time.Duration, do func(ctx context.Context, p *Playout)) *Playout {
	t.Helper()
	p := NewPlayout(s)
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	do(ctx, p)
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	return p
}

func TestPlayoutDoesNotDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, start := &recordingSink{}, time.Now()
		play(t, s, time.Minute+time.Millisecond, func(context.Context, *Playout) {})
		if len(s.at) != 3000 {
			t.Errorf("%d frames in a minute", len(s.at))
		}
		for i, at := range s.at {
			if want := start.Add(time.Duration(i+1) * FrameTime); !at.Equal(want) {
				t.Fatalf("frame %d was sent %v off its time", i, at.Sub(want))
			}
		}
	})
}

func TestPlayoutCatchesUpByAFewFramesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recordingSink{stall: func(n int) {
			if n == 10 {
				<-time.After(time.Second)
			}
		}}
		play(t, s, 3*time.Second, func(context.Context, *Playout) {})
		burst := 0
		for i := range s.at[1:] {
			if s.at[i+1].Equal(s.at[i]) {
				burst++
			}
		}
		if burst > maxCatchUp {
			t.Errorf("%d frames sent at once after a stall", burst)
		}
		if n := len(s.at); n < 97 || n > 104 {
			t.Errorf("%d frames in 3 s with a stall of 1 s", n)
		}
	})
}

func TestPlayedCountsPlayedSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recordingSink{}
		p := play(t, s, 2*time.Second, func(ctx context.Context, p *Playout) {
			if err := p.Write(ctx, audiotest.Tone(440, MouthRate, MouthRate, 8000)); err != nil {
				t.Error(err)
			}
		})
		if p.Played() != MouthRate {
			t.Errorf("%d samples played", p.Played())
		}
		near(t, "tone", audiotest.Level(s.audio[:MouthRate], 440, MouthRate), 8000, 80)
		near(t, "rest", audiotest.RMS(s.audio[MouthRate:]), 0, 0)
	})
}

func TestFlushFadesOutWithinAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recordingSink{}
		p := play(t, s, time.Second, func(ctx context.Context, p *Playout) {
			_ = p.Write(ctx, audiotest.Tone(440, MouthRate, MouthRate, 8000))
			<-time.After(10*FrameTime + FrameTime/2)
			p.Flush()
		})
		if p.Played() != 10*MouthFrame {
			t.Errorf("%d samples counted, but 10 frames were audible", p.Played())
		}
		fade := s.audio[10*MouthFrame : 11*MouthFrame]
		if first, last := audiotest.RMS(fade[:80]), audiotest.RMS(fade[400:]); first < 3000 || last > first/3 {
			t.Errorf("the fade goes from %.0f to %.0f", first, last)
		}
		near(t, "rest", audiotest.RMS(s.audio[11*MouthFrame:]), 0, 0)
	})
}

func TestDuckingDoesNotClick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recordingSink{}
		play(t, s, time.Second, func(ctx context.Context, p *Playout) {
			_ = p.Write(ctx, audiotest.Tone(440, MouthRate, MouthRate, 8000))
			<-time.After(10*FrameTime + FrameTime/2)
			p.Duck(Low)
			<-time.After(10 * FrameTime)
			p.Duck(Full)
		})
		amplitude := func(from, to int) float64 {
			return audiotest.Level(s.audio[from*MouthFrame:to*MouthFrame], 440, MouthRate)
		}
		near(t, "before", amplitude(0, 10), 8000, 100)
		near(t, "ducked", amplitude(13, 20), 8000*duckGain, 50)
		near(t, "after", amplitude(23, 33), 8000, 100)
		for i := range s.audio[1 : 40*MouthFrame] {
			if d := int(s.audio[i+1]) - int(s.audio[i]); d > 1000 || d < -1000 {
				t.Fatalf("a click of %d at %d", d, i)
			}
		}
	})
}

func TestHeldPlayoutLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recordingSink{}
		play(t, s, time.Second, func(ctx context.Context, p *Playout) {
			_ = p.Write(ctx, audiotest.Tone(440, MouthRate, 20*MouthFrame, 8000))
			<-time.After(5*FrameTime + FrameTime/2)
			p.Duck(Held)
			<-time.After(FrameTime)
			before := p.Played()
			<-time.After(10 * FrameTime)
			if now := p.Played(); now != before {
				t.Errorf("%d samples were played while held", now-before)
			}
			p.Duck(Full)
			<-time.After(20 * FrameTime)
			if now := p.Played(); now != 20*MouthFrame {
				t.Errorf("%d samples of %d were played", now, 20*MouthFrame)
			}
			_ = p.Write(ctx, audiotest.Tone(440, MouthRate, 20*MouthFrame, 8000))
			<-time.After(2 * FrameTime)
			p.Duck(Held)
			<-time.After(2 * FrameTime)
			p.Flush()
			p.Duck(Full)
			before = p.Played()
			<-time.After(5 * FrameTime)
			if now := p.Played(); now != before {
				t.Errorf("%d samples were played after a flush", now-before)
			}
		})
	})
}

func TestWriteWaitsForRoomOrItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		play(t, &recordingSink{}, 10*time.Second, func(ctx context.Context, p *Playout) {
			if err := p.Write(ctx, make([]int16, 2*MouthRate)); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took < 900*time.Millisecond || took > 1100*time.Millisecond {
				t.Errorf("writing 2 s to a queue of 1 s took %v", took)
			}
			short, cancel := context.WithTimeout(ctx, FrameTime)
			defer cancel()
			if err := p.Write(short, make([]int16, 3*MouthRate)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Write: %v", err)
			}
		})
	})
}

func TestPlayoutEndsWithItsSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := NewPlayout(&recordingSink{err: io.ErrClosedPipe}).Run(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
	})
}

func TestPlayoutDoesNotAllocate(t *testing.T) {
	p, frame, voice := NewPlayout(constant(0)), make([]int16, MouthFrame), audiotest.Tone(440, MouthRate, MouthFrame, 8000)
	if n := testing.AllocsPerRun(200, func() { _ = p.Write(t.Context(), voice); _ = p.tick(frame) }); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkPlayout(b *testing.B) {
	p, frame, voice := NewPlayout(constant(0)), make([]int16, MouthFrame), audiotest.Tone(440, MouthRate, MouthFrame, 8000)
	b.ReportAllocs()
	for b.Loop() {
		_ = p.Write(b.Context(), voice)
		_ = p.tick(frame)
	}
}
