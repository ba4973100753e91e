package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"frontdesk/internal/config"
	"frontdesk/internal/models"
	"frontdesk/internal/require"
)

func TestKokoroSpeaksOnlyWhereTheMachineCanAffordIt(t *testing.T) {
	for name, c := range map[string]struct {
		load         float64
		calls, cores int
		want         bool
	}{
		"a small machine":         {0.8, 200, 2, false},
		"one call, but late":      {0.8, 1, 2, false},
		"a fast small machine":    {0.3, 6, 2, true},
		"a call too many":         {0.3, 7, 2, false},
		"a large machine":         {0.25, 200, 64, true},
		"any number of calls":     {0.1, 0, 64, false},
		"just as much as allowed": {0.5, 4, 2, true},
	} {
		if got := (kokoroLoad{Load: c.load}).isAffordable(c.calls, c.cores); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// TestRecordedCostOfKokoroDecides uses files of the right sizes: no network runs.
func TestRecordedCostOfKokoroDecides(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, kokoroEntry), 0o700))
	for _, e := range models.Table() {
		if e.Name != kokoroEntry {
			continue
		}
		for _, f := range e.Files {
			path := filepath.Join(dir, e.Name, f.Name)
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Truncate(path, f.Size))
		}
	}
	for want, load := range map[string]float64{"flite": 0.8, "Kokoro": 0.01} {
		b, err := json.Marshal(kokoroLoad{CPU: processorName(os.DirFS("/")), Load: load})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, kokoroEntry, loadFile), b, 0o600))
		core, logs := observer.New(zap.InfoLevel)
		c := config.Default()
		c.Speech.Models, c.Speech.Threads, c.Limits.Calls = dir, 2, 20
		n, err := newNeuralSpeech(c, zap.New(core))
		require.NoError(t, err)
		for range 2 {
			if got := n.prefersKokoro(); got != (want == "Kokoro") {
				t.Errorf("%v CPU seconds: %v", load, got)
			}
		}
		if logs.Len() != 1 || !strings.HasPrefix(logs.All()[0].Message, want+" speaks") {
			t.Errorf("%v CPU seconds: logged %v", load, logs.All())
		}
		c.TTS.Voice = "en_US-joe-medium"
		n, err = newNeuralSpeech(c, zap.NewNop())
		require.NoError(t, err)
		if n.prefersKokoro() {
			t.Error("Kokoro speaks for a voice of Piper")
		}
	}
}

// TestCostIsRecordedInTheDataFolder: the folder of the models cannot be written.
func TestCostIsRecordedInTheDataFolder(t *testing.T) {
	c := config.Default()
	c.Data, c.Speech.Models = t.TempDir(), filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(c.Speech.Models, nil, 0o600))
	n, err := newNeuralSpeech(c, zap.NewNop())
	require.NoError(t, err)
	want := kokoroLoad{CPU: processorName(os.DirFS("/")), Load: 0.5}
	require.NoError(t, n.recordLoad(want))
	if got, err := n.measureKokoro(); got != want || err != nil {
		t.Errorf("got %+v, %v; want what was recorded", got, err)
	}
	require.NoError(t, os.RemoveAll(c.Data))
	require.NoError(t, os.WriteFile(c.Data, nil, 0o600))
	if err := n.recordLoad(want); err == nil {
		t.Error("no error when neither folder can be written")
	}
}

func TestProcessorName(t *testing.T) {
	root := fstest.MapFS{"proc/cpuinfo": {Data: []byte("processor\t: 0\nmodel name\t: Fast CPU @ 3:1 GHz\n")}}
	if got := processorName(root); got != "Fast CPU @ 3:1 GHz" {
		t.Errorf("got %q", got)
	}
	if got := processorName(fstest.MapFS{}); got == "" {
		t.Error("no name")
	}
}

func FuzzKokoroLoad(f *testing.F) {
	f.Add([]byte(`{"cpu": "a", "load": 0.5}`))
	f.Add([]byte(`{"cpu": "b", "load": 0.5}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, ok := parseKokoroLoad(b, "a"); ok && (k.CPU != "a" || !(k.Load > 0)) {
			t.Errorf("got %+v", k)
		}
	})
}
