package models

import (
	"path/filepath"
	"testing"

	"frontdesk/internal/require"
)

func TestEnvironmentSetsTheFolder(t *testing.T) {
	set := t.TempDir()
	t.Setenv("FRONTDESK_SPEECH_MODELS", set)
	dir, err := Dir()
	require.NoError(t, err)
	if got, want := Open(dir).Path("a", "b.onnx"), filepath.Join(set, "a", "b.onnx"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	t.Setenv("FRONTDESK_SPEECH_MODELS", "")
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	dir, err = Dir()
	require.NoError(t, err)
	if want := filepath.Join(cache, "frontdesk", "models"); dir != want {
		t.Errorf("got %s, want %s", dir, want)
	}
}
