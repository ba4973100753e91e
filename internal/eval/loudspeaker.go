package eval

import (
	"math"
	"math/rand/v2"

	"frontdesk/media"
)

// Loudspeaker simulates the echo of the agent's voice in the caller's microphone: delayed,
// quieter, and filtered by a small loudspeaker and a room.
type Loudspeaker struct {
	Delay int     // ms
	Gain  float64 // dB
	taps  []float64
	low   float64
	high  float64
	at    int // next sample of the voice
}

const tapTime = 5 // ms between reflections

// newLoudspeaker returns the same Loudspeaker for the same number.
func newLoudspeaker(number int) *Loudspeaker {
	rnd := rand.New(rand.NewPCG(uint64(number), 3))
	l := &Loudspeaker{Delay: 60 + rnd.IntN(420), Gain: -4 - 20*rnd.Float64(), taps: []float64{1}}
	for i := range 16 {
		l.taps = append(l.taps, 0.5*rnd.NormFloat64()*math.Exp(-float64(i)/5))
	}
	return l
}

// add mixes the echo into frame. voice is all audio played so far.
func (l *Loudspeaker) add(frame, voice []int16) {
	gain := math.Pow(10, l.Gain/20)
	from := l.at
	if due := len(voice) - samples(l.Delay) - media.EarFrame; from == 0 || from < due-samples(60) || from > due+samples(60) {
		from = due // the clocks of ear and voice differ by a few frames at most
	}
	l.at = from + media.EarFrame
	for i := range frame {
		x := 0.0
		for k, tap := range l.taps {
			if at := from + i - k*samples(tapTime); at >= 0 && at < len(voice) {
				x += tap * float64(voice[at])
			}
		}
		l.low += (x - l.low) * 0.86      // 5 kHz
		l.high += (l.low - l.high) * 0.1 // 250 Hz
		frame[i] = clip(float64(frame[i]) + gain*(l.low-l.high))
	}
}
