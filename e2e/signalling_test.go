package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// calls lets SIPp call address by the steps of a scenario, with more of its flags.
func calls(t *testing.T, address, steps string, flags ...string) (wait func()) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "scenario.xml")
	scenario := `<?xml version="1.0"?><scenario name="calls">` + steps + `<Reference variables="found"/></scenario>`
	if err := os.WriteFile(file, []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	flags = append([]string{"-sf", file, "-m", "1", "-i", "127.0.0.1", "-timeout", "20s", "-timeout_error", "-nostdin", "-trace_err"}, flags...)
	c := exec.CommandContext(t.Context(), "sipp", append(flags, address)...)
	c.Dir = dir
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := c.Wait(); err != nil {
			errors, _ := filepath.Glob(filepath.Join(dir, "*_errors.log"))
			for _, name := range errors {
				text, _ := os.ReadFile(name)
				t.Logf("%.3000s", text)
			}
			t.Fatalf("SIPp: %v", err)
		}
	}
}

// sends is a step that sends a request. CANCEL belongs to the INVITE of the same number,
// and so does REFUSED, which is the ACK of what is no 200.
func sends(method string, number int, to, more, body string) string {
	branch := fmt.Sprint(number)
	switch method {
	case "INVITE", "CANCEL":
	case "REFUSED":
		method = "ACK"
	default:
		branch += method
	}
	if body != "" && !strings.Contains(more, "Content-Type:") {
		more += "Content-Type: application/sdp\n"
	}
	return `<send><![CDATA[
` + method + ` sip:desk@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[pid]-[call_number]-` + branch + `
Max-Forwards: 70
From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
To: <sip:desk@[remote_ip]:[remote_port]>` + to + `
Call-ID: [call_id]
CSeq: ` + fmt.Sprint(number) + ` ` + method + `
Contact: <sip:caller@[local_ip]:[local_port]>
` + more + `Content-Length: [len]

` + body + `
]]></send>`
}

// invites begins a call.
func invites(number int, more, body string) string { return sends("INVITE", number, "", more, body) }

// asks sends a request within a call.
func asks(method string, number int, more, body string) string {
	return sends(method, number, "[peer_tag_param]", more, body)
}

// accepts confirms that an INVITE was refused.
func accepts(number int) string { return asks("REFUSED", number, "", "") }

const provisional = `<recv response="100" optional="true"/><recv response="180" optional="true"/>`

// takes is a step that takes an answer which has all of patterns in it, where they are
// extended regular expressions.
func takes(status string, patterns ...string) string {
	step := provisional + `<recv response="` + status + `"`
	if status == "401" {
		step += ` auth="true"`
	}
	step += `><action>`
	for _, pattern := range append(patterns, "^SIP/2.0 "+status) {
		step += `<ereg regexp="` + pattern + `" search_in="msg" check_it="true" assign_to="found"/>`
	}
	return step + `</action></recv>`
}

// hangsUp ends a call.
func hangsUp(number int) string { return asks("BYE", number, "", "") + takes("200", "BYE") }

// ends waits until at least so many calls have ended and none is left, and fails the test
// when they were too many, or did not all end as hung up.
func (s *server) ends(t *testing.T, least, most float64) {
	t.Helper()
	const active, hungUp = `frontdesk_calls_active{transport="sip"}`, `frontdesk_calls_total{result="hung_up",transport="sip"}`
	for deadline := time.Now().Add(patience); s.metric(t, active) != 0 || s.metric(t, hungUp) < least; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%v calls are left, and %v ended as hung up, not %v", s.metric(t, active), s.metric(t, hungUp), least)
			break
		}
	}
	if body, _ := s.get(t, "/metrics"); s.metric(t, hungUp) > most || strings.Count(body, "\nfrontdesk_calls_total{") != 1 {
		_, counts, _ := strings.Cut(body, "# TYPE frontdesk_calls_total")
		t.Fatalf("calls ended as %.500s", counts)
	}
}

