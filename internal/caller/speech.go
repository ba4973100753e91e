package caller

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	synthesisTime = 30 * time.Second
	maxRecording  = 32 << 20 // samples, more than ten minutes at any usual rate
)

// callerVoice is another than the demo agent's, so that a recording of the call can be followed.
var callerVoice = dialog.Voice{Language: "en-US", Name: "rms"}

// utterance is a turn made ready.
type utterance struct {
	said string  // the words, or the file's name
	text bool    // typed
	pcm  []int16 // at MouthRate, unless typed
	end  int     // sample behind the last one with speech
}

// prepare makes all turns ready before the call begins, so that none keeps it waiting.
func prepare(ctx context.Context, turns []planned, voice dialog.Synthesizer) ([]utterance, error) {
	out := make([]utterance, len(turns))
	for i, t := range turns {
		u := utterance{said: t.what, text: t.how == "text"}
		var err error
		switch t.how {
		case "say":
			u.pcm, err = speak(ctx, t.what, voice)
		case "wav":
			u.said = filepath.Base(t.what)
			u.pcm, err = load(t.what)
		}
		if err != nil {
			return nil, err
		}
		if !u.text {
			u.end = speechEnd(u.pcm)
			if u.end == 0 {
				return nil, fault.New(fault.Invalid, "there is no speech to be heard in %s", u.said)
			}
		}
		out[i] = u
	}
	return out, nil
}

func speak(ctx context.Context, text string, voice dialog.Synthesizer) ([]int16, error) {
	if voice == nil {
		return nil, fault.New(fault.Unavailable, "--say needs a voice on this machine; --wav plays a recording")
	}
	ctx, cancel := context.WithTimeout(ctx, synthesisTime)
	defer cancel()
	var pcm []int16
	for piece, err := range voice.Speak(ctx, text, callerVoice) {
		if err != nil {
			return nil, fault.Wrap(err, fault.From(err).Code, "%q cannot be spoken", text)
		}
		pcm = append(pcm, piece...)
	}
	return pcm, nil
}

// load reads a recording of any rate as MouthRate mono.
func load(name string) ([]int16, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the recording cannot be opened")
	}
	defer f.Close()
	pcm, rate, err := media.ReadWAV(f, maxRecording)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s cannot be played", name)
	}
	r := media.NewResampler(rate, media.MouthRate)
	return r.Flush(r.Process(nil, pcm)), nil
}

const (
	blocksPerSecond = 100
	leastRun        = 3   // blocks in a row: a click is not speech
	faintest        = 100 // RMS of a block of speech at least, about -50 dB of full scale
	belowPeak       = 0.01
	aboveNoise      = 2
)

// speechEnd finds, by energy, the sample behind the last one of the speech in pcm (at
// MouthRate); 0 when there is none. Speech is what rises 6 dB above the recording's
// noise and is no more than 40 dB below its loudest, for 30 ms at least.
func speechEnd(pcm []int16) int {
	const size = media.MouthRate / blocksPerSecond
	var levels []float64
	for block := range slices.Chunk(pcm, size) {
		levels = append(levels, rms(block))
	}
	if len(levels) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(levels))
	noise, peak := sorted[len(sorted)/10], sorted[len(sorted)-1]
	least := max(faintest, peak*belowPeak, min(noise*aboveNoise, peak/aboveNoise))
	run := 0
	for i := len(levels) - 1; i >= 0; i-- {
		if levels[i] < least {
			run = 0
			continue
		}
		if run++; run == leastRun {
			return min((i+leastRun)*size, len(pcm))
		}
	}
	return 0
}

func rms(pcm []int16) float64 {
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}
