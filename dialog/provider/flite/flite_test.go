package flite

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/process"
	"frontdesk/dialog/provider/processtest"
	"frontdesk/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var newVoice processtest.New = func(voice string) (*process.Synthesizer, error) { return New(Config{Voice: voice}) }

func speak(ctx context.Context, s *process.Synthesizer, text, voice string) (pcm []int16, err error) {
	return processtest.Speak(ctx, s, text, dialog.Voice{Name: voice})
}

func TestEveryVoiceSpeaksEquallyLoudWithoutClipping(t *testing.T) {
	s := newVoice.Open(t, "")
	_, voices, err := find()
	if err != nil || len(voices) < 3 {
		t.Fatalf("voices %v, %v", voices, err)
	}
	for _, voice := range voices {
		pcm, err := speak(t.Context(), s, "Thanks for calling, how can I help you today?", voice)
		if err != nil {
			t.Errorf("%s: %v", voice, err)
			continue
		}
		seconds := float64(len(pcm)) / media.MouthRate
		if seconds < 1.5 || seconds > 5 {
			t.Errorf("%s speaks for %.1f s", voice, seconds)
		}
		peak := 0.0
		for _, x := range pcm {
			peak = max(peak, math.Abs(float64(x)))
		}
		db := 20 * math.Log10(media.RMS(pcm)/32768)
		if db < -25 || db > -18 || peak > 32000 {
			t.Errorf("%s: %.1f dBFS, peak %.0f", voice, db, peak)
		}
	}
}

func TestVoiceNamesOfOtherServicesUseTheConfiguredVoice(t *testing.T) {
	s := newVoice.Open(t, "rms")
	want, err := speak(t.Context(), s, "Hello there.", "rms")
	if err != nil {
		t.Fatal(err)
	}
	got, err := speak(t.Context(), s, "Hello there.", "marin")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("another voice than the configured one speaks: %v", err)
	}
	other, err := speak(t.Context(), s, "Hello there.", "slt")
	if err != nil || slices.Equal(other, want) {
		t.Errorf("slt has the same audio as rms: %v", err)
	}
}

func TestUnknownConfiguredVoiceIsRefusedWithTheListOfVoices(t *testing.T) {
	newVoice.RequireInvalid(t, "af_heart", "slt")
}

func TestMissingProgramNamesItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	newVoice.RequireInvalid(t, "", "apt install flite")
}

func TestTextIsNeverReadAsAnOption(t *testing.T) {
	s := newVoice.Open(t, "")
	for _, text := range []string{"-voice kal", "--help", "; rm -rf /", "$(reboot)", "-"} {
		if _, err := speak(t.Context(), s, text, ""); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTextWithoutWordsIsSilent(t *testing.T) {
	s := newVoice.Open(t, "")
	for _, text := range []string{"", " ", "...", "🙂"} {
		if pcm, err := speak(t.Context(), s, text, ""); err != nil || len(pcm) > 0 {
			t.Errorf("%q: %d samples, %v", text, len(pcm), err)
		}
	}
}

func TestCancelledClauseIsNotSpoken(t *testing.T) {
	s := newVoice.Open(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := speak(ctx, s, "This should never be heard.", "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestManyConcurrentClausesAreAllSpoken(t *testing.T) {
	s := newVoice.Open(t, "")
	var callers sync.WaitGroup
	for i := range 12 { // more than may run at a time
		callers.Go(func() {
			text := strings.Repeat("one more word ", i%7+1)
			if pcm, err := speak(t.Context(), s, text, ""); err != nil || len(pcm) < media.MouthRate/4 {
				t.Errorf("%d samples, %v", len(pcm), err)
			}
		})
	}
	callers.Wait()
}

func BenchmarkClause(b *testing.B) { processtest.BenchmarkClause(b, newVoice.Open(b, "")) }
