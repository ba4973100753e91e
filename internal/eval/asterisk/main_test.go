package main

import (
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/eval"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// writePrompt writes a prompt that is loud from 0.1 to 0.5 s and from 1 to 1.5 s.
func writePrompt(t *testing.T, file string) {
	t.Helper()
	encoder := media.NewG722Encoder()
	var coded []byte
	for at := 0; at < 1600*media.MouthRate/1000; at += media.MouthFrame {
		frame := make([]int16, media.MouthFrame)
		for i := range frame {
			seconds := float64(at+i) / media.MouthRate
			if seconds >= 0.1 && seconds < 0.5 || seconds >= 1 && seconds < 1.5 {
				frame[i] = int16(8000 * math.Sin(seconds*2*math.Pi*440))
			}
		}
		packet, err := encoder.Encode(make([]byte, packetLen), frame)
		require.NoError(t, err)
		coded = append(coded, packet...)
	}
	require.NoError(t, os.WriteFile(file, coded, 0o600))
}

func TestManifestHoldsTheSentences(t *testing.T) {
	dir := t.TempDir()
	texts := `; Core Sounds. In English.
agent-pass: Please enter your  password.
agent-again: please enter your password!
beep: [this is a simple beep tone]
busy: All represenatives are busy.
conf-there: There are currently...
hello: Hello.
missing: This prompt is not packaged.
two/three: press 1 for 2
`
	f, err := os.Create(filepath.Join(dir, "texts.gz"))
	require.NoError(t, err)
	zip := gzip.NewWriter(f)
	_, err = zip.Write([]byte(texts))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	require.NoError(t, f.Close())
	for _, name := range []string{"agent-pass", "agent-again", "busy", "hello", "conf-there"} {
		writePrompt(t, filepath.Join(dir, name+".g722"))
	}
	out := filepath.Join(dir, "out")
	require.NoError(t, run(dir, filepath.Join(dir, "texts.gz"), out))
	list, err := eval.Load(filepath.Join(out, "manifest.json"))
	require.NoError(t, err)
	if len(list) != 2 || list[0].Words != "Please enter your password." || list[1].Words != "All representatives are busy." {
		t.Fatalf("%d recordings: %+v", len(list), list)
	}
	r := list[0]
	if len(r.PCM) != samples(leadTime+1600+tailTime) || len(r.Segments) != 2 || len(r.Pauses) != 1 {
		t.Fatalf("%d samples, speech %v, pauses %v", len(r.PCM), r.Segments, r.Pauses)
	}
	for i, want := range []int{leadTime + 100, leadTime + 500, leadTime + 1000, leadTime + 1500} {
		if got := r.Segments[i/2][i%2]; math.Abs(float64(got-want)) > 20 {
			t.Errorf("speech %v, want a change at %d ms", r.Segments, want)
		}
	}
}

func TestMissingPackagesAreNamed(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir, filepath.Join(dir, "no.gz"), dir); err == nil || !strings.Contains(err.Error(), "asterisk-core-sounds-en installed") {
		t.Errorf("%v", err)
	}
	texts := filepath.Join(dir, "texts")
	require.NoError(t, os.WriteFile(texts, []byte("a: This is a sentence.\n"), 0o600))
	if err := run(dir, texts, dir); err == nil || !strings.Contains(err.Error(), "asterisk-core-sounds-en-g722") {
		t.Errorf("%v", err)
	}
}
