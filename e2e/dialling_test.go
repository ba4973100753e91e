package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const dialKey = "sk-test-who-may-dial"

// dialling starts a server that dials over a trunk at address, with more of the trunk's
// keys, and returns it.
func dialling(t *testing.T, at, more string, o ...func(*exec.Cmd)) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "frontdesk.yaml")
	text := fmt.Sprintf("keys: [%s]\nsip: {listen: ['udp://%s'], ports: 32000-32999, trunks: [{name: out, server: '%s', agent: demo%s}]}\n",
		dialKey, freeUDP(t), at, more)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, append(o, args("--config", file))...)
}

// dialled is what the API tells of a call.
type dialled struct {
	ID, Session, State, Result, Reason string
	MOS                                float64
	Error                              struct{ Code, Message string }
}

// api makes a request of the API of calls.
func (s *server) api(t *testing.T, method, path, body string) (dialled, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+dialKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var d dialled
	if err := json.NewDecoder(resp.Body).Decode(&d); err != nil {
		t.Fatalf("%s %s: %d, %v", method, path, resp.StatusCode, err)
	}
	return d, resp.StatusCode
}

// dial begins a call.
func (s *server) dial(t *testing.T, body string) string {
	t.Helper()
	d, status := s.api(t, "POST", "/v1/calls", body)
	if status != http.StatusCreated || d.State != "ringing" || d.ID == "" {
		t.Fatalf("%s: %d, %+v", body, status, d)
	}
	return d.ID
}

// await waits until a call is in a state.
func (s *server) await(t *testing.T, id, state string, within time.Duration) dialled {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(200 * time.Millisecond) {
		d, _ := s.api(t, "GET", "/v1/calls/"+id, "")
		if d.State == state {
			return d
		}
		if time.Now().After(deadline) {
			t.Fatalf("the call is not %s: %+v", state, d)
		}
	}
}

func TestACallIsMadeAndHeld(t *testing.T) {
	t.Parallel() // it waits for speech
	at := freeUDP(t)
	s := dialling(t, at, ", dial: {allow: {'+49': 0.02}}")
	phone := telephone{user: "+4930123", at: at, codecs: "pcma", lasts: 22 * time.Second, says: slices.Concat(
		pause(500*time.Millisecond, 8000), pcm(t, "Hello?", 8000), pause(7*time.Second, 8000),
		pcm(t, "How long does a refund take?", 8000), pause(40*time.Second, 8000))}
	heard := phone.begin(t)
	id := s.dial(t, `{"to": "+49 30 123", "greeting": "Good morning, this is the shop. You asked us to call you back."}`)
	s.await(t, id, "talking", 10*time.Second)
	sound := heard()
	d := s.await(t, id, "ended", 10*time.Second)
	if d.Result != "hung_up" || d.MOS < 4 {
		t.Errorf("it ended as %+v", d)
	}
	if greeting, answer := loud(sound, 0, 8*time.Second), loud(sound, 10*time.Second, 22*time.Second); greeting < 2000 || answer < 2000 {
		t.Errorf("%d ms of a greeting and %d ms of an answer were heard", greeting, answer)
	}
	if turns := strings.ToLower(s.turns(t)); !strings.Contains(turns, "refund") {
		t.Errorf("it was understood and answered as %s", turns)
	}
}

func TestAMachineIsLeftAMessageAfterItsBeep(t *testing.T) {
	t.Parallel()
	at := freeUDP(t)
	s := dialling(t, at, ", dial: {allow: {'+49': 0}}")
	beep := make([]int16, 8000*6/10)
	for i := range beep {
		beep[i] = int16(9000 * math.Sin(2*math.Pi*1000*float64(i)/8000))
	}
	greeting := pcm(t, "Hello. You have reached Anna Miller. I cannot take your call right now. Please leave a message after the tone.", 8000)
	phone := telephone{user: "+4930124", at: at, codecs: "pcmu", lasts: 20 * time.Second, says: slices.Concat(
		pause(500*time.Millisecond, 8000), greeting, pause(400*time.Millisecond, 8000), beep, pause(40*time.Second, 8000))}
	heard := phone.begin(t)
	id := s.dial(t, `{"to": "+4930124", "message": "This is the shop. Your repair is ready. Please call us back."}`)
	d := s.await(t, id, "ended", 25*time.Second)
	sound := heard()
	if d.Result != "machine" || !strings.Contains(d.Reason, "the message was left") {
		t.Errorf("it ended as %+v", d)
	}
	after := time.Duration(500+len(greeting)/8+400+600) * time.Millisecond
	if before, left := loud(sound, 0, after-300*time.Millisecond), loud(sound, after-300*time.Millisecond, after+8*time.Second); before > 200 || left < 2000 {
		t.Errorf("%d ms were said into the greeting, and %d ms after it", before, left)
	}
}

