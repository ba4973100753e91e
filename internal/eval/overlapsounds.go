package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"frontdesk/media"
)

const (
	syntheticSounds = 12 // of each kind that is synthesized
	sideTalks       = 24 // people near the telephone
	televisions     = 16
)

// synthesizeSounds returns coughs and knocks. A cough is a burst of noise that decays in
// 60 to 300 ms; a knock is one or a few strikes with low resonances of a plate, which decay
// in 20 to 60 ms.
func synthesizeSounds() []*Recording {
	rnd := rand.New(rand.NewPCG(5, 6))
	var list []*Recording
	for i := range syntheticSounds {
		part := float64(i) / (syntheticSounds - 1)
		length := 60 + int(240*part)
		cough := newSound("cough", i, length)
		addCough(rnd, cough.PCM, samples(cough.Start), samples(length))
		times := 1 + i%3
		knock := newSound("knock", i, times*180-80)
		for n := range times {
			addKnock(rnd, knock.PCM, samples(knock.Start+180*n), 0.005+0.01*part)
		}
		list = append(list, cough, knock)
	}
	return list
}

// newSound returns a silent recording whose labelled sound is length ms long.
func newSound(kind string, i, length int) *Recording {
	const start = 300
	return &Recording{File: fmt.Sprintf("%s %d", kind, i+1), Category: kind, Start: start, End: start + length,
		Segments: [][2]int{{start, start + length}}, PCM: make([]int16, samples(start+length+300))}
}

// addCough adds low-passed noise that rises for 20 ms and then decays.
func addCough(rnd *rand.Rand, pcm []int16, at, n int) {
	low := 0.0
	for i := range n {
		low = 0.6*low + rnd.NormFloat64()
		rise := min(float64(i)/float64(samples(20)), 1)
		pcm[at+i] = clip(2500 * low * rise * math.Exp(-3*float64(i)/float64(n)))
	}
}

// addKnock adds a strike that decays by a factor of e within the given seconds.
func addKnock(rnd *rand.Rand, pcm []int16, at int, seconds float64) {
	for i := range min(samples(100), len(pcm)-at) {
		t := float64(i) / media.EarRate
		x := 0.3 * rnd.NormFloat64() * math.Exp(-t/0.002)
		for _, hz := range []float64{180, 430, 950} {
			x += math.Sin(2*math.Pi*hz*t) * 200 / hz
		}
		pcm[at+i] = clip(9000 * x * math.Exp(-t/seconds))
	}
}

// synthesizeBreaths returns sighs and laughs. A sigh is breath, noise with the resonances of
// an open mouth, that rises and falls in 500 to 1100 ms. A laugh is three to six times "ha":
// 60 ms of breath and 110 ms of voice, which falls in pitch and level (J.-A. Bachorowski et
// al., "The acoustic features of human laughter", 2001).
func synthesizeBreaths() []*Recording {
	rnd := rand.New(rand.NewPCG(7, 8))
	var list []*Recording
	for i := range syntheticSounds {
		part := float64(i) / (syntheticSounds - 1)
		length := 500 + int(600*part)
		sigh := newSound("sigh", i, length)
		breath := make([]float64, samples(length))
		for k := range breath {
			breath[k] = rnd.NormFloat64() * math.Sin(math.Pi*float64(k)/float64(len(breath)))
		}
		addLevel(sigh.PCM[samples(sigh.Start):], openMouth(breath), 300)
		times := 3 + i%4
		laugh := newSound("laugh", i, times*200-30)
		audio := make([]float64, samples(times*200))
		hz := 160 + 160*part
		for n := range times {
			addHa(rnd, audio[samples(200*n):], hz*math.Pow(0.94, float64(n)), math.Pow(0.85, float64(n)))
		}
		addLevel(laugh.PCM[samples(laugh.Start):], openMouth(audio), 1500)
		list = append(list, sigh, laugh)
	}
	return list
}

// addHa adds breath and then the pulses of a voice.
func addHa(rnd *rand.Rand, out []float64, hz, level float64) {
	phase := 0.0
	for i := range samples(170) {
		if i < samples(60) {
			out[i] += 0.15 * level * rnd.NormFloat64()
			continue
		}
		if phase += hz / media.EarRate; phase >= 1 {
			phase--
			out[i] += 6 * level
		}
	}
}

// openMouth applies the resonances of an open vowel (G. Peterson, H. Barney, "Control methods
// used in a study of the vowels", 1952).
func openMouth(x []float64) []float64 {
	out := make([]float64, len(x))
	for _, hz := range []float64{730, 1090, 2440} {
		const r = 0.97 // a bandwidth of 150 Hz
		a, y1, y2 := 2*r*math.Cos(2*math.Pi*hz/media.EarRate), 0.0, 0.0
		for i, v := range x {
			y := v + a*y1 - r*r*y2
			y1, y2 = y, y1
			out[i] += y
		}
	}
	return out
}

