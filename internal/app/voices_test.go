package app

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"frontdesk/internal/agentfile"
	"frontdesk/internal/config"
	"frontdesk/internal/require"
)

// TestAnotherProgramsVoiceIsReplaced has no networks, as a machine that is too small for them.
func TestAnotherProgramsVoiceIsReplaced(t *testing.T) {
	for name, tt := range map[string]struct {
		provider, voice, language string
		want                      string // description; "" is an error
		warnings                  int
	}{
		"a voice of Kokoro":                  {"auto", "af_heart", "en-US", "flite", 1},
		"a voice of Piper":                   {"auto", "en_US-joe-medium", "en-GB", "flite", 1},
		"a voice of Piper, another language": {"auto", "en_US-joe-medium", "de-DE", "espeak", 1},
		"a voice of flite":                   {"auto", "rms", "en-US", "flite (rms)", 0},
		"a voice of espeak-ng":               {"auto", "de", "de-DE", "espeak (de)", 0},
		"no voice":                           {"auto", "", "en-US", "flite", 0},
		"flite was asked for":                {"flite", "af_heart", "en-US", "", 0},
		"flite, another language":            {"flite", "rms", "de-DE", "espeak", 0},
	} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			c := config.Default()
			c.Data, c.Speech.Models = t.TempDir(), t.TempDir()
			c.TTS.Provider, c.TTS.Voice = tt.provider, tt.voice
			n, err := newNeuralSpeech(c, zap.NewNop())
			require.NoError(t, err)
			o := agentOpener{config: c, log: zap.New(core), neural: n}
			_, got, err := o.synthesizer(agentfile.File{Name: "desk", Language: tt.language})
			if got != tt.want || (err != nil) != (tt.want == "") || logs.Len() != tt.warnings {
				t.Errorf("got %q, %v, %d warnings", got, err, logs.Len())
			}
		})
	}
}
