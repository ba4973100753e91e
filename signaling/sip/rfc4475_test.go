package sip

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/require"
)

// torture maps the messages of RFC 4475 to the statuses that we may respond with; none means
// no response. We are not a registrar, and refuse an INVITE as in RFC 2543, without the tag
// that RFC 3261 demands.
var torture = map[string][]int{
	// 3.1.1, valid messages
	"wsinv": {481}, "intmeth": {405, 501}, "esc01": {200}, "escnull": {405}, "esc02": {405, 501}, "lwsdisp": {200},
	"longreq": {200}, "dblreq": {405}, "semiuri": {200}, "transports": {200}, "mpart01": {405}, "unreason": nil, "noreason": nil,
	// 3.1.2, invalid messages
	"badinv01": {400}, "clerr": {400}, "ncl": {400}, "scalar02": {400}, "scalarlg": nil, "quotbal": {400}, "ltgtruri": {400},
	"lwsruri": {400}, "lwsstart": {400}, "trws": {400}, "escruri": {400}, "baddate": {400, 200}, "regbadct": {400, 405}, "badaspec": {400, 200},
	"baddn": {400, 200}, "badvers": {505}, "mismatch01": {400}, "mismatch02": {400, 501}, "bigcode": nil,
	// 3.2 to 3.4: transactions, applications, RFC 2543
	"badbranch": {200, 400}, "insuf": {400}, "unkscm": {416}, "novelsc": {416}, "unksm2": {400, 405}, "bext01": {420}, "invut": {415},
	"regaut01": {401, 405}, "multi01": {400}, "mcl01": {400}, "bcast": nil, "zeromf": {200, 483}, "cparam01": {405}, "cparam02": {405},
	"regescrt": {405}, "sdp01": {406}, "inv2543": {400},
}

// tortureMessages returns the messages of RFC 4475, which sipgo's test data contains.
func tortureMessages(t *testing.T) map[string][]byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/emiago/sipgo").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "sip", "testdata", "torture", "*", "*.dat"))
	require.NoError(t, err)
	messages := make(map[string][]byte)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if !bytes.Contains(text, []byte("\r\n\r\n")) {
			text = append(text, "\r\n"...) // one file lacks the empty line at its end
		}
		// Nothing may be sent to the addresses in the messages.
		messages[strings.TrimSuffix(filepath.Base(file), ".dat")] = bytes.ReplaceAll(text, []byte("192.0.2."), []byte("127.0.0."))
	}
	for name := range torture {
		if messages[name] == nil {
			t.Fatalf("sipgo's test data has no message %s", name)
		}
	}
	return messages
}

// finalResponse waits for a final response. It returns status 0 if none comes in time.
func finalResponse(t *testing.T, c net.Conn, wait time.Duration) (status int, text string) {
	t.Helper()
	buf := make([]byte, 65535)
	_ = c.SetReadDeadline(time.Now().Add(wait))
	for {
		n, err := c.Read(buf)
		if err != nil {
			return 0, ""
		}
		fields := strings.Fields(string(buf[:n]))
		status, err := strconv.Atoi(fields[1])
		if err != nil || fields[0] != "SIP/2.0" {
			t.Fatalf("got %q, want a response", buf[:n])
		}
		if status >= 200 {
			return status, string(buf[:n])
		}
	}
}

// waitFor returns how long to wait for a response with one of the wanted statuses.
func waitFor(want ...int) time.Duration {
	if len(want) == 0 || want[0] == 0 {
		return 500 * time.Millisecond // none is expected
	}
	return testTimeout
}

// checkStatus reports an error if status is not one of want. An empty want means no response.
func checkStatus(t *testing.T, status int, want []int, text string) {
	t.Helper()
	if len(want) == 0 && status != 0 || len(want) > 0 && !slices.Contains(want, status) {
		t.Errorf("got response %d, want %v\n%s", status, want, text)
	}
}

// options returns an OPTIONS request for a connection.
func options(c net.Conn, network string) []byte {
	return []byte(strings.ReplaceAll("OPTIONS sip:desk@127.0.0.1 SIP/2.0\nVia: SIP/2.0/"+network+" "+c.LocalAddr().String()+
		";branch=z9hG4bKafter\nFrom: <sip:a@127.0.0.1>;tag=1\nTo: <sip:desk@127.0.0.1>\nCall-ID: after\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n", "\n", "\r\n"))
}

