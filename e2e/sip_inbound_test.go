package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// awaitHangUps waits until at least least calls have hung up and no call is active. It fails
// the test if more than most calls hung up, or a call ended with another result.
func (s *server) awaitHangUps(t *testing.T, least, most float64) {
	t.Helper()
	const active, hungUp = `frontdesk_calls_active{transport="sip"}`, `frontdesk_calls_total{result="hung_up",transport="sip"}`
	eventually(t, fmt.Sprintf("no call is active and %v have hung up", least), func() bool {
		return s.metric(t, active) == 0 && s.metric(t, hungUp) >= least
	})
	if body, _ := s.get(t, "/metrics"); s.metric(t, hungUp) > most || strings.Count(body, "\nfrontdesk_calls_total{") != 1 {
		_, counts, _ := strings.Cut(body, "# TYPE frontdesk_calls_total")
		t.Fatalf("calls ended as %.500s", counts)
	}
}

func TestInboundCallsFollowTheirSignalling(t *testing.T) {
	t.Parallel()
	const (
		tag      = `<ereg regexp="tag=[^;]+" search_in="hdr" header="To:" check_it="true" assign_to="%s"/></action>`
		sameTag  = `<assignstr assign_to="both" value="[$first] [$second]"/><ereg regexp="^(.+) \1$" search_in="var" variable="both" check_it="true" assign_to="found"/></action>`
		refresh  = "Supported: timer\nSession-Expires: 100;refresher=uac\n"
		tooShort = "Supported: timer\nSession-Expires: 30\n"
		noRTPMap = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio [media_port] RTP/AVP 0"
	)
	withTag := func(step, variable string) string {
		return strings.Replace(step, `</action>`, fmt.Sprintf(tag, variable), 1)
	}
	established := invite(1, "", pcmuSDP) + expectResponse("200", "a=sendrecv") + inDialog("ACK", 1, "", "")
	for name, tt := range map[string]struct{ steps, flags string }{
		"hold and resume": {established +
			inDialog("INVITE", 2, "", pcmuSDP+"\na=sendonly") + expectResponse("200", "a=recvonly") + inDialog("ACK", 2, "", "") +
			inDialog("INVITE", 3, "", pcmuSDP+"\na=sendrecv") + expectResponse("200", "a=sendrecv") + inDialog("ACK", 3, "", "") + hangUp(4), ""},
		"INVITE retransmitted, ACK late": {invite(1, "", pcmuSDP) + `<recv response="180"/>` + invite(1, "", pcmuSDP) +
			withTag(expectResponse("200"), "first") + strings.Replace(withTag(expectResponse("200"), "second"), `</action>`, sameTag, 1) +
			inDialog("ACK", 1, "", "") + hangUp(2), "-nr"},
		"hold, response to the re-INVITE lost": {established + inDialog("INVITE", 2, "", pcmuSDP+"\na=sendonly") +
			expectResponse("200", "a=recvonly") + expectResponse("200", "a=recvonly") + inDialog("ACK", 2, "", "") + hangUp(3), "-nr"},
		"BYE before the ACK": {invite(1, "", pcmuSDP) + expectResponse("200") + hangUp(2), ""},
		"session timer, refreshed and too short": {invite(1, tooShort, pcmuSDP) + expectResponse("422", "Min-SE: 90") + inDialog(ackFailure, 1, "", "") +
			invite(2, refresh, pcmuSDP) + expectResponse("200", "Session-Expires: 100;refresher=uac", "Require: timer") + inDialog("ACK", 2, "", "") +
			inDialog("UPDATE", 3, refresh, "") + expectResponse("200", "Session-Expires: 100;refresher=uac", "3 UPDATE") +
			inDialog("UPDATE", 4, tooShort, "") + expectResponse("422", "Min-SE: 90") + hangUp(5), ""},
		"INVITE without an offer": {invite(1, "", "") + expectResponse("200", "m=audio [1-9][0-9]* RTP/AVP .*PCMU/8000") + inDialog("ACK", 1, "", pcmuSDP) +
			hangUp(2), ""},
		"INVITE without an offer, UPDATE crosses ours": {invite(1, "", "") + expectResponse("200", "PCMU/8000") + inDialog("UPDATE", 2, "", noRTPMap) + expectResponse("491") +
			inDialog("ACK", 1, "", pcmuSDP) + hangUp(3), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, address := startSIP(t, "127.0.0.0/8", noVoice)
			sippCall(t, address, tt.steps, strings.Fields(tt.flags)...)()
			s.awaitHangUps(t, 1, 1)
		})
	}
}

