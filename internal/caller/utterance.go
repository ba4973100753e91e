package caller

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	synthesisTimeout = 30 * time.Second
	maxRecording     = 32 << 20 // samples: more than ten minutes at any usual rate
)

// callerVoice differs from the demo agent's voice, so that a listener can tell them apart.
var callerVoice = dialog.Voice{Language: "en-US", Name: "rms"}

// utterance is a turn that is ready to be sent.
type utterance struct {
	said      string // the words, or the file's name
	isTyped   bool
	pcm       []int16 // at MouthRate; nil if typed
	speechLen int     // sample after the last one with speech
}

// prepare synthesizes and loads all turns before the call begins, so that it has no pauses.
func prepare(ctx context.Context, turns []Turn, voice dialog.Synthesizer) ([]utterance, error) {
	out := make([]utterance, len(turns))
	for i, t := range turns {
		u := utterance{said: t.Text, isTyped: t.Kind == Text}
		var err error
		switch t.Kind {
		case Say:
			u.pcm, err = synthesize(ctx, t.Text, voice)
		case WAV:
			u.said = filepath.Base(t.Text)
			u.pcm, err = loadWAV(t.Text)
		}
		if err != nil {
			return nil, err
		}
		if !u.isTyped {
			u.speechLen = speechEnd(u.pcm)
			if u.speechLen == 0 {
				return nil, fault.New(fault.Invalid, "no speech found in %s", u.said)
			}
		}
		out[i] = u
	}
	return out, nil
}

func synthesize(ctx context.Context, text string, voice dialog.Synthesizer) ([]int16, error) {
	if voice == nil {
		return nil, fault.New(fault.Unavailable, "--say needs a voice on this machine: install flite, or use --wav")
	}
	ctx, cancel := context.WithTimeout(ctx, synthesisTimeout)
	defer cancel()
	var pcm []int16
	for piece, err := range voice.Speak(ctx, text, callerVoice) {
		if err != nil {
			return nil, fault.Wrap(err, fault.From(err).Code, "cannot speak %q", text)
		}
		pcm = append(pcm, piece...)
	}
	return pcm, nil
}

// loadWAV reads a recording of any rate as MouthRate mono.
func loadWAV(name string) ([]int16, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "cannot open the recording")
	}
	defer f.Close()
	pcm, rate, err := media.ReadWAV(f, maxRecording)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cannot play %s", name)
	}
	r := media.NewResampler(rate, media.MouthRate)
	return r.Flush(r.Process(nil, pcm)), nil
}

const (
	blocksPerSecond = 100
	minRun          = 3    // consecutive blocks: a click is not speech
	minLevel        = 100  // RMS of a block of speech, about -50 dBFS
	belowPeak       = 0.01 // of the loudest block: 40 dB
	aboveNoise      = 2    // times the noise: 6 dB
)

// speechEnd returns the sample after the last one with speech in pcm (at MouthRate), or 0
// if there is no speech. It measures energy: speech is at least 6 dB above the recording's
// noise and at most 40 dB below its peak, for 30 ms or longer.
func speechEnd(pcm []int16) int {
	const size = media.MouthRate / blocksPerSecond
	var levels []float64
	for block := range slices.Chunk(pcm, size) {
		levels = append(levels, media.RMS(block))
	}
	if len(levels) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(levels))
	noise, peak := sorted[len(sorted)/10], sorted[len(sorted)-1]
	threshold := max(minLevel, peak*belowPeak, min(noise*aboveNoise, peak/aboveNoise))
	run := 0
	for i := len(levels) - 1; i >= 0; i-- {
		if levels[i] < threshold {
			run = 0
			continue
		}
		if run++; run == minRun {
			return min((i+minRun)*size, len(pcm))
		}
	}
	return 0
}
