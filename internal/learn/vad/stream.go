package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"frontdesk/internal/eval"
	"frontdesk/internal/learn"
	"frontdesk/media"
)

// outsideWeight is the weight of the background before and after a recording.
const outsideWeight = 0.5

// stream is what a detector measures of one audio stream, frame by frame, with labels.
type stream []labelledFrame

type labelledFrame struct {
	features media.VoiceFeatures
	silent   bool // digital silence, which has no features
	eval.FrameLabel
}

// trainingStreams returns whole calls and single recordings, unchanged and altered:
// quieter and louder, with a DC offset, hum and clicks, and with noise that comes and goes.
func trainingStreams(corpus []*eval.Recording) ([]stream, error) {
	clean, err := eval.Calls(corpus, eval.Conditions()[0])
	if err != nil {
		return nil, err
	}
	return learn.ForEachCondition(eval.Conditions(), func(c eval.Condition) ([]stream, error) {
		calls, err := eval.Calls(corpus, c)
		if err != nil {
			return nil, err
		}
		var out []stream
		for i, call := range calls {
			rnd := randomFor(c.Name, call.Turns[0].Voice)
			altered := eval.Call{Turns: call.Turns, PCM: alter(rnd, call.PCM)}
			out = append(out, measureCall(call), measureCall(altered), measureCall(alternate(clean[i], call)))
			lead := func() int { return int(3500 * math.Pow(rnd.Float64(), 2)) } // varied, or it would learn when speech begins in the corpus
			out = append(append(out, measureTurns(call, lead)...), measureTurns(altered, lead)...)
		}
		return out, nil
	})
}

// randomFor returns a random source that is always the same for the same names.
func randomFor(names ...string) *rand.Rand {
	h := fnv.New64a()
	for _, n := range names {
		h.Write([]byte(n + "/"))
	}
	return rand.New(rand.NewPCG(h.Sum64(), 2))
}

// measureCall returns the stream of a call.
func measureCall(call eval.Call) stream {
	t := 0
	return measure(call.PCM, func(ms int) (*eval.Recording, int) {
		for t+1 < len(call.Turns) && ms >= call.Turns[t].At+call.Turns[t].Len {
			t++
		}
		return call.Turns[t].Recording, ms - call.Turns[t].At
	})
}

// measureTurns returns a stream for each recording of a call, measured by its own detector
// from lead milliseconds before the speech.
func measureTurns(call eval.Call, lead func() int) (out []stream) {
	for _, t := range call.Turns {
		begin := max(t.At+t.Start-lead(), 0)
		from, to := begin*media.EarRate/1000, t.At*media.EarRate/1000+len(t.PCM)
		pcm := call.PCM[min(from, len(call.PCM)):min(to, len(call.PCM))]
		out = append(out, measure(pcm, func(ms int) (*eval.Recording, int) { return t.Recording, begin + ms - t.At }))
	}
	return out
}

// measure returns the stream of pcm. label returns the recording at ms, and the position in
// it.
func measure(pcm []int16, label func(ms int) (*eval.Recording, int)) stream {
	d := media.NewDetector()
	var out stream
	for i := range len(pcm) / media.EarFrame {
		var f labelledFrame
		if features := d.Measure(pcm[i*media.EarFrame:][:media.EarFrame]); features != nil {
			f.features = *features
		} else {
			f.silent = true
		}
		f.FrameLabel = eval.LabelFrame(label(i * 20))
		out = append(out, f)
	}
	return out
}

// alter changes the level of pcm and adds a DC offset, mains hum and clicks.
func alter(rnd *rand.Rand, pcm []int16) []int16 {
	gain := math.Pow(10, (rnd.Float64()*26-18)/20)
	dc := rnd.NormFloat64() * 100
	hum, hz := math.Pow(10, rnd.Float64()*2), 50+10*float64(rnd.IntN(2))
	out := make([]int16, len(pcm))
	click := 0.0
	for i, v := range pcm {
		if rnd.IntN(media.EarRate) == 0 {
			click = rnd.NormFloat64() * 8000
		}
		phase := 2 * math.Pi * hz * float64(i) / media.EarRate
		x := float64(v)*gain + dc + hum*(math.Sin(phase)+0.2*math.Sin(3*phase)) + click
		out[i] = int16(math.Round(min(max(x, math.MinInt16), math.MaxInt16)))
		click *= -0.8
	}
	return out
}

// alternate returns a call whose turns come from a and b alternately.
func alternate(a, b eval.Call) eval.Call {
	pcm := make([]int16, min(len(a.PCM), len(b.PCM)))
	copy(pcm, a.PCM)
	for i, t := range b.Turns {
		if i%2 == 1 {
			// change in the middle of the silence between turns
			from := min((t.At-1500)*media.EarRate/1000, len(pcm))
			to := min(from+(t.Len+1000)*media.EarRate/1000, len(pcm))
			copy(pcm[from:to], b.PCM[from:to])
		}
	}
	return eval.Call{Turns: b.Turns, PCM: pcm}
}