func TestCancelledCallsLeaveNoCall(t *testing.T) {
	t.Parallel()
	s, address := startSIP(t, "127.0.0.0/8", noVoice, unlimited)
	const ok = `<recv response="200" next="%s" test="answered"><action>
<ereg regexp="To: [^;]*(;tag=[^;[:space:]]+).*CSeq: 1 INVITE" search_in="msg" assign_to="answered,tag"/><ereg regexp="." search_in="msg" assign_to="found"/></action></recv>`
	steps := sippRequest("CANCEL", 1, "", "", "") +
		provisional + `<recv response="487" optional="true" next="2"/>` + fmt.Sprintf(ok, "1") + // to the CANCEL, or else to the INVITE
		provisional + `<recv response="487" optional="true" next="3"/>` + fmt.Sprintf(ok, "4") +
		`<label id="1"/>` + expectResponse("200", "CANCEL") +
		`<label id="4"/>` + sippRequest("ACK", 1, "[$tag]", "", "") + sippRequest("BYE", 2, "[$tag]", "", "") + expectResponse("200", "BYE") + `<nop next="9"/>
<label id="2"/>` + expectResponse("200", "CANCEL") + `<label id="3"/>` + inDialog(ackFailure, 1, "", "") + `<label id="9"/>`
	for _, before := range []string{"", `<recv response="180"/><pause distribution="uniform" min="0" max="4"/>`} {
		sippCall(t, address, invite(1, "", pcmuSDP)+before+steps, "-m", "40", "-r", "40", "-nr", "-default_behaviors", "all,-abortunexp")()
	}
	s.awaitHangUps(t, 40, 80) // a CANCEL before the call rings leaves no call to count
}

func TestOnlyCallersWithThePasswordAreAnswered(t *testing.T) {
	t.Parallel()
	address := freeSIPAddr(t)
	s := start(t, noVoice, configFile(t, fmt.Sprintf(
		"sip: {listen: ['udp://%s'], ports: 34000-34999, trunks: [{name: away, user: anna, password: hush-hush, agent: demo}]}\n", address)))
	call := func(password string) string {
		return invite(1, "", pcmuSDP) + expectResponse("401", "Digest realm=") + inDialog(ackFailure, 1, "", "") +
			invite(2, "[authentication username=anna password="+password+"]\n", pcmuSDP)
	}
	sippCall(t, address, call("hush")+expectResponse("401")+inDialog(ackFailure, 2, "", ""))()
	if n := s.metric(t, `frontdesk_calls_active{transport="sip"}`); n > 0 {
		t.Errorf("%v calls are active after a wrong password", n)
	}
	sippCall(t, address, call("hush-hush")+expectResponse("200")+inDialog("ACK", 2, "", "")+hangUp(3))()
	s.awaitHangUps(t, 1, 1)
}

