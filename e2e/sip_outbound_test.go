package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/require"
)

const serverKey = "sk-test-server-key"

// startDialing starts a server with a trunk at address that dials, with more of the trunk's keys.
func startDialing(t *testing.T, address, trunk string, o ...func(*exec.Cmd)) *server {
	t.Helper()
	config := fmt.Sprintf("keys: [%s]\nsip: {listen: ['udp://%s'], ports: 32000-32999, trunks: [{name: out, server: '%s', agent: demo%s}]}\n",
		serverKey, freeSIPAddr(t), address, trunk)
	return start(t, append(o, configFile(t, config))...)
}

// outboundCall is a call as /v1/calls describes it.
type outboundCall struct {
	ID, Session, State, Result, Reason string
	MOS                                float64
	Error                              struct{ Code, Message string }
}

// callsAPI makes a request of the API of outbound calls.
func (s *server) callsAPI(t *testing.T, method, path, body string) (outboundCall, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+serverKey)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var c outboundCall
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		t.Fatalf("%s %s: %d, %v", method, path, resp.StatusCode, err)
	}
	return c, resp.StatusCode
}

// dial begins a call and returns its id.
func (s *server) dial(t *testing.T, body string) string {
	t.Helper()
	c, status := s.callsAPI(t, "POST", "/v1/calls", body)
	if status != http.StatusCreated || c.State != "ringing" || c.ID == "" {
		t.Fatalf("%s: %d, %+v", body, status, c)
	}
	return c.ID
}

// awaitState waits until a call is in a state.
func (s *server) awaitState(t *testing.T, id, state string) (c outboundCall) {
	t.Helper()
	eventually(t, "the call is "+state, func() bool {
		c, _ = s.callsAPI(t, "GET", "/v1/calls/"+id, "")
		return c.State == state
	})
	return c
}

func TestOutboundCallHoldsAConversation(t *testing.T) {
	t.Parallel()
	address := freeSIPAddr(t)
	s := startDialing(t, address, ", dial: {allow: {'+49': 0.02}}")
	phone := softphone{user: "+4930123", addr: address, codecs: "pcma", says: slices.Concat(
		pause(500*time.Millisecond, 8000), pcm(t, "Hello?", 8000), pause(7*time.Second, 8000),
		pcm(t, "How long does a refund take?", 8000), pause(40*time.Second, 8000))}
	phone.begin(t)
	id := s.dial(t, `{"to": "+49 30 123", "greeting": "Good morning, this is the shop. You asked us to call you back."}`)
	s.awaitState(t, id, "talking")
	s.awaitTurn(t, "refund")
	heard := phone.quit(t)
	c := s.awaitState(t, id, "ended")
	if c.Result != "hung_up" || c.MOS < 4 {
		t.Errorf("the call ended as %+v, want hung_up and a MOS of at least 4", c)
	}
	if greeting, answer := audibleTime(heard, 0, 8*time.Second), audibleTime(heard, 10*time.Second, length(heard)); greeting < 2000 || answer < 2000 {
		t.Errorf("the callee heard %d ms of the greeting and %d ms of the answer", greeting, answer)
	}
}

func TestMessageIsLeftAfterTheBeepOfAnAnsweringMachine(t *testing.T) {
	t.Parallel()
	address := freeSIPAddr(t)
	s := startDialing(t, address, ", dial: {allow: {'+49': 0}}")
	beep := tone(1000, 600*time.Millisecond, 9000)
	greeting := pcm(t, "Hello. You have reached Anna Miller. I cannot take your call right now. Please leave a message after the tone.", 8000)
	machine := softphone{user: "+4930124", addr: address, codecs: "pcmu", says: slices.Concat(
		pause(500*time.Millisecond, 8000), greeting, pause(400*time.Millisecond, 8000), beep, pause(40*time.Second, 8000))}
	machine.begin(t)
	id := s.dial(t, `{"to": "+4930124", "message": "This is the shop. Your repair is ready. Please call us back."}`)
	c := s.awaitState(t, id, "ended")
	heard := machine.quit(t)
	if c.Result != "machine" || !strings.Contains(c.Reason, "the message was left") {
		t.Errorf("the call ended as %+v", c)
	}
	beepEnd := time.Duration(500+len(greeting)/8+400+600) * time.Millisecond
	before, after := audibleTime(heard, 0, beepEnd-300*time.Millisecond), audibleTime(heard, beepEnd-300*time.Millisecond, beepEnd+8*time.Second)
	if before > 200 || after < 2000 {
		t.Errorf("the agent spoke for %d ms before the end of the beep and for %d ms after it", before, after)
	}
}

const challenge = "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"47ebe028\", algorithm=MD5, qop=\"auth\"\n"

