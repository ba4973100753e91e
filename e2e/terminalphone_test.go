package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

func TestTerminalCallsByTelephone(t *testing.T) {
	t.Parallel() // waits for speech
	s, address := startSIP(t, "127.0.0.0/8", neuralSpeech)
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program, "call", "sip:demo@"+address+";transport=tcp",
		"--say", "How long does a refund take?", "--text", "43729#", "--json")
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &errs)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("want two turns, got %s", &out)
	}
	for i, line := range lines {
		var turn struct {
			Turn  int    `json:"turn"`
			Audio int64  `json:"reply_audio_ms"`
			Delay *int64 `json:"voice_to_voice_ms"`
		}
		if err := json.Unmarshal([]byte(line), &turn); err != nil || turn.Turn != i+1 || turn.Audio < 1000 || (turn.Delay == nil) != (i == 1) {
			t.Errorf("turn %d is %s, %v", i+1, line, err)
		}
	}
	s.awaitLog(t, `"msg":"call ended"`) // the transcript is stored by then
	if turns := strings.ToLower(s.turns(t)); !strings.Contains(turns, "refund") || !strings.Contains(turns, "43729") {
		t.Errorf("stored turns: %s", turns)
	}
}

func TestTelephoneCallerChoosesALanguageByKey(t *testing.T) {
	t.Parallel() // waits for audio
	agents := folder(t, map[string]string{
		"demo/agent.yaml": "name: demo\ntitle: Desk\nlanguage: en-US\ngreeting: Welcome.\n" +
			"choices: [{key: 1, agent: demo}, {key: 2, agent: zentrale}]\n",
		"zentrale/agent.yaml": "name: zentrale\ntitle: Zentrale\nlanguage: de-DE\ngreeting: Guten Tag.\n",
	})
	s, address := startSIP(t, "127.0.0.0/8", args("--agents", agents))
	out, err := exec.CommandContext(t.Context(), program, "call", "sip:demo@"+address, "--text", "2", "--text", "47#").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.awaitLog(t, `"msg":"the caller chose an agent".*"agent":"zentrale"`)
	s.awaitLog(t, `"msg":"call ended"`) // the transcript is stored by then
	turns := s.turns(t)
	for _, want := range []string{`"47#"`, "auf unseren Seiten"} {
		if !strings.Contains(turns, want) {
			t.Errorf("%q is missing in the stored turns: %s", want, turns)
		}
	}
}
