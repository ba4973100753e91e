package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/require"
	"frontdesk/media"
)

// recordVoice writes a recording of text in one of flite's voices and returns its entry in a manifest.
func recordVoice(t *testing.T, dir, voice, text string) map[string]any {
	t.Helper()
	name := voice + "-" + strings.ReplaceAll(text, " ", "-") + ".wav"
	raw := filepath.Join(dir, "raw.wav")
	if out, err := exec.CommandContext(t.Context(), "flite", "-voice", voice, "-t", text, "-o", raw).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v: %s", err, out)
	}
	f, err := os.Open(raw)
	require.NoError(t, err)
	defer f.Close()
	pcm, rate, err := media.ReadWAV(f, 1<<22)
	require.NoError(t, err)
	first, last := len(pcm), 0
	for i, v := range pcm {
		if v > 300 || v < -300 {
			first, last = min(first, i), i
		}
	}
	pcm = append(pcm, make([]int16, rate)...)
	out, err := os.Create(filepath.Join(dir, name))
	require.NoError(t, err)
	defer out.Close()
	require.NoError(t, media.WriteWAV(out, rate, 1, pcm))
	return map[string]any{"file": name, "voice": voice, "ref": text, "text": text, "utt": text,
		"speech_start_ms": first * 1000 / rate, "speech_end_ms": last * 1000 / rate}
}

func TestEvalTurnsMeasuresRecordings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var list []map[string]any
	for _, voice := range []string{"slt", "rms"} {
		for _, text := range []string{"what time do you open on saturday", "where is my order", "do you ship to canada"} {
			list = append(list, recordVoice(t, dir, voice, text))
		}
	}
	b, err := json.Marshal(list)
	require.NoError(t, err)
	manifest := filepath.Join(dir, "manifest.json")
	require.NoError(t, os.WriteFile(manifest, b, 0o600))
	data := t.TempDir()
	shareModelCache(t, data)
	run := func(args ...string) (string, string, error) {
		cmd := exec.CommandContext(t.Context(), program, append([]string{"eval", "turns", manifest, "--agents", "../agents", "--data", data}, args...)...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		return out.String(), errs.String(), err
	}
	type result struct {
		Condition string  `json:"condition"`
		Turns     int     `json:"turns"`
		Early     float64 `json:"early_pct"`
		Delay     int     `json:"delay_ms_p50"`
		Missed    float64 `json:"missed_pct"`
		Frames    float64 `json:"frame_accuracy_pct"`
	}
	delays := map[string]int{}
	for name, args := range map[string][]string{"endpointer": nil, "hangover": {"--hangover", "1s"}} {
		out, errs, err := run(append([]string{"--json", "--condition", "clean"}, args...)...)
		var r result
		if err != nil || json.Unmarshal([]byte(out), &r) != nil {
			t.Fatalf("%v: %s%s", err, out, errs)
		}
		if r.Condition != "clean" || r.Turns != 6 || r.Missed > 0 || r.Frames < 80 {
			t.Errorf("%s: %+v", name, r)
		}
		delays[name] = r.Delay
	}
	if delays["endpointer"] == 0 || delays["endpointer"] >= delays["hangover"] {
		t.Errorf("median delays in ms are %v, want the endpointer faster than the hangover", delays)
	}
	if out, _, err := run("--condition", "clean", "--details"); err != nil || !strings.Contains(out, "frames right") || !strings.Contains(out, "clean") {
		t.Errorf("%v: %s", err, out)
	}
	if _, errs, err := run("--condition", "loud"); err == nil || !strings.Contains(errs, "babble10") {
		t.Errorf("an unknown condition: %v, %s", err, errs)
	}
}
