package piper

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

const validSettings = `{"audio": {"sample_rate": 22050}, "espeak": {"voice": "de"}, "num_speakers": 2, "speaker_id_map": {"anna": 1},
	"phoneme_map": {"x": ["c", "b"]}, "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [3], "b": [4, 5], "c": [6], "\u0303": [7]}}`

func TestSettings(t *testing.T) {
	s, err := parseSettings([]byte(validSettings))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := numbers(s.frame(s.symbols("abx?ã"))), []int64{1, 0, 3, 0, 4, 5, 0, 6, 0, 4, 5, 0, 3, 0, 7, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, want := range map[string]int64{"": 0, "anna": 1, "1": 1, "2": -1, "-1": -1, "otto": -1} {
		if got, ok := s.speaker(name); ok != (want >= 0) || ok && got != want {
			t.Errorf("speaker %q: %d, %v", name, got, ok)
		}
	}
	for _, text := range []string{"", "{}", "[]", `{"espeak": {"voice": "de"}, "audio": {"sample_rate": 1}}`, `{"phoneme_type": "text"}`} {
		if _, err := parseSettings([]byte(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte(validSettings), "abx")
	f.Fuzz(func(t *testing.T, text []byte, ipa string) {
		if s, err := parseSettings(text); err == nil {
			s.frame(s.symbols(ipa))
			s.speaker(ipa)
		}
	})
}

// smallNetwork is an ONNX file with an encoder (Ceil, Neg) and a decoder (Conv).
func smallNetwork() []byte {
	operation := func(operator, output string, inputs ...string) []byte {
		var n []byte
		for _, in := range inputs {
			n = appendBytes(n, nodeInput, []byte(in))
		}
		return appendBytes(appendBytes(n, nodeOutput, []byte(output)), nodeOperator, []byte(operator))
	}
	g := appendBytes(nil, graphNode, operation("Neg", "z", "input"))
	g = appendBytes(g, graphNode, operation("Conv", "y", "z", decoderFirstWeights))
	g = appendBytes(g, graphNode, operation("Add", "output", "y", "sid"))
	g = appendBytes(g, graphInitializer, appendBytes(nil, tensorName, []byte(decoderFirstWeights)))
	for _, in := range []string{"input", "sid"} {
		g = appendBytes(g, graphInput, declareFloats(in, true))
	}
	g = appendBytes(g, graphOutput, declareFloats("output", false))
	return appendBytes(appendInt(nil, 1, 8), modelGraph, g)
}

func TestNetworkIsDividedBeforeItsDecoder(t *testing.T) {
	h, err := divide(smallNetwork())
	if err != nil {
		t.Fatal(err)
	}
	if h.latent != "z" || h.audio != "output" || !h.decoderHasSpeakers {
		t.Errorf("got %q, %q, %v", h.latent, h.audio, h.decoderHasSpeakers)
	}
	for name, c := range map[string]struct {
		file                  []byte
		nodes, weights, input int
	}{"encoder": {h.encoder, 1, 0, 1}, "decoder": {h.decoder, 2, 1, 2}} {
		g, err := readGraph(c.file)
		if err != nil || len(g.nodes) != c.nodes || len(g.initializers) != c.weights || len(g.inputs) != c.input || len(g.model) != 1 {
			t.Errorf("%s: got %+v, %v", name, g, err)
		}
	}
}

func FuzzDivide(f *testing.F) {
	f.Add(smallNetwork())
	f.Add([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := divide(file)
		if err != nil {
			return
		}
		for _, half := range [][]byte{h.encoder, h.decoder} {
			if _, err := readGraph(half); err != nil {
				t.Errorf("a half cannot be read: %v", err)
			}
		}
	})
}

func TestVoicesAreFoundInAnyFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "models [1]")
	file := filepath.Join(folder, "piper-de_DE-a", networkName)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "piper-empty"), 0o700))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	if got := Installed(folder); len(got) != 1 || got["de_DE-a"] != file {
		t.Errorf("got %v", got)
	}
}

func TestVoiceThatCannotBeOpenedSaysWhyOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), networkName)
	require.NoError(t, os.WriteFile(file+".json", []byte(`{"phoneme_type": "text"}`), 0o600))
	_, err := openVoice(nil, "a", file)
	if err == nil || strings.Count(err.Error(), "only espeak is supported") != 1 {
		t.Errorf("got %v", err)
	}
}

func TestHas(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "other.onnx")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	voices := map[string]string{"en_US-joe-medium": "x"}
	for name, want := range map[string]bool{
		"en_US-joe-medium": true, "en_US-joe-medium#3": true, file: true, file + "#p12": true,
		"": false, "af_heart": false, dir: false, "#": false,
	} {
		if Has(voices, name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
