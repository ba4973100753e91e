package piper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"frontdesk/internal/phonemes"
)

const maxSettings = 4 << 20 // bytes of a voice's JSON file; those with many speakers are large

// settings is the JSON file of a Piper voice.
type settings struct {
	Audio struct {
		SampleRate int `json:"sample_rate"` // Hz
	} `json:"audio"`
	Espeak struct {
		Voice string `json:"voice"`
	} `json:"espeak"`
	Inference struct {
		Noise       float32 `json:"noise_scale"`
		Length      float32 `json:"length_scale"`
		LengthNoise float32 `json:"noise_w"`
	} `json:"inference"`
	PhonemeType  string              `json:"phoneme_type"`
	PhonemeMap   map[string][]string `json:"phoneme_map"`
	PhonemeIDs   map[string][]int64  `json:"phoneme_id_map"`
	SpeakerCount int                 `json:"num_speakers"`
	SpeakerIDs   map[string]int64    `json:"speaker_id_map"`
}

// readSettings reads the settings next to a voice's network: voice.json or voice.onnx.json.
func readSettings(network string) (*settings, error) {
	f, err := os.Open(network + ".json")
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(strings.TrimSuffix(network, ".onnx") + ".json")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSettings))
	if err != nil {
		return nil, err
	}
	return parseSettings(text)
}

func parseSettings(text []byte) (*settings, error) {
	s := &settings{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	switch {
	case s.PhonemeType != "" && s.PhonemeType != "espeak":
		return nil, fmt.Errorf("phoneme_type is %q (only espeak is supported)", s.PhonemeType)
	case s.Espeak.Voice == "":
		return nil, errors.New("espeak.voice is missing")
	case s.Audio.SampleRate < 8000 || s.Audio.SampleRate > 48000:
		return nil, fmt.Errorf("audio.sample_rate is %d (want 8000 to 48000)", s.Audio.SampleRate)
	case len(s.PhonemeIDs["_"]) == 0 || len(s.PhonemeIDs["^"]) == 0 || len(s.PhonemeIDs["$"]) == 0:
		return nil, errors.New("phoneme_id_map lacks _, ^ or $")
	case s.Inference.Noise < 0 || s.Inference.LengthNoise < 0 || s.Inference.Length < 0 || s.Inference.Length > 10:
		return nil, errors.New("inference: a scale is out of range")
	}
	if s.Inference.Length == 0 {
		s.Inference.Length = 1
	}
	return s, nil
}

// symbol is one number that the network reads.
type symbol struct {
	id int64
	// sound is the phoneme that ends with this symbol; 0 within one, and for all that is no
	// phoneme.
	sound rune
}

// symbols returns the symbols of a phrase's phonemes, with a pad after each, as Piper puts
// it. Phonemes that the voice does not have are omitted.
func (s *settings) symbols(ipa string) []symbol {
	var out []symbol
	for _, r := range norm.NFD.String(ipa) {
		written := []string{string(r)}
		if others, ok := s.PhonemeMap[string(r)]; ok {
			written = others
		}
		before := len(out)
		for _, w := range written {
			if id, ok := s.PhonemeIDs[w]; ok {
				out = append(append(out, plain(id)...), plain(s.PhonemeIDs["_"])...)
			}
		}
		if len(out) > before && phonemes.IsSound(r) {
			out[len(out)-1].sound = r
		}
	}
	return out
}

// frame returns the symbols of an utterance: beginning, phonemes, end.
func (s *settings) frame(symbols []symbol) []symbol {
	return slices.Concat(plain(s.PhonemeIDs["^"]), plain(s.PhonemeIDs["_"]), symbols, plain(s.PhonemeIDs["$"]))
}

func plain(ids []int64) []symbol {
	out := make([]symbol, len(ids))
	for i, id := range ids {
		out[i].id = id
	}
	return out
}

// numbers returns what the network reads.
func numbers(symbols []symbol) []int64 {
	out := make([]int64, len(symbols))
	for i, s := range symbols {
		out[i] = s.id
	}
	return out
}

// speaker returns the number of a speaker. name is in the speaker_id_map, or a number from 0;
// "" is the first speaker.
func (s *settings) speaker(name string) (int64, bool) {
	if id, ok := s.SpeakerIDs[name]; ok {
		return id, true
	}
	if name == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(name, 10, 64)
	return n, err == nil && n >= 0 && n < int64(s.SpeakerCount)
}
