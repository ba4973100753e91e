package e2e

import (
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"frontdesk/internal/require"
)

// startSIP starts a server that takes telephone calls from the allowed network, and returns
// its SIP address.
func startSIP(t *testing.T, allow string, o ...func(*exec.Cmd)) (*server, string) {
	t.Helper()
	address := freeSIPAddr(t)
	config := fmt.Sprintf("sip: {listen: ['udp://%s', 'tcp://%[1]s'], ports: 30000-30999, trunks: [{name: here, allow: ['%s'], agent: demo}]}\n", address, allow)
	return start(t, append(o, configFile(t, config))...), address
}

// configFile makes a server read this configuration.
func configFile(t *testing.T, yaml string) func(*exec.Cmd) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "frontdesk.yaml")
	require.NoError(t, os.WriteFile(path, []byte(yaml), 0o600))
	return args("--config", path)
}

// nextPort counts up below the ports that the system gives to outgoing connections.
var nextPort atomic.Int32

// freeSIPAddr is an address of this machine with free ports: over UDP and TCP, and over TCP
// at the port above it, which softphones open for TLS.
func freeSIPAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := 24000 + int(nextPort.Add(2))%6000
		address, above := fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", port+1)
		udp, err1 := net.ListenPacket("udp4", address)
		tcp, err2 := net.Listen("tcp4", address)
		tls, err3 := net.Listen("tcp4", above)
		for _, c := range []io.Closer{udp, tcp, tls} {
			if c != nil { // it could be opened
				_ = c.Close()
			}
		}
		if err1 == nil && err2 == nil && err3 == nil {
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// turns are the records of the turns in the server's store.
func (s *server) turns(t *testing.T) string {
	t.Helper()
	return s.entries(t, "turn")
}

// entries are the bodies of all entries of a kind in the server's store.
func (s *server) entries(t *testing.T, kind string) string {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.data, "frontdesk.db"))
	require.NoError(t, err)
	defer db.Close()
	rows, err := db.Query(`SELECT body FROM entries WHERE kind = ?`, kind)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var body string
		require.NoError(t, rows.Scan(&body))
		all = append(all, body)
	}
	require.NoError(t, rows.Err())
	return strings.Join(all, "\n")
}

// awaitTurn waits until a turn is over in whose record all of the words occur.
func (s *server) awaitTurn(t *testing.T, words ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("a turn with %q is over", words), func() bool {
		turns := strings.ToLower(s.turns(t))
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(turns, w) })
	})
}

func TestTelephoneCallerAsksAndHearsTheAnswer(t *testing.T) {
	t.Parallel()
	for name, phone := range map[string]*softphone{
		"PCMU":           {codecs: "pcmu", rate: 8000},
		"G.722 and SRTP": {codecs: "g722", rate: 16000, params: ";mediaenc=srtp-mand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, address := startSIP(t, "127.0.0.0/8")
			phone.user, phone.dials = "caller", "sip:desk@"+address
			phone.says = slices.Concat(pause(5*time.Second, phone.rate), pcm(t, "How long does a refund take?", phone.rate), pause(30*time.Second, phone.rate))
			phone.begin(t)
			s.awaitTurn(t, "refund")
			heard := phone.quit(t)
			if greeting, answer := audibleTime(heard, 0, 5*time.Second), audibleTime(heard, 8*time.Second, length(heard)); greeting < 1500 || answer < 2000 {
				t.Errorf("the caller heard %d ms of the greeting and %d ms of the answer", greeting, answer)
			}
			s.awaitLog(t, `"msg":"call ended"`)
			want, got := s.replies(t), recognize(t, heard[8000*7:])
			if right := commonWords(want, got); len(want) < 8 || right*3 < len(want) {
				t.Errorf("of the reply %q, %d words were recognized in %q", want, right, got)
			}
		})
	}
}

func TestManyTelephonesCallAndHangUp(t *testing.T) {
	t.Parallel()
	s, address := startSIP(t, "127.0.0.0/8", noVoice)
	c := exec.CommandContext(t.Context(), "sipp", "-sn", "uac", "-m", "40", "-r", "20", "-d", "500", "-i", "127.0.0.1", "-timeout", "40s", "-nostdin", address)
	c.Dir = t.TempDir()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.awaitMetric(t, `frontdesk_calls_total{result="hung_up",transport="sip"}`, 40)
}

