package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

func TestTheTerminalIsATelephone(t *testing.T) {
	t.Parallel() // it waits for speech
	s, address := startSIP(t, "127.0.0.0/8")
	for _, network := range []string{"tcp"} {
		var out, errs bytes.Buffer
		c := exec.CommandContext(t.Context(), program, "call", "sip:demo@"+address+";transport="+network,
			"--say", "How long does a refund take?", "--text", "43729#", "--json")
		c.Stdout, c.Stderr = &out, &errs
		if err := c.Run(); err != nil {
			t.Fatalf("%s: %v\n%s%s", network, err, &out, &errs)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 {
			t.Fatalf("%s: it tells %s", network, &out)
		}
		for i, line := range lines {
			var turn struct {
				Turn  int    `json:"turn"`
				Audio int64  `json:"reply_audio_ms"`
				Delay *int64 `json:"voice_to_voice_ms"`
			}
			if err := json.Unmarshal([]byte(line), &turn); err != nil || turn.Turn != i+1 || turn.Audio < 1000 || (turn.Delay == nil) != (i == 1) {
				t.Errorf("%s: turn %d is %s, %v", network, i+1, line, err)
			}
		}
	}
	s.awaitLog(t, `"msg":"call ended"`) // and what was said is kept
	if turns := strings.ToLower(s.turns(t)); !strings.Contains(turns, "refund") || !strings.Contains(turns, "43729") {
		t.Errorf("it was understood and answered as %s", turns)
	}
}

func TestTheTerminalsTelephoneSaysWhyThereIsNoCall(t *testing.T) {
	t.Parallel()
	nobody := freeSIPAddr(t)
	for address, want := range map[string]struct {
		status int
		says   string
	}{
		"sip:demo@": {2, "invalid_request"}, "sip:demo@" + nobody + ";transport=sctp": {2, "invalid_request"},
		"sip:demo@" + nobody + ";transport=tcp": {1, "unavailable"},
	} {
		var errs bytes.Buffer
		c := exec.CommandContext(t.Context(), program, "call", address, "--text", "1")
		c.Stderr = &errs
		_ = c.Run()
		if status := c.ProcessState.ExitCode(); status != want.status || !strings.HasSuffix(errs.String(), "("+want.says+")\n") || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: status %d, %s", address, status, &errs)
		}
	}
}