func TestCallContinuesWhenAnotherIsRefusedAtTheLimit(t *testing.T) {
	t.Parallel()
	s, address := startSIP(t, "127.0.0.0/8", noVoice, env("FRONTDESK_LIMITS_CALLS=1"))
	otherCall := func(step string) string { return strings.ReplaceAll(step, "Call-ID: ", "Call-ID: other///") }
	steps := invite(1, "", pcmuSDP) + strings.Replace(expectResponse("200"), `</action>`,
		`<ereg regexp=";tag=[^;]+" search_in="hdr" header="To:" check_it="true" assign_to="tag"/></action>`, 1) + inDialog("ACK", 1, "", "") +
		otherCall(invite(2, "", pcmuSDP)+expectResponse("503", "Retry-After: [1-9]")+inDialog(ackFailure, 2, "", "")) +
		sippRequest("INFO", 3, "[$tag]", "", "") + expectResponse("200", "INFO") + sippRequest("BYE", 4, "[$tag]", "", "") + expectResponse("200", "BYE")
	sippCall(t, address, steps)()
	s.awaitHangUps(t, 1, 1)
}

func TestDTMFInINFORequestsReachesTheConversation(t *testing.T) {
	t.Parallel()
	s, address := startSIP(t, "127.0.0.0/8", noVoice)
	steps := invite(1, "", pcmuSDP) + expectResponse("200") + inDialog("ACK", 1, "", "")
	cseq := 1
	for _, digit := range "47329#" {
		cseq++
		steps += inDialog("INFO", cseq, "Content-Type: application/dtmf-relay\n", fmt.Sprintf("Signal=%c\nDuration=160", digit)) + expectResponse("200", "INFO")
	}
	steps += `<recv request="BYE"/>` + respondInDialog("200 OK")
	wait := sippCall(t, address, steps)
	s.awaitTurn(t, `"47329#"`)
	s.stop(t)
	wait()
}

// refer has the server's only call transferred with a server key, and returns the HTTP
// status. The server answers 400 until the conversation has begun.
func (s *server) refer(t *testing.T, to string) (status int) {
	t.Helper()
	s.awaitLog(t, `"msg":"call started"`)
	_, rest, _ := strings.Cut(s.logs.String(), `"msg":"call started","call":"`)
	id, _, _ := strings.Cut(rest, `"`)
	header := bearer(serverKey)
	eventually(t, "the call can be transferred", func() bool {
		resp, _ := s.post(t, "/v1/realtime/calls/"+id+"/refer", "", strings.NewReader(`{"target_uri": "`+to+`"}`), header)
		status = resp.StatusCode
		return status != http.StatusBadRequest
	})
	return status
}

func TestBlindTransferFollowsTheNetworksNotifications(t *testing.T) {
	t.Parallel()
	notify := func(cseq int, sipfrag string) string {
		return inDialog("NOTIFY", cseq, "Event: refer\nSubscription-State: active\nContent-Type: message/sipfrag\n", sipfrag) + expectResponse("200", "NOTIFY")
	}
	established := invite(1, "", pcmuSDP) + expectResponse("200") + inDialog("ACK", 1, "", "")
	expectRefer := `<recv request="REFER"><action><ereg regexp="sip:200@" search_in="hdr" header="Refer-To:" check_it="true" assign_to="found"/></action></recv>`
	for name, tt := range map[string]struct {
		steps  string
		status int
		result string
	}{
		"the target answers": {established + expectRefer + respondInDialog("202 Accepted") + notify(2, "SIP/2.0 100 Trying") + notify(3, "SIP/2.0 200 OK") +
			`<recv request="BYE"/>` + respondInDialog("200 OK"), 200, "transferred"},
		"the target is busy":            {established + expectRefer + respondInDialog("202 Accepted") + notify(2, "SIP/2.0 486 Busy Here") + hangUp(3), 409, "hung_up"},
		"the network supports no REFER": {established + expectRefer + respondInDialog("405 Method Not Allowed") + hangUp(2), 409, "hung_up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, address := startSIP(t, "127.0.0.0/8", noVoice, env("FRONTDESK_KEYS="+serverKey))
			wait := sippCall(t, address, tt.steps)
			if got := s.refer(t, "sip:200@127.0.0.1"); got != tt.status {
				t.Errorf("the transfer is answered with %d, want %d", got, tt.status)
			}
			wait()
			s.awaitMetric(t, `frontdesk_calls_total{result="`+tt.result+`",transport="sip"}`, 1)
		})
	}
}