func TestCallsGoAsTheirCallersSignal(t *testing.T) {
	const (
		tag      = `<ereg regexp="tag=[^;]+" search_in="hdr" header="To:" check_it="true" assign_to="%s"/></action>`
		same     = `<assignstr assign_to="both" value="[$first] [$second]"/><ereg regexp="^(.+) \1$" search_in="var" variable="both" check_it="true" assign_to="found"/></action>`
		timed    = "Supported: timer\nSession-Expires: 100;refresher=uac\n"
		tooSoon  = "Supported: timer\nSession-Expires: 30\n"
		unmapped = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio [media_port] RTP/AVP 0"
	)
	tagged := func(step, name string) string {
		return strings.Replace(step, `</action>`, fmt.Sprintf(tag, name), 1)
	}
	begins := invites(1, "", sippSDP) + takes("200", "a=sendrecv") + asks("ACK", 1, "", "")
	for name, tt := range map[string]struct{ steps, flags string }{
		"held and resumed": {begins +
			asks("INVITE", 2, "", sippSDP+"\na=sendonly") + takes("200", "a=recvonly") + asks("ACK", 2, "", "") +
			asks("INVITE", 3, "", sippSDP+"\na=sendrecv") + takes("200", "a=sendrecv") + asks("ACK", 3, "", "") + hangsUp(4), ""},
		"asked for twice, and confirmed late": {invites(1, "", sippSDP) + `<recv response="180"/>` + invites(1, "", sippSDP) +
			tagged(takes("200"), "first") + strings.Replace(tagged(takes("200"), "second"), `</action>`, same, 1) +
			asks("ACK", 1, "", "") + hangsUp(2), "-nr"},
		"held, and the answer is lost": {begins + asks("INVITE", 2, "", sippSDP+"\na=sendonly") +
			takes("200", "a=recvonly") + takes("200", "a=recvonly") + asks("ACK", 2, "", "") + hangsUp(3), "-nr"},
		"hung up before it is confirmed": {invites(1, "", sippSDP) + takes("200") + hangsUp(2), ""},
		"refreshed, but not too often": {invites(1, tooSoon, sippSDP) + takes("422", "Min-SE: 90") + accepts(1) +
			invites(2, timed, sippSDP) + takes("200", "Session-Expires: 100;refresher=uac", "Require: timer") + asks("ACK", 2, "", "") +
			asks("UPDATE", 3, timed, "") + takes("200", "Session-Expires: 100;refresher=uac", "3 UPDATE") +
			asks("UPDATE", 4, tooSoon, "") + takes("422", "Min-SE: 90") + hangsUp(5), ""},
		"begun with our offer": {invites(1, "", "") + takes("200", "m=audio [1-9][0-9]* RTP/AVP .*PCMU/8000") + asks("ACK", 1, "", sippSDP) +
			hangsUp(2), ""},
		"begun with two offers that cross": {invites(1, "", "") + takes("200", "PCMU/8000") + asks("UPDATE", 2, "", unmapped) + takes("491") +
			asks("ACK", 1, "", sippSDP) + hangsUp(3), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, address := telephones(t, "127.0.0.0/8", noVoice)
			calls(t, address, tt.steps, strings.Fields(tt.flags)...)()
			s.ends(t, 1, 1)
		})
	}
}

func TestCallersWhoThinkBetterOfItLeaveNoCall(t *testing.T) {
	t.Parallel()
	s, address := telephones(t, "127.0.0.0/8", noVoice, unlimited)
	const status = `<recv response="200" next="%s" test="answered"><action>
<ereg regexp="To: [^;]*(;tag=[^;[:space:]]+).*CSeq: 1 INVITE" search_in="msg" assign_to="answered,tag"/><ereg regexp="." search_in="msg" assign_to="found"/></action></recv>`
	steps := sends("CANCEL", 1, "", "", "") +
		provisional + `<recv response="487" optional="true" next="2"/>` + fmt.Sprintf(status, "1") + // of CANCEL, or else of INVITE
		provisional + `<recv response="487" optional="true" next="3"/>` + fmt.Sprintf(status, "4") +
		`<label id="1"/>` + takes("200", "CANCEL") +
		`<label id="4"/>` + sends("ACK", 1, "[$tag]", "", "") + sends("BYE", 2, "[$tag]", "", "") + takes("200", "BYE") + `<nop next="9"/>
<label id="2"/>` + takes("200", "CANCEL") + `<label id="3"/>` + accepts(1) + `<label id="9"/>`
	for _, before := range []string{"", `<recv response="180"/><pause distribution="uniform" min="0" max="4"/>`} {
		calls(t, address, invites(1, "", sippSDP)+before+steps, "-m", "40", "-r", "40", "-nr", "-default_behaviors", "all,-abortunexp")()
	}
	s.ends(t, 40, 80) // those who are quicker than our ringing are no calls
}

func TestOnlyCallersWhoKnowThePasswordAreAnswered(t *testing.T) {
	t.Parallel()
	address := freeUDP(t)
	file := filepath.Join(t.TempDir(), "frontdesk.yaml")
	text := fmt.Sprintf("sip: {listen: ['udp://%s'], ports: 34000-34999, trunks: [{name: away, user: anna, password: hush-hush, agent: demo}]}\n", address)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, noVoice, args("--config", file))
	begins := func(password string) string {
		return invites(1, "", sippSDP) + takes("401", "Digest realm=") + accepts(1) +
			invites(2, "[authentication username=anna password="+password+"]\n", sippSDP)
	}
	calls(t, address, begins("hush")+takes("401")+accepts(2))()
	if n := s.metric(t, `frontdesk_calls_active{transport="sip"}`); n > 0 {
		t.Errorf("%v calls were begun with a wrong password", n)
	}
	calls(t, address, begins("hush-hush")+takes("200")+asks("ACK", 2, "", "")+hangsUp(3))()
	s.ends(t, 1, 1)
}

