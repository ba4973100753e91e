package flite

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, c Config) *Synthesizer {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func speak(ctx context.Context, s *Synthesizer, text, voice string) (pcm []int16, err error) {
	for piece, err := range s.Speak(ctx, text, dialog.Voice{Name: voice}) {
		if err != nil {
			return nil, err
		}
		pcm = append(pcm, piece...)
	}
	return pcm, nil
}

func TestEveryVoiceSpeaksEquallyLoudWithoutClipping(t *testing.T) {
	s := open(t, Config{})
	if len(s.Voices()) < 3 {
		t.Fatalf("voices: %v", s.Voices())
	}
	for _, voice := range s.Voices() {
		pcm, err := speak(t.Context(), s, "Thanks for calling, how can I help you today?", voice)
		if err != nil {
			t.Errorf("%s: %v", voice, err)
			continue
		}
		seconds := float64(len(pcm)) / media.MouthRate
		if seconds < 1.5 || seconds > 5 {
			t.Errorf("%s speaks for %.1f s", voice, seconds)
		}
		sum, peak := 0.0, 0.0
		for _, x := range pcm {
			sum += float64(x) * float64(x)
			peak = max(peak, math.Abs(float64(x)))
		}
		db := 10 * math.Log10(sum/float64(len(pcm))/(32768*32768))
		if db < -25 || db > -18 || peak > 32000 {
			t.Errorf("%s: %.1f dBFS, peak %.0f", voice, db, peak)
		}
	}
}

func TestVoiceNamesOfOtherServicesAreSpokenInTheConfiguredVoice(t *testing.T) {
	s := open(t, Config{Voice: "rms"})
	want, err := speak(t.Context(), s, "Hello there.", "rms")
	if err != nil {
		t.Fatal(err)
	}
	got, err := speak(t.Context(), s, "Hello there.", "marin")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("another voice than the configured one: %v", err)
	}
	other, err := speak(t.Context(), s, "Hello there.", "slt")
	if err != nil || slices.Equal(other, want) {
		t.Errorf("slt sounds like rms: %v", err)
	}
}

func TestUnknownConfiguredVoiceIsNamedAtStart(t *testing.T) {
	_, err := New(Config{Voice: "af_heart"})
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.Invalid || !strings.Contains(e.Message, "slt") {
		t.Errorf("got %v", err)
	}
}

func TestMissingProgramNamesItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := New(Config{})
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.Invalid || !strings.Contains(e.Message, "apt install flite") {
		t.Errorf("got %v", err)
	}
}

func TestTextIsNeverTakenForAnOption(t *testing.T) {
	s := open(t, Config{})
	for _, text := range []string{"-voice kal", "--help", "; rm -rf /", "$(reboot)", "-"} {
		if _, err := speak(t.Context(), s, text, ""); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestNothingToSayIsSilent(t *testing.T) {
	s := open(t, Config{})
	for _, text := range []string{"", " ", "...", "🙂"} {
		if pcm, err := speak(t.Context(), s, text, ""); err != nil || len(pcm) > 0 {
			t.Errorf("%q: %d samples, %v", text, len(pcm), err)
		}
	}
}

func TestCancelledClauseEndsAtOnce(t *testing.T) {
	s := open(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := speak(ctx, s, "This should never be heard.", "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestManyClausesAtOnceWaitTheirTurn(t *testing.T) {
	s := open(t, Config{})
	var callers sync.WaitGroup
	for i := range 40 {
		callers.Go(func() {
			text := strings.Repeat("one more word ", i%7+1)
			if pcm, err := speak(t.Context(), s, text, ""); err != nil || len(pcm) < media.MouthRate/4 {
				t.Errorf("%d samples, %v", len(pcm), err)
			}
		})
	}
	callers.Wait()
}

func BenchmarkClause(b *testing.B) {
	s := open(b, Config{})
	for name, text := range map[string]string{
		"short": "Sure, let me check that",
		"long":  strings.Repeat("Our stores open at nine in the morning and close at eight in the evening. ", 4),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := speak(b.Context(), s, text+" "+strconv.Itoa(i%1000), ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