func TestTortureMessagesGetTheRightResponse(t *testing.T) {
	messages := tortureMessages(t)
	host := byte(10)
	for name, want := range torture {
		host++
		// Wherever they come from, their Via asks for a response to this port.
		from := &net.UDPAddr{IP: net.IPv4(127, 0, 0, host), Port: defaultPort}
		if name == "quotbal" {
			from.Port = 5050
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each with its own server, because several have the same branch
			s, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", Allow: loopback, Agent: "tone"}} })
			c, err := net.DialUDP("udp", from, s.sockets[0].addr.(*net.UDPAddr))
			if err != nil {
				t.Fatalf("%v: stop any other program that uses UDP port %d", err, from.Port)
			}
			defer c.Close()
			if _, err := c.Write(messages[name]); err != nil {
				t.Fatal(err)
			}
			status, text := finalResponse(t, c, waitFor(want...))
			checkStatus(t, status, want, text)
			for header, of := range map[string]int{"\r\nUnsupported: nothingSupportsThis": 420, "\r\nAccept: application/sdp": 415, "\r\nAllow: ": 405} {
				if status == of && !strings.Contains(text, header) {
					t.Errorf("%q is missing in %s", header, text)
				}
			}
			other, err := net.Dial("udp", s.sockets[0].addr.String())
			require.NoError(t, err)
			defer other.Close()
			if _, err = other.Write(options(other, "UDP")); err != nil {
				t.Fatal(err)
			}
			if status, _ := finalResponse(t, other, testTimeout); status != 200 {
				t.Errorf("another caller's OPTIONS gets %d, want 200", status)
			}
		})
	}
}

func TestTortureMessagesDoNotAffectTheirConnection(t *testing.T) {
	messages := tortureMessages(t)
	for name, want := range torture {
		next := 200 // status of the next request on the connection
		switch name {
		case "clerr": // the end of these is unknown
			want, next = nil, 0
		case "ncl", "mcl01", "inv2543":
			next = 0
		case "dblreq": // two requests in one
			want, next = []int{405, 400}, 0 // the second one has no end
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newTestServer(t, func(o *Options) {
				o.Listen = []string{"tcp://127.0.0.1:0"}
				o.Trunks = []Trunk{{Name: "callers", Allow: loopback, Agent: "tone"}}
			})
			c, err := net.Dial("tcp", s.sockets[0].addr.String())
			require.NoError(t, err)
			defer c.Close()
			if _, err := c.Write(messages[name]); err != nil {
				t.Fatal(err)
			}
			status, text := finalResponse(t, c, waitFor(want...))
			checkStatus(t, status, want, text)
			if _, err := c.Write(options(c, "TCP")); err != nil {
				t.Fatal(err)
			}
			status, text = finalResponse(t, c, waitFor(next))
			for status != 0 && !strings.Contains(text, "Call-ID: after") { // the response to the second of two requests
				status, text = finalResponse(t, c, waitFor(next))
			}
			if status != next {
				t.Errorf("the next request gets %d, want %d", status, next)
			}
		})
	}
}

func FuzzDatagrams(f *testing.F) {
	f.Add([]byte("INVITE sip:a@b SIP/2.0\r\nVia : SIP / 2.0 / UDP\r\n 127.0.0.1;rport\r\nTo\t: <sip:a@b>\r\n\r\n"))
	f.Add([]byte("INVITE  sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:70000;;,\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, normalized, errorResponse := normalize(raw)
		if normalized != nil && errorResponse != nil {
			t.Fatal("a message is both accepted and refused")
		}
		if errorResponse != nil {
			if _, err := parser.ParseSIP(errorResponse); err == nil {
				responseAddr(errorResponse, netip.MustParseAddrPort("127.0.0.1:5060"))
			}
		}
		if m, err := parser.ParseSIP(normalized); err == nil {
			if r, ok := m.(*sip.Request); ok {
				validate(r)
			}
		}
	})
}
