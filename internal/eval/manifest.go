// Package eval measures speech and turn-taking on recordings. It scores the words that an
// agent's recognizer understands of recorded turns or of the agent's own voice, when the ears
// of a call end each turn, and whether a speaking agent stops when it hears something. It
// also holds written conversations with an agent and scores its replies. It imports dialog,
// dialog/conversation, dialog/ear, media, tools, internal/fault, internal/words and
// internal/yamlfile. Recordings enter as a manifest and WAV files, conversations as a YAML
// file; scores leave as structs.
package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"frontdesk/media"
)

const (
	maxManifest  = 64 << 20            // bytes
	maxRecording = 120 * media.EarRate // samples
)

// Recording is one spoken turn of a corpus, with its labels. Times are in milliseconds
// from the beginning of its file.
type Recording struct {
	File     string   `json:"file"` // relative to the manifest
	Utt      string   `json:"utt"`  // the same for recordings of the same words
	Category string   `json:"category"`
	Text     string   `json:"text"`
	Words    string   `json:"ref"` // normalized
	Voice    string   `json:"voice"`
	Start    int      `json:"speech_start_ms"`
	End      int      `json:"speech_end_ms"`
	Segments [][2]int `json:"speech_segments_ms"` // of speech
	Pauses   []Pause  `json:"pauses"`             // within the turn

	PCM []int16 `json:"-"` // at media.EarRate
}

// Pause is a silence within a turn, in milliseconds.
type Pause struct {
	Start int `json:"start_ms"`
	End   int `json:"end_ms"`
}

// Load reads a manifest, a JSON list of recordings, and the 16-bit WAV files it names.
func Load(manifest string) ([]*Recording, error) {
	info, err := os.Stat(manifest)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxManifest {
		return nil, fmt.Errorf("%s: larger than %d MB", manifest, maxManifest>>20)
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		return nil, err
	}
	list, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifest, err)
	}
	for i, r := range list {
		if err := r.load(filepath.Dir(manifest)); err != nil {
			return nil, fmt.Errorf("%s: recording %d, %s: %w", manifest, i+1, r.File, err)
		}
	}
	return list, nil
}

func parse(text []byte) ([]*Recording, error) {
	var list []*Recording
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("it lists no recordings")
	}
	for i, r := range list {
		if r == nil {
			return nil, fmt.Errorf("recording %d: null", i+1)
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("recording %d, %s: %w", i+1, r.File, err)
		}
	}
	return list, nil
}

func (r *Recording) check() error {
	switch {
	case r.File == "":
		return errors.New("no file")
	case r.Start < 0 || r.End <= r.Start:
		return fmt.Errorf("speech_start_ms %d is not before speech_end_ms %d", r.Start, r.End)
	case len(r.Segments) == 0:
		r.Segments = [][2]int{{r.Start, r.End}}
	}
	for _, s := range r.Segments {
		if s[0] < 0 || s[1] < s[0] {
			return fmt.Errorf("speech_segments_ms: %v does not end after it begins", s)
		}
	}
	return nil
}

func (r *Recording) load(dir string) error {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(r.File)))
	if err != nil {
		return err
	}
	defer f.Close()
	pcm, rate, err := media.ReadWAV(f, maxRecording)
	if err != nil {
		return err
	}
	if rate != media.EarRate {
		re := media.NewResampler(rate, media.EarRate)
		pcm = re.Flush(re.Process(nil, pcm))
	}
	if ms := len(pcm) * 1000 / media.EarRate; r.End > ms {
		return fmt.Errorf("speech_end_ms %d is after the end of the audio at %d ms", r.End, ms)
	}
	r.PCM = pcm
	return nil
}

// IsSpeech reports whether there is speech at ms.
func (r *Recording) IsSpeech(ms int) bool {
	for _, s := range r.Segments {
		if ms >= s[0] && ms < s[1] {
			return true
		}
	}
	return false
}

// power returns the mean square of the speech.
func (r *Recording) power() float64 {
	sum, n := 0.0, 0
	for _, s := range r.Segments {
		for _, v := range r.PCM[min(samples(s[0]), len(r.PCM)):min(samples(s[1]), len(r.PCM))] {
			sum += float64(v) * float64(v)
			n++
		}
	}
	return sum / float64(max(n, 1))
}

// samples converts milliseconds to samples.
func samples(ms int) int { return ms * (media.EarRate / 1000) }
