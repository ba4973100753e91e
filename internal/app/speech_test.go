//go:build cgo

package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"frontdesk/internal/config"
	"frontdesk/internal/models"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/phrasebook"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// TestDamagedNetworksAreNamedAndNotUsed: the files have lost their second half.
func TestDamagedNetworksAreNamedAndNotUsed(t *testing.T) {
	dir := t.TempDir()
	for _, e := range models.Table() {
		if e.Optional {
			continue
		}
		require.NoError(t, os.Mkdir(filepath.Join(dir, e.Name), 0o700))
		for _, f := range e.Files {
			b, err := os.ReadFile(modelstest.File(t, e.Name, f.Name))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, e.Name, f.Name), b[:len(b)/2], 0o600))
		}
	}
	core, logs := observer.New(zap.WarnLevel)
	var c config.Config
	c.Speech.Models, c.Speech.Library, c.VAD.Provider = dir, modelstest.Library(t), "auto"
	neural, err := newNeuralSpeech(c, zap.New(core))
	require.NoError(t, err)
	defer neural.Close()
	detector, closeDetector, err := openDetector(c.VAD, neural, zap.New(core))
	require.NoError(t, err)
	require.NoError(t, closeDetector())
	if _, err := neural.openRecognizer(phrasebook.Knowledge{}); err == nil {
		t.Error("no error for the recognizer")
	}
	if _, err := neural.openVoices(); err == nil {
		t.Error("no error for the voice")
	}
	neural.warn()
	d := detector()
	if _, ok := d.(*media.Detector); !ok {
		t.Errorf("the voice detector is a %T, want the built-in one", d)
	}
	for _, part := range []string{"Silero", "Moonshine", "Piper"} {
		isAbout := func(e observer.LoggedEntry) bool { return strings.Contains(e.Message, part) }
		if n := logs.Filter(isAbout).Len(); n != 1 {
			t.Errorf("%s: %d warnings, want 1", part, n)
		}
	}
}

func TestFolderThatEveryUserCanChangeIsNamed(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	c := config.Default()
	c.Speech.Models = t.TempDir()
	n, err := newNeuralSpeech(c, zap.New(core))
	require.NoError(t, err)
	n.warnOfOpenFolder()
	if logs.Len() != 0 {
		t.Errorf("logged %v for the test's own folder", logs.All())
	}
	require.NoError(t, os.Chmod(c.Speech.Models, 0o777))
	n.warnOfOpenFolder()
	if logs.Len() != 1 || !strings.Contains(logs.All()[0].Message, "chmod -R o-w "+c.Speech.Models) {
		t.Errorf("logged %v, want the remedy", logs.All())
	}
}