func TestACallGoesOnWhenThereIsNoRoomForAnother(t *testing.T) {
	t.Parallel()
	s, address := telephones(t, "127.0.0.0/8", noVoice, env("FRONTDESK_LIMITS_CALLS=1"))
	other := func(step string) string { return strings.ReplaceAll(step, "Call-ID: ", "Call-ID: other///") }
	steps := invites(1, "", sippSDP) + strings.Replace(takes("200"), `</action>`,
		`<ereg regexp=";tag=[^;]+" search_in="hdr" header="To:" check_it="true" assign_to="tag"/></action>`, 1) + asks("ACK", 1, "", "") +
		other(invites(2, "", sippSDP)+takes("503", "Retry-After: [1-9]")+accepts(2)) +
		sends("INFO", 3, "[$tag]", "", "") + takes("200", "INFO") + sends("BYE", 4, "[$tag]", "", "") + takes("200", "BYE")
	calls(t, address, steps)()
	s.ends(t, 1, 1)
}

func TestKeysBesideTheSoundAreTaken(t *testing.T) {
	t.Parallel()
	s, address := telephones(t, "127.0.0.0/8", noVoice)
	steps := invites(1, "", sippSDP) + takes("200") + asks("ACK", 1, "", "")
	number := 1
	for _, key := range "47329#" {
		number++
		steps += asks("INFO", number, "Content-Type: application/dtmf-relay\n", fmt.Sprintf("Signal=%c\nDuration=160", key)) + takes("200", "INFO")
	}
	steps += `<recv request="BYE"/>` + strings.Replace(says("200 OK", "", ""), ";tag=[pid]SIPp[call_number]", "", 1)
	wait := calls(t, address, steps)
	for deadline := time.Now().Add(patience); !strings.Contains(s.turns(t), `"47329#"`); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the keys 47329# are not in what was said: %s", s.turns(t))
		}
	}
	s.stop(t)
	wait()
}

// refers has the server's only call transferred with a server key, and returns the status.
func (s *server) refers(t *testing.T, to string) int {
	t.Helper()
	s.tells(t, `"msg":"call started"`)
	_, rest, _ := strings.Cut(s.logs.String(), `"msg":"call started","call":"`)
	id, _, _ := strings.Cut(rest, `"`)
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/realtime/calls/"+id+"/refer", strings.NewReader(`{"target_uri": "`+to+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+dialKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestACallerIsTransferredByTheirOwnNetwork(t *testing.T) {
	answer := func(status string) string {
		return strings.Replace(says(status, "", ""), ";tag=[pid]SIPp[call_number]", "", 1)
	}
	news := func(number int, line string) string {
		return asks("NOTIFY", number, "Event: refer\nSubscription-State: active\nContent-Type: message/sipfrag\n", line) + takes("200", "NOTIFY")
	}
	begins := invites(1, "", sippSDP) + takes("200") + asks("ACK", 1, "", "")
	refers := `<recv request="REFER"><action><ereg regexp="sip:200@" search_in="hdr" header="Refer-To:" check_it="true" assign_to="found"/></action></recv>`
	for name, tt := range map[string]struct {
		steps  string
		status int
		result string
	}{
		"somebody takes the call": {begins + refers + answer("202 Accepted") + news(2, "SIP/2.0 100 Trying") + news(3, "SIP/2.0 200 OK") +
			`<recv request="BYE"/>` + answer("200 OK"), 200, "transferred"},
		"nobody does": {begins + refers + answer("202 Accepted") + news(2, "SIP/2.0 486 Busy Here") + hangsUp(3), 409, "hung_up"},
		"it cannot":   {begins + refers + answer("405 Method Not Allowed") + hangsUp(2), 409, "hung_up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, address := telephones(t, "127.0.0.0/8", noVoice, env("FRONTDESK_KEYS="+dialKey))
			wait := calls(t, address, tt.steps)
			if got := s.refers(t, "sip:200@127.0.0.1"); got != tt.status {
				t.Errorf("it is answered with %d, want %d", got, tt.status)
			}
			wait()
			for deadline := time.Now().Add(patience); s.metric(t, `frontdesk_calls_total{result="`+tt.result+`",transport="sip"}`) != 1; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("it did not end as %s", tt.result)
				}
			}
		})
	}
}
