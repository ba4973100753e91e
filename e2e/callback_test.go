package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/require"
)

// A caller is promised a call-back, and the server is killed. The next one calls at the time that
// the ticket says, once.
func TestPromisedCallBackSurvivesAKill(t *testing.T) {
	t.Parallel()
	agents := filepath.Join(t.TempDir(), "agents")
	require.NoError(t, os.CopyFS(agents, os.DirFS("../agents")))
	file := filepath.Join(agents, "demo", "agent.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := strings.Replace(string(text), "\nhandover:\n", "\nhandover:\n  callback: {by: agent, delay: 1m, tries: 1}\n", 1)
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	desk, address := freeSIPAddr(t), freeSIPAddr(t)
	config := configFile(t, fmt.Sprintf("sip: {listen: ['udp://%s'], ports: 34000-34999, trunks: [{name: here, allow: [127.0.0.0/8], agent: demo, server: '%s', dial: {allow: {'49': 0}}}]}\n", desk, address))
	settings := []func(*exec.Cmd){config, args("--agents", agents)}
	s := start(t, settings...)

	const line = "4930123456"
	asks := softphone{user: line, addr: address, codecs: "pcmu", dials: "sip:desk@" + desk, says: slices.Concat(
		pause(6*time.Second, 8000), pcm(t, "I want to talk to a person, please.", 8000), pause(60*time.Second, 8000))}
	asks.begin(t)
	eventually(t, "a ticket is opened", func() bool { return ticketID.MatchString(s.tickets(t, "ls")) })
	opened := time.Now()
	asks.quit(t)
	id := ticketID.FindString(s.tickets(t, "ls"))
	eventually(t, "the call-back waits", func() bool {
		out, err := s.operate(t, "workflows", "ls", "--name", "callback", "--json")
		return err == nil && strings.Contains(out, `"id":"callback.`+id+`.1"`) && strings.Contains(out, `"due":"`)
	})
	s.kill()

	s.run(t, "127.0.0.1:0", settings...)
	answers := softphone{user: line, addr: address, codecs: "pcmu", says: slices.Concat(
		pause(time.Second, 8000), pcm(t, "Hello?", 8000), pause(60*time.Second, 8000))}
	answers.begin(t)
	deadline := time.Now().Add(2 * time.Minute)
	for audibleTime(answers.recording(t), 0, time.Minute) < 2000 && time.Now().Before(deadline) {
		time.Sleep(200 * time.Millisecond)
	}
	called := time.Since(opened)
	answers.quit(t)
	if called < 50*time.Second {
		t.Errorf("the caller was called back after %v, want after a minute", called)
	}
	eventually(t, "the ticket says that the caller answered", func() bool {
		return strings.Contains(s.tickets(t, "show", id), "Call-back, call 1 of 1: the caller answered.")
	})
	s.awaitMetric(t, `frontdesk_callback_calls_total{result="answered"}`, 1)
}
