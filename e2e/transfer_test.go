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

	"frontdesk/internal/audiotest"
	"frontdesk/internal/require"
)

// startOffice starts a server whose agent can transfer callers to a person's telephone at
// the given address, and returns the server's SIP address. handover is more of that section
// of agent.yaml.
func startOffice(t *testing.T, person, handover string, o ...func(*exec.Cmd)) (*server, string) {
	t.Helper()
	agents := filepath.Join(t.TempDir(), "agents")
	require.NoError(t, os.CopyFS(agents, os.DirFS("../agents")))
	file := filepath.Join(agents, "demo", "agent.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	before, after, ok := strings.Cut(string(text), "\nhandover:\n")
	if !ok {
		t.Fatal("agents/demo/agent.yaml has no section handover")
	}
	require.NoError(t, os.WriteFile(file, []byte(before+"\nhandover:\n  to: '200'\n"+handover+after), 0o600))
	address := freeSIPAddr(t)
	config := fmt.Sprintf("sip: {listen: ['udp://%s'], ports: 33000-33999, trunks: [{name: here, allow: [127.0.0.0/8], agent: demo, server: '%s', dial: {allow: {'2': 0}}}]}\n", address, person)
	return start(t, append(o, configFile(t, config), args("--agents", agents))...), address
}

// tone is a sine tone at 8 kHz.
func tone(hz float64, d time.Duration, amplitude float64) []int16 {
	return audiotest.Tone(hz, 8000, int(d.Milliseconds())*8, amplitude)
}

// toneTime is how many ms of what was heard at 8 kHz are mostly this tone.
func toneTime(heard []int16, hz float64) (ms int) {
	for frame := range slices.Chunk(heard, 400) {
		if audiotest.RMS(frame) > 300 && audiotest.ToneShare(frame, hz, 8000) > 0.7 {
			ms += 50
		}
	}
	return ms
}

func TestCallerIsConnectedWithAPerson(t *testing.T) {
	t.Parallel()
	address := freeSIPAddr(t)
	s, desk := startOffice(t, address, "  direct: true\n")
	person := softphone{user: "200", addr: address, codecs: "pcma", says: tone(700, 60*time.Second, 6000)}
	caller := softphone{user: "caller", dials: "sip:desk@" + desk, codecs: "pcmu", says: slices.Concat(
		pause(6*time.Second, 8000), pcm(t, "I want to talk to a person, please.", 8000), pause(10*time.Second, 8000), tone(1100, 60*time.Second, 6000))}
	person.begin(t)
	caller.begin(t)
	eventually(t, "caller and person hear each other for 3 s", func() bool {
		return toneTime(caller.recording(t), 700) >= 3000 && toneTime(person.recording(t), 1100) >= 3000
	})
	callerHeard, personHeard := caller.quit(t), person.quit(t)
	if ms := toneTime(callerHeard, 425); ms < 100 {
		t.Errorf("the caller heard the ringback tone for %d ms", ms)
	}
	if ms := audibleTime(personHeard, 0, 8*time.Second); ms < 1500 {
		t.Errorf("the person heard for %d ms who calls", ms)
	}
	s.awaitLog(t, `"msg":"attended transfer ended","call":"rtc_`)
	for _, leg := range []string{"caller", "person"} {
		s.awaitMetric(t, `frontdesk_call_mos_count{leg="`+leg+`"}`, 1)
	}
}

func TestAgentContinuesWhenTheTransferTargetIsBusy(t *testing.T) {
	t.Parallel()
	address := freeSIPAddr(t)
	s, desk := startOffice(t, address, "  failed: Nobody is there now. What else can I do?\n")
	wait := sippAnswer(t, address, expectInvite+respond("180 Ringing", "", "")+`<pause milliseconds="2500"/>`+respond("486 Busy Here", "", "")+expectACK)
	caller := softphone{user: "caller", dials: "sip:desk@" + desk, codecs: "pcmu", says: slices.Concat(
		pause(6*time.Second, 8000), pcm(t, "I want to talk to a person, please.", 8000), pause(13*time.Second, 8000),
		pcm(t, "How long does a refund take?", 8000), pause(40*time.Second, 8000))}
	caller.begin(t)
	s.awaitTurn(t, "hand_over", "refund")
	heard := caller.quit(t)
	wait()
	if ms := toneTime(heard, 425); ms < 800 {
		t.Errorf("the caller heard the ringback tone for %d ms", ms)
	}
	s.awaitLog(t, `"msg":"call ended"`)
}

func TestCallerAsksForACallBackWhileThePersonRings(t *testing.T) {
	t.Parallel()
	address := freeSIPAddr(t)
	s, desk := startOffice(t, address, "  later: We call you back within the hour.\n")
	wait := sippAnswer(t, address, ringUntilCancelled)
	out, err := exec.CommandContext(t.Context(), program, "call", "sip:desk@"+desk,
		"--say", "I want to talk to a person, please.", "--text", "*").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wait()
	s.awaitLog(t, `"msg":"call ended"`)
	if said := s.entries(t, "message"); !strings.Contains(said, "We call you back within the hour.") {
		t.Errorf("the messages of the session are %s", said)
	}
}
