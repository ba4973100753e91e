package media

import (
	"math"
	"math/rand/v2"
	"testing"
)

const (
	agentText  = "Express shipping takes one to two working days and costs nine dollars. Orders placed before two in the afternoon leave our warehouse on the same day, and you get a message with a link to follow the parcel. Is there anything else that I can do for you?"
	callerText = "No wait, I did not ask about that. I want to know where my lamp is."
)

// speak returns text spoken by an installed voice, at the given rate.
func speak(t testing.TB, voice, text string, rate int) []float64 {
	t.Helper()
	pcm := speakPCM(t, voice, text, rate)
	out := make([]float64, len(pcm))
	for i, v := range pcm {
		out[i] = float64(v)
	}
	return out
}

// echoPath models a loudspeaker, a room and a line.
type echoPath struct {
	delay int // ms
	gain  float64
	room  []float64 // taps, 5 ms apart
}

func newEchoPath(delay int, gainDB float64) echoPath {
	rnd := rand.New(rand.NewPCG(7, uint64(delay)))
	p := echoPath{delay: delay, gain: math.Pow(10, gainDB/20), room: []float64{1}}
	for i := range 16 {
		p.room = append(p.room, 0.5*rnd.NormFloat64()*math.Exp(-float64(i)/5))
	}
	return p
}

// through returns the echo of audio (at EarRate).
func (p echoPath) through(audio []float64) []float64 {
	low, high := 0.0, 0.0 // a small loudspeaker: 250 Hz to 5 kHz
	out := make([]float64, len(audio)+p.delay*16+len(p.room)*80)
	for i, v := range audio {
		low += (v - low) * 0.86
		high += (low - high) * 0.1
		for k, tap := range p.room {
			out[i+p.delay*16+k*80] += p.gain * tap * (low - high)
		}
	}
	return out
}

// mix returns the frames of a microphone that picks up all parts and some noise.
func mix(length int, parts ...[]float64) [][]int16 {
	rnd := rand.New(rand.NewPCG(5, 6))
	var frames [][]int16
	for at := 0; at+EarFrame <= length; at += EarFrame {
		frame := make([]int16, EarFrame)
		for i := range frame {
			x := 10 * rnd.NormFloat64()
			for _, p := range parts {
				if at+i < len(p) {
					x += p[at+i]
				}
			}
			frame[i] = int16(min(max(x, math.MinInt16), math.MaxInt16))
		}
		frames = append(frames, frame)
	}
	return frames
}

// echoShare runs the detectors and returns the share of the frames with speech, from
// frame from to frame to, that is detected as echo; -1 if none has speech.
func echoShare(d *EchoDetector, played []float64, heard [][]int16, from, to int) float64 {
	v := NewDetector()
	speech, echo := 0, 0
	for i, frame := range heard {
		out := make([]int16, MouthFrame)
		silent := true
		for k := range out {
			if at := i*MouthFrame + k; at < len(played) {
				out[k] = int16(played[at])
				silent = silent && out[k] == 0
			}
		}
		if silent {
			out = nil
		}
		d.AddPlayed(out)
		is := d.IsEcho(frame)
		if p := v.Detect(frame); i >= from && i < to && p >= 0.6 {
			speech++
			if is {
				echo++
			}
		}
	}
	if speech == 0 {
		return -1
	}
	return float64(echo) / float64(speech)
}

func TestEchoOfTheAgentDiffersFromACaller(t *testing.T) {
	played, source := speak(t, "slt", agentText, MouthRate), speak(t, "slt", agentText, EarRate)
	caller := speak(t, "rms", callerText, EarRate)
	frames := len(source) / EarFrame
	for _, tt := range []struct {
		name   string
		delay  int
		gain   float64
		hidden float64 // largest share of the caller's speech that may be detected as echo
	}{{"a handset", 70, -24, 0.1}, {"a loudspeaker", 160, -10, 0.2}, {"a loud, distant one", 300, -3, 0.7}, {"half a second", 480, -12, 0.1}} {
		t.Run(tt.name, func(t *testing.T) {
			echo := newEchoPath(tt.delay, tt.gain).through(source)
			share := echoShare(NewEchoDetector(), played, mix(len(source), echo), 25, frames)
			t.Logf("%.0f %% of the echo is detected", 100*share)
			if share >= 0 && share < 0.9 {
				t.Errorf("%.0f %% of the echo is detected", 100*share)
			}
			const at = 200 // frames into the reply
			both := append(make([]float64, at*EarFrame), caller...)
			talk := len(caller) / EarFrame
			share = echoShare(NewEchoDetector(), played, mix(len(source), echo, both), at, at+talk)
			t.Logf("%.0f %% of a caller over the echo is detected as echo", 100*share)
			if share > tt.hidden {
				t.Errorf("%.0f %% of a caller over the echo is detected as echo", 100*share)
			}
		})
	}
}

func TestCallerWithoutEchoIsNotDetectedAsEcho(t *testing.T) {
	played := speak(t, "slt", agentText, MouthRate)
	caller := speak(t, "rms", callerText+" "+callerText+" "+callerText, EarRate)
	share := echoShare(NewEchoDetector(), played, mix(len(caller), caller), 0, len(caller)/EarFrame)
	t.Logf("%.0f %% of a caller alone is detected as echo", 100*share)
	if share > 0.1 {
		t.Errorf("%.0f %% of the caller is detected as echo", 100*share)
	}
	if share := echoShare(NewEchoDetector(), nil, mix(len(caller), caller), 0, len(caller)/EarFrame); share > 0 {
		t.Errorf("%.0f %% while nothing is played", 100*share)
	}
}

func TestEchoIsRememberedWhileACallerHidesIt(t *testing.T) {
	d := NewEchoDetector()
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []int16 { // of a random level, so that both sides are independent
		level := math.Pow(10, 1+3*rnd.Float64())
		frame := make([]int16, n)
		for i := range frame {
			frame[i] = int16(level * (2*rnd.Float64() - 1))
		}
		return frame
	}
	play := func(frames int) {
		for range frames {
			d.AddPlayed(noise(MouthFrame))
			d.IsEcho(noise(EarFrame))
		}
	}
	if play(2 * echoProofFrames); d.MayHaveEcho() || d.lag >= 0 {
		t.Fatalf("a line without echo may have it, lag %d", d.lag)
	}
	d.sinceEcho = 0 // there was an echo
	if play(echoMemory - 1); !d.MayHaveEcho() || d.lag >= 0 {
		t.Errorf("the echo is forgotten, lag %d", d.lag)
	}
	if play(1); d.MayHaveEcho() {
		t.Error("the echo is never forgotten")
	}
}

func TestEchoDetectionDoesNotAllocate(t *testing.T) {
	d := NewEchoDetector()
	in, out := make([]int16, EarFrame), make([]int16, MouthFrame)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range out {
		out[i] = int16(r.Uint32() >> 20)
	}
	copy(in, out)
	if n := testing.AllocsPerRun(200, func() { d.AddPlayed(out); d.IsEcho(in) }); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkEchoDetector(b *testing.B) {
	d := NewEchoDetector()
	in, out := make([]int16, EarFrame), make([]int16, MouthFrame)
	for i := range out {
		out[i] = int16(3000 * math.Sin(float64(i)/9))
	}
	copy(in, out)
	b.ReportAllocs()
	for b.Loop() {
		d.AddPlayed(out)
		d.IsEcho(in)
	}
}
