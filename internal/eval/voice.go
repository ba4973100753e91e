package eval

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

//go:embed voice.txt
var voiceSentences string

// VoiceSentences returns what support agents say, with numbers, dates, amounts and
// addresses as they are written, one sentence per string.
func VoiceSentences() []string { return Sentences(voiceSentences) }

// Sentences returns the lines of text that are not empty.
func Sentences(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

const (
	voiceLead  = 300 // ms of background before a sentence, as a line has it,
	voiceTail  = 800 // and after it
	voiceFloor = 8.2 // RMS of the background, -72 dBFS
	fullScale  = 32767
)

// VoiceCost is how a voice spoke sentences, and what that cost.
type VoiceCost struct {
	Sentences int     `json:"sentences"`
	FirstP50  int     `json:"first_audio_ms_p50"` // from the text to the first audio
	FirstP95  int     `json:"first_audio_ms_p95"`
	CPU       float64 `json:"cpu_per_s"` // CPU seconds per second of audio, of this process and its children; 0 if not measured
	Audio     float64 `json:"audio_s"`
	Rate      float64 `json:"words_per_min"`
	Level     float64 `json:"level_dbfs"` // RMS
	Clipped   int     `json:"clipped_samples"`
}

// RunVoice lets the agent speak sentences, one after the other, each as one clause. It
// returns what that cost, and the audio as recordings for RunSpeech, whose words are the
// texts. Run nothing else in this process.
func RunVoice(ctx context.Context, agent *dialog.Agent, sentences []string) (VoiceCost, []*Recording, error) {
	if err := warmUp(ctx, agent); err != nil {
		return VoiceCost{}, nil, err
	}
	cost := VoiceCost{Sentences: len(sentences)}
	var list []*Recording
	var first []int
	var cpu time.Duration
	power, samples, spoken := 0.0, 0, 0
	for i, text := range sentences {
		began, used := time.Now(), cpuTime()
		pcm, waited, err := speak(ctx, agent, text)
		if err != nil {
			return VoiceCost{}, nil, fmt.Errorf("%q: %w", text, err)
		}
		cpu += cpuTime() - used
		first = append(first, int(waited.Sub(began).Milliseconds()))
		for _, v := range pcm {
			if power += float64(v) * float64(v); v >= fullScale || v <= -fullScale {
				cost.Clipped++
			}
		}
		samples += len(pcm)
		r := recordVoice(i, text, pcm)
		spoken += CompareWords(text, "").Words
		list = append(list, r)
	}
	cost.Audio = float64(samples) / media.MouthRate
	cost.CPU = cpu.Seconds() / cost.Audio
	cost.Rate = math.Round(float64(spoken) * 60 / cost.Audio)
	cost.Level = 20 * math.Log10(math.Sqrt(power/float64(samples))/fullScale)
	cost.FirstP50, cost.FirstP95 = quantile(first, 0.5), quantile(first, 0.95)
	return cost, list, nil
}

// warmUp lets the agent say a sentence that is not measured, as the greeting of a call.
func warmUp(ctx context.Context, agent *dialog.Agent) error {
	if _, _, err := speak(ctx, agent, "Welcome, this is a test of my voice."); err != nil {
		return fmt.Errorf("the voice does not speak: %w", err)
	}
	return nil
}

// speak returns the audio of text, and when the first of it came.
func speak(ctx context.Context, agent *dialog.Agent, text string) (pcm []int16, first time.Time, err error) {
	voice := dialog.Voice{Language: agent.Language, Name: agent.Voice}
	for piece, err := range dialog.SpeakClause(ctx, agent.Synthesizer, dialog.Clause{Text: text, Voice: voice}) {
		if err != nil {
			return nil, first, err
		}
		if piece.Substitute {
			return nil, first, errors.New("this machine is too busy: another voice took the place of the agent's")
		}
		if len(pcm) == 0 && len(piece.PCM) > 0 {
			first = time.Now()
		}
		pcm = append(pcm, piece.PCM...)
	}
	if len(pcm) == 0 {
		return nil, first, errors.New("no audio")
	}
	return pcm, first, nil
}

// recordVoice returns the audio of sentence i as a recording with some background.
func recordVoice(i int, text string, pcm []int16) *Recording {
	down := media.NewResampler(media.MouthRate, media.EarRate)
	speech := down.Flush(down.Process(nil, pcm))
	rnd := rand.New(rand.NewPCG(uint64(i), 5))
	out := make([]int16, samples(voiceLead), samples(voiceLead+voiceTail)+len(speech))
	out = append(out, speech...)
	end := len(out) * 1000 / media.EarRate
	out = append(out, make([]int16, samples(voiceTail))...)
	for i, v := range out {
		out[i] = clip(float64(v) + voiceFloor*rnd.NormFloat64())
	}
	name := fmt.Sprintf("sentence %d", i+1)
	return &Recording{
		File: name, Utt: name, Category: "voice", Text: text, Words: text, Voice: "voice",
		Start: voiceLead, End: end, Segments: [][2]int{{voiceLead, end}}, PCM: slices.Clip(out),
	}
}
