package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// startSIPp runs the steps of a SIPp scenario. The function it returns waits for their end
// and fails the test when a step failed.
func startSIPp(t *testing.T, steps string, args ...string) (wait func()) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "scenario.xml")
	scenario := `<?xml version="1.0"?><scenario name="test">` + steps + `</scenario>`
	require.NoError(t, os.WriteFile(file, []byte(scenario), 0o600))
	c := exec.CommandContext(t.Context(), "sipp", append([]string{"-sf", file, "-m", "1", "-nostdin", "-trace_err"}, args...)...)
	c.Dir = dir
	require.NoError(t, c.Start())
	return func() {
		t.Helper()
		if err := c.Wait(); err != nil {
			logs, _ := filepath.Glob(filepath.Join(dir, "*_errors.log"))
			for _, name := range logs {
				text, _ := os.ReadFile(name)
				t.Logf("%.3000s", text)
			}
			t.Fatalf("SIPp: %v", err)
		}
	}
}

// sippCall lets SIPp call address with the steps of a scenario and additional flags.
func sippCall(t *testing.T, address, steps string, flags ...string) (wait func()) {
	t.Helper()
	args := append([]string{"-i", "127.0.0.1", "-timeout", "20s", "-timeout_error"}, flags...)
	return startSIPp(t, steps+`<Reference variables="found"/>`, append(args, address)...)
}

// sippAnswer lets SIPp answer one call at address with the steps of a scenario.
func sippAnswer(t *testing.T, address, steps string) (wait func()) {
	t.Helper()
	ip, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	return startSIPp(t, steps, "-i", ip, "-p", port, "-timeout", "30s")
}

// sippRequest is a step that sends a request. method may be ackFailure, the ACK of a
// final response other than 2xx.
func sippRequest(method string, cseq int, toParams, header, body string) string {
	branch := fmt.Sprint(cseq)
	switch method {
	case "INVITE", "CANCEL": // a CANCEL has the branch of its INVITE
	case ackFailure:
		method = "ACK"
	default:
		branch += method
	}
	if body != "" && !strings.Contains(header, "Content-Type:") {
		header += "Content-Type: application/sdp\n"
	}
	return `<send><![CDATA[
` + method + ` sip:desk@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[pid]-[call_number]-` + branch + `
Max-Forwards: 70
From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
To: <sip:desk@[remote_ip]:[remote_port]>` + toParams + `
Call-ID: [call_id]
CSeq: ` + fmt.Sprint(cseq) + ` ` + method + `
Contact: <sip:caller@[local_ip]:[local_port]>
` + header + `Content-Length: [len]

` + body + `
]]></send>`
}

const ackFailure = "ACK of a failure"

// invite is a step that sends the first INVITE of a call.
func invite(cseq int, header, body string) string {
	return sippRequest("INVITE", cseq, "", header, body)
}

// inDialog is a step that sends an in-dialog request.
func inDialog(method string, cseq int, header, body string) string {
	return sippRequest(method, cseq, "[peer_tag_param]", header, body)
}

// expectResponse are steps that receive a final response in which all of the patterns,
// extended regular expressions, occur.
func expectResponse(status string, patterns ...string) string {
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

// hangUp are steps that end a call.
func hangUp(cseq int) string {
	return inDialog("BYE", cseq, "", "") + expectResponse("200", "BYE")
}

const provisional = `<recv response="100" optional="true"/><recv response="180" optional="true"/>`

// respond is a step that answers the request received last.
func respond(status, header, body string) string { return response(status, toTag, header, body) }

// respondInDialog answers a request whose To header has its tag already.
func respondInDialog(status string) string { return response(status, "", "", "") }

const toTag = ";tag=[pid]SIPp[call_number]"

func response(status, tag, header, body string) string {
	if body != "" {
		header += "Content-Type: application/sdp\n"
	}
	return `<send><![CDATA[
SIP/2.0 ` + status + `
[last_Via:]
[last_From:]
[last_To:]` + tag + `
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
` + header + `Content-Length: [len]

` + body + `
]]></send>`
}

const (
	expectInvite = `<recv request="INVITE" crlf="true"/>`
	expectACK    = `<recv request="ACK" crlf="true"/>`
	expectBye    = `<recv request="BYE" crlf="true"/>`

	pcmuSDP = `v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000`
)

// ringUntilCancelled are the steps of a telephone that rings until the caller cancels.
var ringUntilCancelled = expectInvite + respond("180 Ringing", "", "") +
	`<recv request="CANCEL" crlf="true"/>` + respond("200 OK", "", "") +
	`<send><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
CSeq: [cseq] INVITE
Content-Length: 0

]]></send>` + expectACK
