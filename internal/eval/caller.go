package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"frontdesk/media"
)

const (
	leadTime = 1000 // ms of background before a turn, because nobody speaks the moment a line opens
	tailTime = 3000 // ms of background after the speech, in which the end must be detected
)

// Call joins the recordings of one caller, one turn after the other, to one call.
type Call struct {
	Turns []Spoken
	PCM   []int16
}

// Spoken is one turn of a Call.
type Spoken struct {
	*Recording
	At  int // ms from the beginning of the call to that of the recording
	Len int // ms from there to the lead of the next turn
}

// Calls returns one call for each voice, with its recordings in the order of the corpus,
// under condition c.
func Calls(corpus []*Recording, c Condition) ([]Call, error) {
	voices := make(map[string][]*Recording)
	var names []string
	for _, r := range corpus {
		if voices[r.Voice] == nil {
			names = append(names, r.Voice)
		}
		voices[r.Voice] = append(voices[r.Voice], r)
	}
	slices.SortFunc(names, strings.Compare)
	var calls []Call
	for _, name := range names {
		call, err := c.call(name, voices[name], corpus)
		if err != nil {
			return nil, err
		}
		calls = append(calls, call)
	}
	return calls, nil
}

func (c Condition) call(voice string, turns, corpus []*Recording) (Call, error) {
	rnd := c.random(voice)
	var call Call
	for _, r := range turns {
		turn := c.turn(rnd, r, corpus)
		call.Turns = append(call.Turns, Spoken{
			Recording: r,
			At:        len(call.PCM)*1000/media.EarRate + leadTime,
			Len:       len(turn)*1000/media.EarRate - leadTime,
		})
		call.PCM = append(call.PCM, turn...)
	}
	if c.line == nil {
		return call, nil
	}
	pcm, err := c.line(call.PCM)
	call.PCM = pcm
	return call, err
}

// turn returns a recording with background before and after it, and noise throughout.
func (c Condition) turn(rnd *rand.Rand, r *Recording, corpus []*Recording) []int16 {
	frames := (leadTime + r.End + tailTime) / 20
	audio := make([]float64, frames*media.EarFrame)
	gain := 1.0
	if c.level > 0 {
		gain = c.level * math.MaxInt16 / math.Sqrt(max(r.power(), 1))
	}
	room := media.RMS(r.PCM[:min(samples(r.Start), len(r.PCM))])
	for i := range audio {
		if at := i - samples(leadTime); at >= 0 && at < len(r.PCM) {
			audio[i] = float64(r.PCM[at])
		} else {
			audio[i] = rnd.NormFloat64() * room
		}
		audio[i] *= gain
	}
	if c.noise != nil {
		level := gain * math.Sqrt(r.power()/math.Pow(10, c.snr/10))
		for i, v := range c.noise(rnd, corpus, len(audio)) {
			audio[i] += v * level
		}
	}
	pcm := make([]int16, len(audio))
	for i, v := range audio {
		pcm[i] = clip(v)
	}
	return pcm
}