// answers lets SIPp answer one call at address with steps of a scenario.
func answers(t *testing.T, at, steps string) (wait func()) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "scenario.xml")
	if err := os.WriteFile(file, []byte(`<?xml version="1.0"?><scenario name="answers">`+steps+`</scenario>`), 0o600); err != nil {
		t.Fatal(err)
	}
	ip, port, _ := net.SplitHostPort(at)
	c := exec.CommandContext(t.Context(), "sipp", "-sf", file, "-m", "1", "-i", ip, "-p", port, "-timeout", "30s", "-nostdin", "-trace_err")
	c.Dir = dir
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // it draws its screen all the time
		defer close(done)
		buf := make([]byte, 4096)
		for {
			if _, err := out.Read(buf); err != nil {
				return
			}
		}
	}()
	return func() {
		t.Helper()
		<-done
		if err := c.Wait(); err != nil {
			t.Errorf("SIPp: %v", err)
			errors, _ := filepath.Glob(filepath.Join(dir, "*_errors.log"))
			for _, name := range errors {
				text, _ := os.ReadFile(name)
				t.Logf("%.3000s", text)
			}
		}
	}
}

const (
	takesInvite = `<recv request="INVITE" crlf="true"/>`
	sippHead    = `
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
`
)

// says is a step of a scenario that answers the last request.
func says(status, more, body string) string {
	if body != "" {
		more += "Content-Type: application/sdp\n"
	}
	return `<send><![CDATA[
SIP/2.0 ` + status + sippHead + more + `Content-Length: [len]

` + body + `
]]></send>`
}

const (
	takesACK = `<recv request="ACK" crlf="true"/>`
	sippSDP  = `v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000`
)

// ringsOn are steps of a telephone that rings until the caller gives up.
var ringsOn = takesInvite + says("180 Ringing", "", "") +
	`<recv request="CANCEL" crlf="true"/>` + says("200 OK", "", "") +
	`<send><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
CSeq: [cseq] INVITE
Content-Length: 0

]]></send>` + takesACK

func TestWhyNobodyTookTheCall(t *testing.T) {
	for name, tt := range map[string]struct {
		steps, more, result string
	}{
		"busy":               {takesInvite + says("180 Ringing", "", "") + says("486 Busy Here", "", "") + takesACK, "", "busy"},
		"declined":           {takesInvite + says("603 Decline", "", "") + takesACK, "", "declined"},
		"no number":          {takesInvite + says("404 Not Found", "", "") + takesACK, "", "unreachable"},
		"no codec":           {takesInvite + says("488 Not Acceptable Here", "", "") + takesACK, "", "unreachable"},
		"broken":             {takesInvite + says("500 Oops", "", "") + takesACK, "", "failed"},
		"it rings and rings": {ringsOn, `, "ring_seconds": 1`, "no_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := freeUDP(t)
			s := dialling(t, at, ", dial: {allow: {'1': 0}}", noVoice)
			wait := answers(t, at, tt.steps)
			id := s.dial(t, `{"to": "100"`+tt.more+`}`)
			if d := s.await(t, id, "ended", 10*time.Second); d.Result != tt.result {
				t.Errorf("it ended as %+v, not %s", d, tt.result)
			}
			wait()
			if got := s.metric(t, fmt.Sprintf(`frontdesk_calls_total{result="%s",transport="sip"}`, tt.result)); got != 1 {
				t.Errorf("%v such calls are counted", got)
			}
		})
	}
}

