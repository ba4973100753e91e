package espeak

import (
	"errors"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/process"
	"frontdesk/dialog/provider/processtest"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var newVoice processtest.New = func(voice string) (*process.Synthesizer, error) { return New(Config{Voice: voice}) }

func TestVoiceFollowsTheLanguage(t *testing.T) {
	s := newVoice.Open(t, "")
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
		got, _, err := s.Choose(dialog.Voice{Language: c.language, Name: c.name})
		if err != nil || got != c.want {
			t.Errorf("%s %s: got %q (%v), want %q", c.language, c.name, got, err, c.want)
		}
	}
}

func TestLanguageWithoutAVoiceIsAnError(t *testing.T) {
	_, err := processtest.Speak(t.Context(), newVoice.Open(t, ""), "nuqneH", dialog.Voice{Language: "xx-QQ"})
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestConfiguredVoiceSpeaksOnlyItsOwnLanguage(t *testing.T) {
	s := newVoice.Open(t, "en-gb-scotland")
	for language, want := range map[string]string{"en-US": "en-gb-scotland", "it-IT": "it"} {
		if got, _, _ := s.Choose(dialog.Voice{Language: language}); got != want {
			t.Errorf("%s: got %s, want %s", language, got, want)
		}
	}
}

func TestUnknownConfiguredVoiceIsRefused(t *testing.T) {
	for _, name := range []string{"af_heart", "en-us+../../etc", "-v"} {
		newVoice.RequireInvalid(t, name, name)
	}
}

func TestMissingProgramNamesItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	newVoice.RequireInvalid(t, "", "apt install espeak-ng")
}

func TestSpeaksManyLanguages(t *testing.T) {
	s := newVoice.Open(t, "")
	for language, text := range map[string]string{
		"en-US": "How can I help you today?",
		"de-DE": "Guten Tag, wie kann ich Ihnen helfen?",
		"fr-FR": "Bonjour, comment puis-je vous aider ?",
		"ru-RU": "Здравствуйте, чем могу помочь?",
		"ja-JP": "こんにちは、どうされましたか。",
	} {
		pcm, err := processtest.Speak(t.Context(), s, text, dialog.Voice{Language: language})
		seconds := float64(len(pcm)) / media.MouthRate
		if err != nil || seconds < 0.7 || seconds > 8 {
			t.Errorf("%s: %.1f s, %v", language, seconds, err)
		}
	}
}

func TestSameClauseHasTheSameAudio(t *testing.T) {
	s := newVoice.Open(t, "")
	first, err := processtest.Speak(t.Context(), s, "Un moment.", dialog.Voice{Language: "fr"})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(first)
	clear(first) // the receiver owns the slice
	second, err := processtest.Speak(t.Context(), s, "Un moment.", dialog.Voice{Language: "fr"})
	if err != nil || !slices.Equal(second, want) {
		t.Errorf("the audio differs: %v", err)
	}
}

func FuzzVoices(f *testing.F) {
	f.Add(" 5  cmn --/M Chinese_(Mandarin) sit/cmn (zh-cmn 5)(zh 5)\n", "zh-TW")
	f.Add("Pty Language\n 2  en-us --/M English gmw/en-US (en 3)", "en_US+f3")
	f.Fuzz(func(t *testing.T, table, language string) {
		v := parseVoices(table)
		if name, ok := v.find(language); ok && v[name].voice == "" {
			t.Errorf("the voice %q chosen for %q does not exist: %v", name, language, v)
		}
	})
}

func BenchmarkClause(b *testing.B) { processtest.BenchmarkClause(b, newVoice.Open(b, "")) }
