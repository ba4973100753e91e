package eval

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"frontdesk/media"
)

// Condition is the noise and the line that recordings pass through.
type Condition struct {
	Name  string
	noise func(rnd *rand.Rand, corpus []*Recording, n int) []float64 // of about unit power
	snr   float64                                                    // dB, of speech over noise
	level float64                                                    // of the speech, relative to full scale; 0 leaves it
	line  func(pcm []int16) ([]int16, error)                         // codec and band of the line

	isNarrowband bool // the line has no audio above 4 kHz
}

// noises are the kinds of noise.
var noises = []struct {
	name string
	make func(rnd *rand.Rand, corpus []*Recording, n int) []float64
}{{"white", white}, {"pink", pink}, {"babble", babble}, {"hum", hum}, {"fan", fan}, {"street", street}, {"music", music}}

// Conditions returns the conditions that are measured by default in this build. The number
// in the name of a noise is the ratio of the power of the speech to that of the noise, in dB.
func Conditions() []Condition {
	var list []Condition
	for _, name := range []string{"clean", "white20", "white10", "pink20", "pink10", "babble20", "babble10", "hum10", "fan10", "street10", "music10", "telephone"} {
		c, _ := FindCondition(name)
		list = append(list, c)
	}
	if media.CanEncodeOpus {
		list = append(list, Condition{Name: "opus16", line: opus16})
	}
	return list
}

// FindCondition returns the condition of that name: one of Conditions, a noise at another
// ratio ("babble5"), or speech at a level in dB of full scale ("level-40", and "level-3" to
// clip it).
func FindCondition(name string) (Condition, error) {
	kind := strings.TrimRight(name, "-0123456789")
	number, err := strconv.Atoi(name[len(kind):])
	isNumbered := err == nil && number >= -60 && number <= 60
	switch {
	case name == "clean":
		return Condition{Name: name}, nil
	case name == "telephone":
		return Condition{Name: name, line: telephone, isNarrowband: true}, nil
	case name == "opus16" && media.CanEncodeOpus:
		return Condition{Name: name, line: opus16}, nil
	case kind == "level" && isNumbered && number < 0:
		return Condition{Name: name, level: math.Pow(10, float64(number)/20)}, nil
	}
	var known []string
	for _, n := range noises {
		if n.name == kind && isNumbered {
			return Condition{Name: name, noise: n.make, snr: float64(number)}, nil
		}
		known = append(known, n.name+"10")
	}
	return Condition{}, fmt.Errorf("unknown condition %q (want clean, telephone, opus16, level-30, or a noise and its ratio in dB: %s)", name, strings.Join(known, ", "))
}

// random returns the random source of one caller under c, which is always the same.
func (c Condition) random(voice string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(c.Name + "/" + voice))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// white returns noise with the same power at all frequencies.
func white(rnd *rand.Rand, _ []*Recording, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = rnd.NormFloat64()
	}
	return out
}

// pink returns noise with the same power in all octaves: white noise through one-pole
// low-passes two octaves apart.
func pink(rnd *rand.Rand, _ []*Recording, n int) []float64 {
	const poles = 7
	var state, keep, gain [poles]float64
	for i := range poles {
		a := 2 * math.Pi * 4000 / math.Pow(4, float64(i)) / media.EarRate
		keep[i] = math.Exp(-a)
		gain[i] = (1 - keep[i]) * math.Pow(2, float64(i))
	}
	out := make([]float64, n)
	for i := range out {
		w := rnd.NormFloat64()
		for j := range poles {
			state[j] = keep[j]*state[j] + gain[j]*w
			out[i] += state[j]
		}
	}
	return unit(out)
}

const talkers = 8

// babble returns several callers of the corpus who talk at once, without pauses.
func babble(rnd *rand.Rand, corpus []*Recording, n int) []float64 {
	out := make([]float64, n)
	for range talkers {
		for at := -rnd.IntN(2 * media.EarRate); at < n; {
			r := corpus[rnd.IntN(len(corpus))]
			scale := 1 / math.Sqrt(max(r.power(), 1))
			for _, s := range r.Segments {
				for _, v := range r.PCM[min(samples(s[0]), len(r.PCM)):min(samples(s[1]), len(r.PCM))] {
					if at >= 0 && at < n {
						out[at] += float64(v) * scale
					}
					at++
				}
			}
		}
	}
	return unit(out)
}

// unit scales x to a mean square of one.
func unit(x []float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	scale := 1 / math.Sqrt(max(sum, 1e-9)/float64(max(len(x), 1)))
	for i := range x {
		x[i] *= scale
	}
	return x
}

// telephone limits the band to 300 to 3400 Hz and applies PCMU at 8 kHz.
func telephone(pcm []int16) ([]int16, error) {
	pcm = highPass(highPass(pcm, 300), 300)
	down := media.NewResampler(media.EarRate, 8000)
	coded := media.EncodePCMU(nil, down.Flush(down.Process(nil, pcm)))
	up := media.NewResampler(8000, media.EarRate)
	return up.Flush(up.Process(nil, media.DecodePCMU(nil, coded))), nil
}

// highPass applies a one-pole high-pass.
func highPass(pcm []int16, hz float64) []int16 {
	keep := math.Exp(-2 * math.Pi * hz / media.EarRate)
	out := make([]int16, len(pcm))
	last, y := 0.0, 0.0
	for i, v := range pcm {
		y = keep * (y + float64(v) - last)
		last = float64(v)
		out[i] = clip(y)
	}
	return out
}

func clip(x float64) int16 {
	return int16(min(max(math.Round(x), math.MinInt16), math.MaxInt16))
}
