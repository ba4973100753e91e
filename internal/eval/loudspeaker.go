package eval

import (
	"math"
	"math/rand/v2"

	"frontdesk/media"
)

// Loudspeaker brings the agent's voice back to the caller's microphone: late by the way
// to and fro, coloured by a small loudspeaker and a room, and quieter.
type Loudspeaker struct {
	Delay int     // ms
	Gain  float64 // dB
	taps  []float64
	low   float64
	high  float64
	at    int // sample of the voice that comes next
}

const tapTime = 5 // ms between two reflections

// newLoudspeaker makes one of many, always the same one for a number.
func newLoudspeaker(number int) *Loudspeaker {
	rnd := rand.New(rand.NewPCG(uint64(number), 3))
	l := &Loudspeaker{Delay: 60 + rnd.IntN(420), Gain: -4 - 20*rnd.Float64(), taps: []float64{1}}
	for i := range 16 {
		l.taps = append(l.taps, 0.5*rnd.NormFloat64()*math.Exp(-float64(i)/5))
	}
	return l
}

// add mixes into frame what comes back now of voice, all that was ever played.
func (l *Loudspeaker) add(frame, voice []int16) {
	gain := math.Pow(10, l.Gain/20)
	from := l.at
	if due := len(voice) - samples(l.Delay) - media.EarFrame; from == 0 || from < due-samples(60) || from > due+samples(60) {
		from = due // the clocks of ear and voice are apart by a few frames at most
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