// addLevel adds x, scaled to the given root mean square, to pcm.
func addLevel(pcm []int16, x []float64, rms float64) {
	for i, v := range unit(x) {
		if i < len(pcm) {
			pcm[i] = clip(float64(pcm[i]) + rms*v)
		}
	}
}

// sideTalk returns other voices of corpus than the caller's, who talk near the caller's
// telephone for 3 to 6 s: 8 to 15 dB below before, in a room.
func sideTalk(rnd *rand.Rand, corpus []*Recording, before *Recording, number int) *Recording {
	voice := other(rnd, corpus, before.Voice)
	audio := talk(rnd, corpus, voice, samples(3000+rnd.IntN(3000)))
	return behind(before, "side talk", number, room(rnd, audio), 8+7*rnd.Float64())
}

// television returns voices of corpus that change every 2 to 3 s, without pauses, with music
// beneath them, through a small loudspeaker and a room, 10 to 20 dB below before.
func television(rnd *rand.Rand, corpus []*Recording, before *Recording, number int) *Recording {
	var audio []float64
	for len(audio) < samples(6000) {
		audio = append(audio, talk(rnd, corpus, other(rnd, corpus, before.Voice), samples(2000+rnd.IntN(1000)))...)
	}
	for i, v := range music(rnd, nil, len(audio)) {
		audio[i] += 0.35 * v // -9 dB, as speech is mixed over music in broadcasting
	}
	low := 0.0
	for i, v := range audio {
		low += (v - low) * 0.79 // 4 kHz
		audio[i] = low
	}
	return behind(before, "television", number, room(rnd, audio), 10+10*rnd.Float64())
}

// other returns a voice of corpus that is not the given one, if there is one.
func other(rnd *rand.Rand, corpus []*Recording, voice string) string {
	for range 100 {
		if r := corpus[rnd.IntN(len(corpus))]; r.Voice != voice {
			return r.Voice
		}
	}
	return voice
}

// talk returns n samples of speech of a voice of corpus, of unit power.
func talk(rnd *rand.Rand, corpus []*Recording, voice string, n int) []float64 {
	var own []*Recording
	for _, r := range corpus {
		if r.Voice == voice {
			own = append(own, r)
		}
	}
	var out []float64
	for len(out) < n {
		r := own[rnd.IntN(len(own))]
		scale := 1 / math.Sqrt(max(r.power(), 1))
		for _, v := range r.PCM[min(samples(r.Start), len(r.PCM)):min(samples(r.End), len(r.PCM))] {
			out = append(out, float64(v)*scale)
		}
		out = append(out, make([]float64, samples(150+rnd.IntN(200)))...)
	}
	return out[:n]
}

// room adds the reverberation of a room of 0.3 to 0.6 s to x. The speaker is 2 to 4 m away,
// where the reflections are as loud as the direct sound or louder.
func room(rnd *rand.Rand, x []float64) []float64 {
	time := 0.3 + 0.3*rnd.Float64()
	direct := math.Sqrt(0.3 + 0.2*rnd.Float64())
	n := int(time * media.EarRate)
	// Reflections are sparse at first, and here everywhere: 2,000 in a second are enough for
	// a decay without audible steps.
	type reflection struct {
		at   int
		gain float64
	}
	var list []reflection
	sum := 0.0
	for at := samples(5); at < n; at += 1 + rnd.IntN(15) {
		g := rnd.NormFloat64() * math.Exp(-6.9*float64(at)/float64(n))
		list = append(list, reflection{at, g})
		sum += g * g
	}
	scale := math.Sqrt((1 - direct*direct) / max(sum, 1e-9))
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] += direct * v
	}
	for _, r := range list {
		g := r.gain * scale
		for i, v := range x[:len(x)-min(r.at, len(x))] {
			out[i+r.at] += g * v
		}
	}
	return out
}

// behind returns x as a sound that is the given number of dB below the speech of before.
func behind(before *Recording, kind string, number int, x []float64, db float64) *Recording {
	r := newSound(kind, number, len(x)*1000/media.EarRate)
	r.File = fmt.Sprintf("%s, %.0f dB below %s", r.File, db, before.File)
	addLevel(r.PCM[samples(r.Start):], x, math.Sqrt(before.power())*math.Pow(10, -db/20))
	return r
}

// firstTurns returns for each voice of corpus what its callers may say before the agent
// speaks: turns of at least a second without a pause, the shortest ones first.
func firstTurns(corpus []*Recording) map[string][]*Recording {
	list := make(map[string][]*Recording)
	for _, r := range corpus {
		if n := r.End - r.Start; !slices.Contains(Overlaps(), r.Category) && n >= 1000 && n <= 6000 && len(r.Pauses) == 0 {
			list[r.Voice] = append(list[r.Voice], r)
		}
	}
	for _, l := range list {
		slices.SortStableFunc(l, func(a, b *Recording) int { return a.End - a.Start - b.End + b.Start })
	}
	return list
}

// sortedVoices returns the names of the voices.
func sortedVoices(turns map[string][]*Recording) (names []string) {
	for name := range turns {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
