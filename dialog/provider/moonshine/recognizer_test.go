//go:build cgo

package moonshine

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/audiotest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/internal/words"
	"frontdesk/media"
)

func TestSpeechIsRecognized(t *testing.T) {
	r := open(t)
	before := r.Stats()
	all, err := recognize(t.Context(), listen(t, r), fliteSpeech(t, "rms", "Can you tell me where my order is? I have been waiting for two weeks."))
	require.NoError(t, err)
	last := all[len(all)-1]
	if got := strings.Join(words.Split(last.Text), " "); !last.Final || got != "can you tell me where my order is i have been waiting for two weeks" {
		t.Errorf("%q", last.Text)
	}
	if len(all) < 4 {
		t.Errorf("only %d transcripts: %v", len(all), all)
	}
	s := r.Stats()
	if cpu, audio := s.CPU-before.CPU, s.Audio-before.Audio; cpu <= 0 || cpu > audio {
		t.Errorf("%v of CPU for %v of audio", cpu, audio)
	}
}

// TestDraftAndScoreAgreeWithDecoding reads an utterance in three ways.
func TestDraftAndScoreAgreeWithDecoding(t *testing.T) {
	n, err := openNetwork(config(t))
	require.NoError(t, err)
	defer n.close()
	d, err := newDecoder(n)
	require.NoError(t, err)
	defer d.close()
	var pcm []float32
	for _, x := range fliteSpeech(t, "rms", "I need to reset my password, please.") {
		pcm = append(pcm, float32(x)/32768)
	}
	require.NoError(t, d.encode(pcm))
	want, err := d.decode(t.Context(), decodeOptions{beam: 1, limit: 40})
	require.NoError(t, err)
	text := n.tokenizer.text(want[0].Tokens)
	if !want[0].Ended || !strings.Contains(text, "password") {
		t.Fatalf("%q", text)
	}
	if encoded := n.tokenizer.encode(text); !slices.Equal(encoded, want[0].Tokens) {
		t.Errorf("encode(%q) = %v, want %v", text, encoded, want[0].Tokens)
	}
	wrong := append(slices.Clone(want[0].Tokens[:3]), 300, 301, 302)
	for name, draft := range map[string][]Token{"whole": want[0].Tokens, "begin": want[0].Tokens[:4], "wrong": wrong, "other": {300, 301}} {
		got, err := d.decode(t.Context(), decodeOptions{beam: 1, limit: 40, draft: draft})
		if err != nil || !slices.Equal(got[0].Tokens, want[0].Tokens) || len(got[0].LogProbs) != len(want[0].LogProbs) {
			t.Errorf("%s draft: %v, %v", name, got, err)
		}
	}
	best, err := d.decode(t.Context(), decodeOptions{beam: 3, limit: 40})
	if err != nil || len(best) != 3 || best[0].Score < want[0].Score-1 || best[0].Score < best[2].Score {
		t.Fatalf("beam of 3: %v, %v", best, err)
	}
	scores, err := d.score([][]Token{best[0].Tokens, wrong, nil})
	// The quantization of a run depends on all that it reads, so its numbers differ a little.
	if err != nil || scores[0].Score < best[0].Score-1 || scores[1].Score > scores[0].Score-10 || scores[2].Score > scores[0].Score {
		t.Errorf("scores %v, %v", scores, err)
	}
	limited, err := d.decode(t.Context(), decodeOptions{beam: 1, limit: 3})
	if err != nil || len(limited[0].Tokens) != 3 || limited[0].Ended {
		t.Errorf("limit of 3: %v, %v", limited, err)
	}
}

// TestNoWordsAreInvented has a voice detector that takes everything for speech.
func TestNoWordsAreInvented(t *testing.T) {
	r := open(t)
	rng := rand.New(rand.NewPCG(5, 6))
	n := 3 * media.EarRate / 2
	for name, pcm := range map[string][]int16{
		"silence": make([]int16, n),
		"white":   scale(audiotest.WhiteNoise(rng, n), 1000),
		"pink":    scale(audiotest.PinkNoise(rng, n), 1000),
		"hum":     audiotest.Tone(100, media.EarRate, n, 3000),
		"cough":   append(scale(audiotest.WhiteNoise(rng, n/6), 3000), make([]int16, n)...),
		"coughs":  bursts(rng, 3, media.EarRate/4, 0.08),
		"knocks":  bursts(rng, 2, media.EarRate/8, 0.02),
	} {
		for _, one := range []dialog.Recognizer{r, r.For(shop(t))} {
			voiced := func(yield func([]int16, bool) bool) {
				frames(pcm)(func(frame []int16) bool {
					return yield(frame, energy(frame) > 10_000 || name == "silence" || name == "cough")
				})
			}
			for transcript, err := range listen(t, one).(dialog.VoicedListener).VoicedUtterance(t.Context(), voiced) {
				if err != nil || transcript.Text != "" {
					t.Errorf("%s: %v, %v", name, transcript, err)
				}
			}
		}
	}
}

// bursts returns short noises, each as long as a syllable of a hum, in the noise of a room.
// Their amplitude falls by 63 % in decay seconds.
func bursts(rng *rand.Rand, count, length int, decay float64) []int16 {
	pcm := scale(audiotest.WhiteNoise(rng, media.EarRate+count*length), 8)
	for i := range count {
		for j, v := range scale(audiotest.PinkNoise(rng, length), 6000) {
			pcm[media.EarRate/3+i*length+j] += int16(float64(v) * math.Exp(-float64(j)/media.EarRate/decay))
		}
	}
	return pcm
}

// scale returns x with a mean amplitude of rms.
func scale(x []float64, rms float64) []int16 {
	factor, pcm := rms/audiotest.RMS(x), make([]int16, len(x))
	for i, v := range x {
		pcm[i] = int16(v * factor)
	}
	return pcm
}

func TestUnsuitableFilesAreReportedByOpen(t *testing.T) {
	c := config(t)
	good := c.Dir
	c.Dir = t.TempDir()
	if _, err := Open(c); fault.From(err).Code != fault.Invalid || !strings.Contains(err.Error(), "tokenizer.bin") {
		t.Errorf("without files: %v", err)
	}
	tokenizer, err := os.ReadFile(filepath.Join(good, "tokenizer.bin"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "tokenizer.bin"), tokenizer, 0o600))
	require.NoError(t, os.Symlink(filepath.Join(good, "encoder_model.onnx"), filepath.Join(c.Dir, "decoder_model_merged.onnx")))
	require.NoError(t, os.Symlink(filepath.Join(good, "encoder_model.onnx"), filepath.Join(c.Dir, "encoder_model.onnx")))
	if _, err := Open(c); fault.From(err).Code != fault.Invalid || !strings.Contains(err.Error(), "decoder_model_merged.onnx") {
		t.Errorf("with a wrong decoder: %v", err)
	}
}

func TestOtherLanguagesAreRefused(t *testing.T) {
	r, _ := fake(t, 1, 0)
	defer r.Close()
	if _, err := r.Listen(t.Context(), &dialog.Agent{Language: "de-DE"}); fault.From(err).Code != fault.Invalid {
		t.Error(err)
	}
}
