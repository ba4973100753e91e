package eval

import (
	"math"
	"math/rand/v2"

	"frontdesk/media"
)

// hum returns mains hum, as from a bad power supply or a ground loop: 50 Hz and its
// harmonics, of which the odd ones are louder, and a little noise.
func hum(rnd *rand.Rand, _ []*Recording, n int) []float64 {
	out := make([]float64, n)
	for k := 1; k <= 30; k++ {
		level := 1 / float64(k)
		if k%2 == 0 {
			level /= 2
		}
		addTone(out, 50*float64(k), level, rnd.Float64())
	}
	for i := range out {
		out[i] += 0.02 * rnd.NormFloat64()
	}
	return unit(out)
}

// fan returns a fan or a vacuum cleaner: noise that is strongest in the lowest octaves and
// rises and falls with the blades, and the tones of the blades.
func fan(rnd *rand.Rand, corpus []*Recording, n int) []float64 {
	const blades = 115 // Hz
	out := pink(rnd, corpus, n)
	phase := rnd.Float64()
	for i := range out {
		out[i] *= 1 + 0.3*math.Sin(2*math.Pi*(blades*float64(i)/media.EarRate+phase))
	}
	for k := 1; k <= 6; k++ {
		addTone(out, blades*float64(k), 0.4/float64(k), rnd.Float64())
	}
	return unit(out)
}

// street returns traffic: cars that pass for 2 to 6 s each, up to 10 dB louder
// than what is between them, and now and then a horn.
func street(rnd *rand.Rand, corpus []*Recording, n int) []float64 {
	level := make([]float64, n)
	for i := range level {
		level[i] = 0.4
	}
	var horns [][2]int
	for at := -rnd.IntN(3 * media.EarRate); at < n; at += (1 + rnd.IntN(3)) * media.EarRate {
		length := (2 + rnd.IntN(5)) * media.EarRate
		loud := 0.5 + rnd.Float64()/2
		for i := max(0, at); i < min(n, at+length); i++ {
			level[i] += loud * math.Pow(math.Sin(math.Pi*float64(i-at)/float64(length)), 2)
		}
		if rnd.IntN(4) == 0 && at >= 0 {
			horns = append(horns, [2]int{at, min(n, at+media.EarRate/2)})
		}
	}
	out := pink(rnd, corpus, n)
	for i := range out {
		out[i] *= level[i]
	}
	for _, h := range horns {
		for k := 1; k <= 5; k++ {
			addTone(out[h[0]:h[1]], 420*float64(k), 0.5/float64(k), 0)
			addTone(out[h[0]:h[1]], 520*float64(k), 0.5/float64(k), 0)
		}
	}
	return unit(out)
}

// music returns music on hold: four chords, one each 2 s, played as broken chords of plucked
// strings over a bass, with a drum.
func music(rnd *rand.Rand, _ []*Recording, n int) []float64 {
	const beat = media.EarRate / 4
	chords := [][4]float64{{130.8, 261.6, 329.6, 392}, {110, 220, 261.6, 329.6}, {87.3, 174.6, 220, 261.6}, {98, 196, 246.9, 293.7}}
	out := make([]float64, n)
	step := rnd.IntN(32)
	for at := 0; at < n; at, step = at+beat, step+1 {
		chord := chords[step/8%len(chords)]
		pluck(out[at:], 2*chord[1+step%3], 0.5)
		if step%4 == 0 {
			pluck(out[at:], chord[0], 0.8)
		}
		if step%2 == 1 {
			for i := range min(beat/4, n-at) {
				out[at+i] += 0.2 * rnd.NormFloat64() * math.Exp(-float64(i)/400)
			}
		}
	}
	return unit(out)
}

// pluck adds a tone with harmonics that fade, the higher ones sooner.
func pluck(out []float64, hz, level float64) {
	for k := 1; k <= 8 && hz*float64(k) < media.EarRate/2; k++ {
		fade := float64(k) * 2 / media.EarRate
		for i := range min(len(out), 2*media.EarRate) {
			t := float64(i)
			out[i] += level / float64(k) * math.Exp(-fade*t) * math.Sin(2*math.Pi*hz*float64(k)*t/media.EarRate)
		}
	}
}

// addTone adds a sine of the given frequency, amplitude and phase in turns.
func addTone(out []float64, hz, level, phase float64) {
	for i := range out {
		out[i] += level * math.Sin(2*math.Pi*(hz*float64(i)/media.EarRate+phase))
	}
}
