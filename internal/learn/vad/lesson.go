package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"frontdesk/internal/eval"
	"frontdesk/media"
)

// outside is the weight of background before and behind a recording.
const outside = 0.5

// lesson is what a detector measured of one stream of sound, frame by frame, and what
// is true of it.
type lesson []moment

// moment is a frame.
type moment struct {
	traits media.VoiceFeatures
	silent bool // digitally: there are no traits
	speech bool
	inside bool // a recording; what is around it is background
	onset  bool // begins a recording's speech
}

// lessons are whole calls and single recordings, as they are and altered: quieter and
// louder, with a DC offset, hum and clicks, and with noise that comes and goes.
func lessons(corpus []*eval.Recording) ([]lesson, error) {
	clean, err := eval.Calls(corpus, eval.Conditions()[0])
	if err != nil {
		return nil, err
	}
	return underAll(eval.Conditions(), func(c eval.Condition) ([]lesson, error) {
		calls, err := eval.Calls(corpus, c)
		if err != nil {
			return nil, err
		}
		var out []lesson
		for i, call := range calls {
			rnd := chance(c.Name, call.Turns[0].Voice)
			varied := eval.Call{Turns: call.Turns, PCM: altered(rnd, call.PCM)}
			out = append(out, whole(call), whole(varied), whole(alternating(clean[i], call)))
			lead := func() int { return int(3500 * math.Pow(rnd.Float64(), 2)) } // or it learns when the corpus begins to speak
			out = append(append(out, singles(call, lead)...), singles(varied, lead)...)
		}
		return out, nil
	})
}

// underAll joins what f makes of each condition, in their order.
func underAll(conditions []eval.Condition, f func(eval.Condition) ([]lesson, error)) ([]lesson, error) {
	made, errs := make([][]lesson, len(conditions)), make([]error, len(conditions))
	var work sync.WaitGroup
	room := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, c := range conditions {
		work.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			made[i], errs[i] = f(c)
		})
	}
	work.Wait()
	var out []lesson
	for i, m := range made {
		if errs[i] != nil {
			return nil, errs[i]
		}
		out = append(out, m...)
	}
	return out, nil
}

func chance(names ...string) *rand.Rand {
	h := fnv.New64a()
	for _, n := range names {
		h.Write([]byte(n + "/"))
	}
	return rand.New(rand.NewPCG(h.Sum64(), 2))
}

// whole is the lesson of a call.
func whole(call eval.Call) lesson {
	t := 0
	return hear(call.PCM, func(ms int) (*eval.Recording, int) {
		for t+1 < len(call.Turns) && ms >= call.Turns[t].At+call.Turns[t].Len {
			t++
		}
		return call.Turns[t].Recording, ms - call.Turns[t].At
	})
}

// singles are lessons of a call's recordings, each heard by a detector of its own, from
// lead milliseconds before its speech on.
func singles(call eval.Call, lead func() int) (out []lesson) {
	for _, t := range call.Turns {
		begin := max(t.At+t.Start-lead(), 0)
		from, to := begin*media.EarRate/1000, t.At*media.EarRate/1000+len(t.PCM)
		pcm := call.PCM[min(from, len(call.PCM)):min(to, len(call.PCM))]
		out = append(out, hear(pcm, func(ms int) (*eval.Recording, int) { return t.Recording, begin + ms - t.At }))
	}
	return out
}

// hear measures pcm. truth tells which recording is heard at ms, and where in it.
func hear(pcm []int16, truth func(ms int) (*eval.Recording, int)) lesson {
	d := media.NewDetector()
	var out lesson
	for i := range len(pcm) / media.EarFrame {
		var m moment
		if t := d.Measure(pcm[i*media.EarFrame:][:media.EarFrame]); t != nil {
			m.traits = *t
		} else {
			m.silent = true
		}
		r, at := truth(i*20 + 10)
		m.speech = r.IsSpeech(at)
		m.inside = at >= 0 && at < len(r.PCM)*1000/media.EarRate
		m.onset = at-20 < r.Start && at >= r.Start
		out = append(out, m)
	}
	return out
}

func speaking(r *eval.Recording, ms int) bool {
	for _, s := range r.Segments {
		if ms >= s[0] && ms < s[1] {
			return true
		}
	}
	return false
}

// altered is pcm at another level, with a DC offset, the hum of the mains and clicks.
func altered(rnd *rand.Rand, pcm []int16) []int16 {
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
		sound := float64(v)*gain + dc + hum*(math.Sin(phase)+0.2*math.Sin(3*phase)) + click
		out[i] = int16(math.Round(min(max(sound, math.MinInt16), math.MaxInt16)))
		click *= -0.8
	}
	return out
}

// alternating is a call whose background is a's and b's by turns.
func alternating(a, b eval.Call) eval.Call {
	pcm := make([]int16, min(len(a.PCM), len(b.PCM)))
	copy(pcm, a.PCM)
	for i, t := range b.Turns {
		if i%2 == 1 {
			// it changes in the middle of the silence between turns
			from := min((t.At-1500)*media.EarRate/1000, len(pcm))
			to := min(from+(t.Len+1000)*media.EarRate/1000, len(pcm))
			copy(pcm[from:to], b.PCM[from:to])
		}
	}
	return eval.Call{Turns: b.Turns, PCM: pcm}
}
