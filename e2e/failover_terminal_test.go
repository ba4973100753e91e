package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/require"
	"frontdesk/internal/valkeytest"
)

func TestTerminalCallerResumesAtAnotherNode(t *testing.T) {
	t.Parallel()
	store := valkeytest.Start(t)
	shared := sharedStore(store.Addr)
	one, two := start(t, shared), start(t, shared)

	call := exec.CommandContext(t.Context(), program, "call", "--url", one.url, "--json", "--say", "How long can I return an item?")
	out, err := call.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, call.Start())
	lines := bufio.NewScanner(out)
	var begun struct {
		Session string `json:"session"`
		Token   string `json:"resume_token"`
	}
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &begun) != nil || begun.Token == "" {
		t.Fatalf("the first line of the call is %q", lines.Text())
	}
	// The caller has heard the first sentence, and the agent says the second one.
	store.Until(t, `"heard":"You can return any item within 30 days of delivery. "`, "GET", "fd:{"+begun.Session+"}:state")
	one.kill()
	for lines.Scan() {
	}
	if err := call.Wait(); err == nil {
		t.Error("the call of a killed node ended with exit status 0")
	}

	began := time.Now()
	again := exec.CommandContext(t.Context(), program, "call", "--url", two.url, "--json", "--resume", begun.Token, "--text", "Do you ship to Canada?")
	said, err := again.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	t.Logf("resumed and answered within %v", time.Since(began).Round(time.Millisecond))
	if !bytes.Contains(said, []byte(begun.Session)) || !bytes.Contains(said, []byte("Canada")) {
		t.Errorf("the resumed call prints %s", said)
	}
	c := two.openText(t, begun.Token)
	c.begin(t, false)
	past := strings.Join(history(t, c, 6), "\n")
	for _, want := range []string{"assistant: You can return any item within 30 days of delivery.\n", "Members of Willow Plus can return any item within 60 days"} {
		if strings.Count(past, want) != 1 {
			t.Errorf("the history does not contain %q exactly once:\n%s", want, past)
		}
	}
}