// awaitMetric waits until a series at /metrics has a value.
func (s *server) awaitMetric(t *testing.T, series string, want float64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s is %v", series, want), func() bool { return s.metric(t, series) == want })
}

// exchangeSIP sends a SIP request from ip and returns the status line of the first final
// response, "" when there is none within a second.
func exchangeSIP(t *testing.T, ip, address, request string) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	require.NoError(t, err)
	defer c.Close()
	to, err := net.ResolveUDPAddr("udp4", address)
	require.NoError(t, err)
	request = strings.ReplaceAll(strings.ReplaceAll(request, "HERE", c.LocalAddr().String()), "\n", "\r\n")
	if _, err := c.WriteTo([]byte(request), to); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			return ""
		}
		if status, _, _ := strings.Cut(string(buf[:n]), "\r\n"); !strings.HasPrefix(status, "SIP/2.0 1") {
			return status
		}
	}
}

// sipRequest is what follows the method of a request, in %[1]s the call's id, %[2]s
// parameters of To, %[3]s the method, %[4]d the body's length and %[5]s the body.
const sipRequest = ` sip:desk@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP HERE;branch=z9hG4bK%[1]s
Max-Forwards: 70
From: <sip:caller@HERE>;tag=%[1]s
To: <sip:desk@127.0.0.1>%[2]s
Call-ID: %[1]s
CSeq: 1 %[3]s
Contact: <sip:caller@HERE>
Content-Type: application/sdp
Content-Length: %[4]d

%[5]s`

func TestSIPRequestsAreAnsweredOrIgnored(t *testing.T) {
	t.Parallel()
	_, address := startSIP(t, "127.0.0.1/32", noVoice)
	const g729 = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n"
	for name, tt := range map[string]struct {
		from, method, to, body, want string
	}{
		"OPTIONS":                            {"127.0.0.1", "OPTIONS", "", "", "SIP/2.0 200 OK"},
		"OPTIONS from an unknown address":    {"127.0.0.2", "OPTIONS", "", "", ""},
		"INVITE from an unknown address":     {"127.0.0.2", "INVITE", "", g729, ""},
		"INVITE with an unsupported codec":   {"127.0.0.1", "INVITE", "", g729, "SIP/2.0 488 "},
		"INVITE with a malformed SDP":        {"127.0.0.1", "INVITE", "", "hello", "SIP/2.0 400 "},
		"BYE of an unknown call":             {"127.0.0.1", "BYE", ";tag=x", "", "SIP/2.0 481 "},
		"re-INVITE of an unknown call":       {"127.0.0.1", "INVITE", ";tag=x", g729, "SIP/2.0 481 "},
		"request with an unsupported method": {"127.0.0.1", "SUBSCRIBE", "", "", "SIP/2.0 405 "},
	} {
		id := strings.ReplaceAll(name, " ", "")
		request := tt.method + fmt.Sprintf(sipRequest, id, tt.to, tt.method, len(tt.body), tt.body)
		got := exchangeSIP(t, tt.from, address, strings.ReplaceAll(request, "\r\n", "\n"))
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: answered with %q, want %q", name, got, tt.want)
		}
	}
	for _, junk := range []string{"", "\n", "INVITE", "INVITE sip:x SIP/2.0\n\n", "SIP/2.0 200 OK\n\n", strings.Repeat("x", 3000)} {
		sendSIP(t, address, junk)
	}
	if got := exchangeSIP(t, "127.0.0.1", address, "OPTIONS"+fmt.Sprintf(sipRequest, "after", "", "OPTIONS", 0, "")); got != "SIP/2.0 200 OK" {
		t.Errorf("after malformed messages OPTIONS is answered with %q", got)
	}
}

// sendSIP sends a message and waits for no response.
func sendSIP(t *testing.T, address, message string) {
	t.Helper()
	c, err := net.Dial("udp4", address)
	require.NoError(t, err)
	defer c.Close()
	_, _ = c.Write([]byte(strings.ReplaceAll(message, "\n", "\r\n")))
}