func TestATrunkThatAsksForAPasswordIsToldIt(t *testing.T) {
	t.Parallel()
	at := freeUDP(t)
	s := dialling(t, at, ", user: desk, password: hush-hush, dial: {allow: {'1': 0}}", noVoice)
	wait := answers(t, at, takesInvite+
		says("401 Unauthorized", "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"47ebe028\", algorithm=MD5, qop=\"auth\"\n", "")+takesACK+
		`<recv request="INVITE" crlf="true"><action>
<verifyauth assign_to="good" username="desk" password="hush-hush"/>
</action></recv>
<nop condexec="good" next="1"/>`+says("403 Forbidden", "", "")+takesACK+`<nop next="9"/><label id="1"/>`+says("200 OK", "", sippSDP)+takesACK+`<recv request="BYE" crlf="true"/>`+says("200 OK", "", "")+`<label id="9"/>`)
	id := s.dial(t, `{"to": "100", "screen": false}`)
	s.await(t, id, "talking", 10*time.Second)
	for body, want := range map[string]int{`{"keys": "12#"}`: 200, `{"keys": "x"}`: 400} {
		if d, status := s.api(t, "POST", "/v1/calls/"+id+"/keys", body); status != want {
			t.Errorf("%s: %d, %+v", body, status, d)
		}
	}
	if d, status := s.api(t, "POST", "/v1/calls/"+id+"/hangup", ""); status != http.StatusOK {
		t.Errorf("hanging up: %d, %+v", status, d)
	}
	wait()
	if d := s.await(t, id, "ended", 10*time.Second); d.Result != "hung_up" {
		t.Errorf("it ended as %+v", d)
	}
}

func TestOnlyWhatThePlanAllowsIsDialled(t *testing.T) {
	t.Parallel()
	s := dialling(t, "127.0.0.1:9", ", dial: {allow: {'+49': 0.02, '+491': 2}, deny: ['+49900'], calls_per_day: 2, spend_per_day: 1}", noVoice)
	for body, want := range map[string]string{
		`{"to": "+1 212 555 0100"}`:               "403 forbidden",
		`{"to": "+49 900 1234"}`:                  "403 forbidden",
		`{"to": "0049 30 1234"}`:                  "403 forbidden",
		`{"to": "sip:anna@example.com"}`:          "403 forbidden",
		`{"to": "+49170123"}`:                     "429 rate_limited", // a minute costs more than may be spent
		`{"to": "not a number"}`:                  "400 invalid_request",
		`{"to": "+4930123", "from": "1\r\nX: y"}`: "400 invalid_request",
		`{"to": "+4930123", "ring_seconds": 1e9}`: "400 invalid_request",
		`{"to": "+4930123", "trunk": "other"}`:    "404 not_found",
		`{"to": "+4930123", "agent": "nobody"}`:   "404 not_found",
		`{"too": "+4930123"}`:                     "400 invalid_request",
		`{"to": 7}`:                               "400 invalid_request",
		`{}`:                                      "400 invalid_request",
		``:                                        "400 invalid_request",
		`{"ticket": "T-999999"}`:                  "404 not_found",
	} {
		d, status := s.api(t, "POST", "/v1/calls", body)
		if got := fmt.Sprint(status, " ", d.Error.Code); got != want || d.Error.Message == "" {
			t.Errorf("%s: %s (%s), want %s", body, got, d.Error.Message, want)
		}
	}
	for path, want := range map[string]int{"/v1/calls/none": 404, "/v1/calls/none/hangup": 405} {
		if _, status := s.api(t, "GET", path, ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	s.dial(t, `{"to": "+4930123"}`) // the agent that was not there counted, too
	if d, status := s.api(t, "POST", "/v1/calls", `{"to": "+4930123"}`); status != http.StatusTooManyRequests {
		t.Errorf("one call too many in a day: %d, %+v", status, d)
	}
	resp, err := http.Post(s.url+"/v1/calls", "application/json", strings.NewReader(`{"to": "+4930123"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key: %d", resp.StatusCode)
	}
}

func TestItRegistersAtAPBX(t *testing.T) {
	t.Parallel()
	at := freeUDP(t)
	wait := answers(t, at, `<recv request="REGISTER" crlf="true"/>`+
		says("401 Unauthorized", "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"47ebe028\", algorithm=MD5, qop=\"auth\"\n", "")+
		`<recv request="REGISTER" crlf="true"><action><verifyauth assign_to="good" username="200" password="hush-hush"/></action></recv>
<nop condexec="good" next="1"/>`+says("403 Forbidden", "", "")+`<nop next="9"/><label id="1"/>`+
		says("200 OK", "Expires: 120\n", "")+`<label id="9"/>`)
	s := dialling(t, at, ", user: '200', password: hush-hush, register: true", noVoice)
	s.tells(t, `"msg":"registered","trunk":"out","for":120`)
	wait()
}
