package e2e

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// office starts a server whose agent has a person at a telephone, which is reached at
// person, and returns its SIP address. handover is what its agent.yaml says of that.
func office(t *testing.T, person, handover string, o ...func(*exec.Cmd)) (*server, string) {
	t.Helper()
	dir := t.TempDir()
	agents := filepath.Join(dir, "agents")
	if err := os.CopyFS(agents, os.DirFS("../agents")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(agents, "demo", "agent.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(text), "\nhandover:\n")
	if !ok {
		t.Fatal("the demo agent has no handover")
	}
	if err := os.WriteFile(file, []byte(before+"\nhandover:\n  to: '200'\n"+handover+after), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeUDP(t)
	config := filepath.Join(dir, "frontdesk.yaml")
	yaml := fmt.Sprintf("sip: {listen: ['udp://%s'], ports: 33000-33999, trunks: [{name: here, allow: [127.0.0.0/8], agent: demo, server: '%s', dial: {allow: {'2': 0}}}]}\n", address, person)
	if err := os.WriteFile(config, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, append(o, args("--config", config, "--agents", agents))...), address
}

// hum is a tone at 8 kHz.
func hum(hz float64, d time.Duration) []int16 {
	out := make([]int16, d.Milliseconds()*8)
	for i := range out {
		out[i] = int16(6000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return out
}

// hums is for how long a tone is most of what was heard, at 8 kHz.
func hums(heard []int16, hz float64) (ms int) {
	for frame := range slices.Chunk(heard, 400) {
		var re, im, all float64
		for i, x := range frame {
			sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / 8000)
			re, im, all = re+cos*float64(x), im+sin*float64(x), all+float64(x)*float64(x)
		}
		if n := float64(len(frame)); all > 300*300*n && 2*(re*re+im*im)/n > 0.7*all {
			ms += 50
		}
	}
	return ms
}

func TestACallerIsConnectedWithAPerson(t *testing.T) {
	t.Parallel() // it waits for speech
	at := freeUDP(t)
	s, address := office(t, at, "  direct: true\n")
	person := telephone{user: "200", at: at, codecs: "pcma", lasts: 30 * time.Second, says: slices.Concat(hum(700, 40*time.Second))}
	caller := telephone{user: "caller", dials: "sip:desk@" + address, codecs: "pcmu", lasts: 28 * time.Second, says: slices.Concat(
		pause(6*time.Second, 8000), pcm(t, "I want to talk to a person, please.", 8000), pause(10*time.Second, 8000), hum(1100, 30*time.Second))}
	personHeard, callerHeard := person.begin(t), caller.begin(t)
	toCaller, toPerson := callerHeard(), personHeard()
	if ms := hums(toCaller, 425); ms < 100 {
		t.Errorf("the caller heard it ring for %d ms", ms)
	}
	if ms := hums(toCaller, 700); ms < 3000 {
		t.Errorf("the caller heard the person for %d ms", ms)
	}
	if ms := hums(toPerson, 1100); ms < 3000 {
		t.Errorf("the person heard the caller for %d ms", ms)
	}
	if ms := loud(toPerson, 0, 8*time.Second); ms < 1500 {
		t.Errorf("the person was told for %d ms who calls", ms)
	}
	s.tells(t, `"msg":"caller was to be connected","call":"rtc_`)
	for _, leg := range []string{"caller", "person"} {
		if got := s.metric(t, `frontdesk_call_mos_count{leg="`+leg+`"}`); got != 1 {
			t.Errorf("%v lines of the %s were rated", got, leg)
		}
	}
}

func TestTheAgentGoesOnWhenNobodyIsThere(t *testing.T) {
	t.Parallel() // it waits for speech
	at := freeUDP(t)
	s, address := office(t, at, "  failed: Nobody is there now. What else can I do?\n")
	wait := answers(t, at, takesInvite+says("180 Ringing", "", "")+`<pause milliseconds="2500"/>`+says("486 Busy Here", "", "")+takesACK)
	caller := telephone{user: "caller", dials: "sip:desk@" + address, codecs: "pcmu", lasts: 32 * time.Second, says: slices.Concat(
		pause(6*time.Second, 8000), pcm(t, "I want to talk to a person, please.", 8000), pause(13*time.Second, 8000),
		pcm(t, "How long does a refund take?", 8000), pause(40*time.Second, 8000))}
	heard := caller.begin(t)()
	wait()
	if ms := hums(heard, 425); ms < 800 {
		t.Errorf("the caller heard it ring for %d ms", ms)
	}
	s.tells(t, `"msg":"call ended"`) // and what was said is kept
	if turns := strings.ToLower(s.turns(t)); !strings.Contains(turns, "hand_over") || !strings.Contains(turns, "refund") {
		t.Errorf("the conversation was %s", turns)
	}
}

func TestACallerIsCalledBackInsteadOfWaiting(t *testing.T) {
	t.Parallel() // it waits for speech
	at := freeUDP(t)
	s, address := office(t, at, "  later: We call you back within the hour.\n")
	wait := answers(t, at, ringsOn)
	out, err := exec.CommandContext(t.Context(), program, "call", "sip:desk@"+address,
		"--say", "I want to talk to a person, please.", "--text", "*").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wait()
	s.tells(t, `"msg":"call ended"`) // and what was said is kept
	if said := s.kept(t, "message"); !strings.Contains(said, "We call you back within the hour.") {
		t.Errorf("what was said is %s", said)
	}
}