func TestOutboundCallEndsWithTheReasonItWasNotAnswered(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		steps, more, result string
	}{
		"busy":            {expectInvite + respond("180 Ringing", "", "") + respond("486 Busy Here", "", "") + expectACK, "", "busy"},
		"declined":        {expectInvite + respond("603 Decline", "", "") + expectACK, "", "declined"},
		"unknown number":  {expectInvite + respond("404 Not Found", "", "") + expectACK, "", "unreachable"},
		"no common codec": {expectInvite + respond("488 Not Acceptable Here", "", "") + expectACK, "", "unreachable"},
		"server error":    {expectInvite + respond("500 Oops", "", "") + expectACK, "", "failed"},
		"not answered":    {ringUntilCancelled, `, "ring_seconds": 1`, "no_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeSIPAddr(t)
			s := startDialing(t, address, ", dial: {allow: {'1': 0}}", noVoice)
			wait := sippAnswer(t, address, tt.steps)
			id := s.dial(t, `{"to": "100"`+tt.more+`}`)
			if c := s.awaitState(t, id, "ended"); c.Result != tt.result {
				t.Errorf("the call ended as %+v, want %s", c, tt.result)
			}
			wait()
			if got := s.metric(t, fmt.Sprintf(`frontdesk_calls_total{result="%s",transport="sip"}`, tt.result)); got != 1 {
				t.Errorf("%v calls are counted as %s, want 1", got, tt.result)
			}
		})
	}
}

func TestOutboundCallAnswersAnAuthenticationChallenge(t *testing.T) {
	t.Parallel()
	address := freeSIPAddr(t)
	s := startDialing(t, address, ", user: desk, password: hush-hush, dial: {allow: {'1': 0}}", noVoice)
	wait := sippAnswer(t, address, expectInvite+
		respond("401 Unauthorized", challenge, "")+expectACK+
		`<recv request="INVITE" crlf="true"><action>
<verifyauth assign_to="good" username="desk" password="hush-hush"/>
</action></recv>
<nop condexec="good" next="1"/>`+respond("403 Forbidden", "", "")+expectACK+`<nop next="9"/><label id="1"/>`+respond("200 OK", "", pcmuSDP)+expectACK+expectBye+respond("200 OK", "", "")+`<label id="9"/>`)
	id := s.dial(t, `{"to": "100", "screen": false}`)
	s.awaitState(t, id, "talking")
	for body, want := range map[string]int{`{"keys": "12#"}`: 200, `{"keys": "x"}`: 400} {
		if c, status := s.callsAPI(t, "POST", "/v1/calls/"+id+"/keys", body); status != want {
			t.Errorf("keys %s: %d, want %d: %+v", body, status, want, c)
		}
	}
	if c, status := s.callsAPI(t, "POST", "/v1/calls/"+id+"/hangup", ""); status != http.StatusOK {
		t.Errorf("hanging up: %d, %+v", status, c)
	}
	wait()
	if c := s.awaitState(t, id, "ended"); c.Result != "hung_up" {
		t.Errorf("the call ended as %+v, want hung_up", c)
	}
}

func TestDialPlanRefusesWhatItDoesNotAllow(t *testing.T) {
	t.Parallel()
	s := startDialing(t, "127.0.0.1:9", ", dial: {allow: {'+49': 0.02, '+491': 2}, deny: ['+49900'], calls_per_day: 2, spend_per_day: 1}", noVoice)
	for body, want := range map[string]string{
		`{"to": "+1 212 555 0100"}`:               "403 forbidden",
		`{"to": "+49 900 1234"}`:                  "403 forbidden",
		`{"to": "0049 30 1234"}`:                  "403 forbidden",
		`{"to": "sip:anna@example.com"}`:          "403 forbidden",
		`{"to": "+49170123"}`:                     "429 rate_limited", // one minute costs more than the daily budget
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
		c, status := s.callsAPI(t, "POST", "/v1/calls", body)
		if got := fmt.Sprint(status, " ", c.Error.Code); got != want || c.Error.Message == "" {
			t.Errorf("%s: %s (%s), want %s", body, got, c.Error.Message, want)
		}
	}
	for path, want := range map[string]int{"/v1/calls/none": 404, "/v1/calls/none/hangup": 405} {
		if _, status := s.callsAPI(t, "GET", path, ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	s.dial(t, `{"to": "+4930123"}`) // the call of the unknown agent counted, too
	if c, status := s.callsAPI(t, "POST", "/v1/calls", `{"to": "+4930123"}`); status != http.StatusTooManyRequests {
		t.Errorf("a call over the daily limit: %d, %+v", status, c)
	}
	resp, err := http.Post(s.url+"/v1/calls", "application/json", strings.NewReader(`{"to": "+4930123"}`))
	require.NoError(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a call without a server key: %d", resp.StatusCode)
	}
}

func TestServerRegistersAtATrunk(t *testing.T) {
	t.Parallel()
	address := freeSIPAddr(t)
	wait := sippAnswer(t, address, `<recv request="REGISTER" crlf="true"/>`+
		respond("401 Unauthorized", challenge, "")+
		`<recv request="REGISTER" crlf="true"><action><verifyauth assign_to="good" username="200" password="hush-hush"/></action></recv>
<nop condexec="good" next="1"/>`+respond("403 Forbidden", "", "")+`<nop next="9"/><label id="1"/>`+
		respond("200 OK", "Expires: 120\n", "")+`<label id="9"/>`)
	s := startDialing(t, address, ", user: '200', password: hush-hush, register: true", noVoice)
	s.awaitLog(t, `"msg":"registered","trunk":"out","for":120`)
	wait()
}
