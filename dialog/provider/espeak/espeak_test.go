package espeak

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
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

func speak(ctx context.Context, s *Synthesizer, text string, voice dialog.Voice) (pcm []int16, err error) {
	for piece, err := range s.Speak(ctx, text, voice) {
		if err != nil {
			return nil, err
		}
		pcm = append(pcm, piece...)
	}
	return pcm, nil
}

func TestVoiceFollowsTheLanguage(t *testing.T) {
	s := open(t, Config{})
	for _, c := range []struct{ language, name, want string }{
		{"", "", "en-us"},
		{"en-US", "", "en-us"},
		{"en-GB", "", "en-gb"},
		{"en-AU", "", "en-gb"},
		{"de-DE", "", "de"},
		{"fr-FR", "", "fr-fr"},
		{"fr-CA", "", "fr-fr"},
		{"fr_CH", "", "fr-ch"},
		{"es-MX", "", "es-419"},
		{"pt-BR", "", "pt-br"},
		{"zh-Hant-TW", "", "cmn"},
		{"en-US", "en-gb-scotland", "en-gb-scotland"},
		{"en-US", "en-us+f3", "en-us+f3"},
		{"de-DE", "en-us", "de"},
		{"de-DE", "marin", "de"},
	} {
		got, err := s.choose(dialog.Voice{Language: c.language, Name: c.name})
		if err != nil || got != c.want {
			t.Errorf("%s %s: got %q (%v), want %q", c.language, c.name, got, err, c.want)
		}
	}
}

func TestLanguageWithoutAVoiceIsAnError(t *testing.T) {
	_, err := speak(t.Context(), open(t, Config{}), "nuqneH", dialog.Voice{Language: "xx-QQ"})
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestConfiguredVoiceSpeaksItsOwnLanguage(t *testing.T) {
	s := open(t, Config{Voice: "en-gb-scotland"})
	if got, _ := s.choose(dialog.Voice{Language: "en-US"}); got != "en-gb-scotland" {
		t.Errorf("English in %s", got)
	}
	if got, _ := s.choose(dialog.Voice{Language: "it-IT"}); got != "it" {
		t.Errorf("Italian in %s", got)
	}
}

func TestUnknownConfiguredVoiceIsNamedAtStart(t *testing.T) {
	for _, name := range []string{"af_heart", "en-us+../../etc", "-v"} {
		_, err := New(Config{Voice: name})
		var e *fault.Error
		if !errors.As(err, &e) || e.Code != fault.Invalid || !strings.Contains(e.Message, name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestMissingProgramNamesItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := New(Config{})
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.Invalid || !strings.Contains(e.Message, "apt install espeak-ng") {
		t.Errorf("got %v", err)
	}
}

func TestSpeaksManyLanguages(t *testing.T) {
	s := open(t, Config{})
	for language, text := range map[string]string{
		"en-US": "How can I help you today?",
		"de-DE": "Guten Tag, wie kann ich Ihnen helfen?",
		"fr-FR": "Bonjour, comment puis-je vous aider ?",
		"ru-RU": "Здравствуйте, чем могу помочь?",
		"ja-JP": "こんにちは、どうされましたか。",
	} {
		pcm, err := speak(t.Context(), s, text, dialog.Voice{Language: language})
		seconds := float64(len(pcm)) / media.MouthRate
		if err != nil || seconds < 0.7 || seconds > 8 {
			t.Errorf("%s: %.1f s, %v", language, seconds, err)
		}
	}
}

func TestRepeatedClauseIsTheSameSound(t *testing.T) {
	s := open(t, Config{})
	first, err := speak(t.Context(), s, "Un moment.", dialog.Voice{Language: "fr"})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(first)
	clear(first) // it belongs to the receiver, who may do as he likes
	again, err := speak(t.Context(), s, "Un moment.", dialog.Voice{Language: "fr"})
	if err != nil || !slices.Equal(again, want) {
		t.Errorf("another sound: %v", err)
	}
}

func FuzzVoices(f *testing.F) {
	f.Add(" 5  cmn --/M Chinese_(Mandarin) sit/cmn (zh-cmn 5)(zh 5)\n", "zh-TW")
	f.Add("Pty Language\n 2  en-us --/M English gmw/en-US (en 3)", "en_US+f3")
	f.Fuzz(func(t *testing.T, table, language string) {
		v := parseVoices(table)
		if name, ok := v.find(language); ok && !slices.Contains(v.names(), name) {
			t.Errorf("%q is spoken by %q, which is none of %v", language, name, v.names())
		}
	})
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
				// Each differs, so that none is remembered.
				if _, err := speak(b.Context(), s, text+" "+strconv.Itoa(i%1000), dialog.Voice{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
