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
)

// tortured is how the messages of RFC 4475 have to be answered by somebody who is called:
// one of the statuses, or not at all. Its requests to register find no registrar here, and
// a call in the manner of RFC 2543, without the tag that RFC 3261 demands, is none.
var tortured = map[string][]int{
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

// tortures are the messages themselves, which sipgo brings with it.
func tortures(t *testing.T) map[string][]byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/emiago/sipgo").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "sip", "testdata", "torture", "*", "*.dat"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]byte)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("\r\n\r\n")) {
			text = append(text, "\r\n"...) // one lost its empty line on the way
		}
		found[strings.TrimSuffix(filepath.Base(file), ".dat")] = text
	}
	return found
}

// statusOfAnswer waits for a final answer to what was sent, 0 when there is none.
func statusOfAnswer(t *testing.T, c net.Conn) (int, string) {
	t.Helper()
	buf := make([]byte, 65535)
	for {
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, err := c.Read(buf)
		if err != nil {
			return 0, ""
		}
		fields := strings.Fields(string(buf[:n]))
		status, err := strconv.Atoi(fields[1])
		if err != nil || fields[0] != "SIP/2.0" {
			t.Fatalf("it sends %q", buf[:n])
		}
		if status >= 200 {
			return status, string(buf[:n])
		}
	}
}

func TestTorturesAreAnsweredAsTheRFCAsks(t *testing.T) {
	found := tortures(t)
	host := byte(10)
	for name, want := range tortured {
		raw := found[name]
		if raw == nil {
			t.Fatalf("%s is not there", name)
		}
		host++
		// Wherever they come from, they ask to be answered at the port of their Via.
		from := &net.UDPAddr{IP: net.IPv4(127, 0, 0, host), Port: defaultPort}
		if name == "quotbal" {
			from.Port = 5050
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // several share the name of a transaction, so each has a server of its own
			s, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", Allow: loop, Agent: "hums"}} })
			c, err := net.DialUDP("udp", from, s.ways[0].local.(*net.UDPAddr))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			// Nothing may be sent to where these say, which is none of our networks.
			if _, err := c.Write(bytes.ReplaceAll(raw, []byte("192.0.2."), []byte("127.0.0."))); err != nil {
				t.Fatal(err)
			}
			got, text := statusOfAnswer(t, c)
			if len(want) == 0 && got != 0 || len(want) > 0 && !slices.Contains(want, got) {
				t.Errorf("it is answered with %d, want %v\n%s", got, want, text)
			}
			for header, status := range map[string]int{"\r\nUnsupported: nothingSupportsThis": 420, "\r\nAccept: application/sdp": 415, "\r\nAllow: ": 405} {
				if got == status && !strings.Contains(text, header) {
					t.Errorf("%q is not in %s", header, text)
				}
			}
			// Whatever that was, others are served.
			after, err := net.Dial("udp", s.ways[0].local.String())
			if err != nil {
				t.Fatal(err)
			}
			defer after.Close()
			if _, err = after.Write(ping(after, "UDP")); err != nil {
				t.Fatal(err)
			}
			if got, _ := statusOfAnswer(t, after); got != 200 {
				t.Errorf("afterwards it answers with %d", got)
			}
		})
	}
}

// ping asks whether anybody is there.
func ping(c net.Conn, network string) []byte {
	return []byte(strings.ReplaceAll("OPTIONS sip:desk@127.0.0.1 SIP/2.0\nVia: SIP/2.0/"+network+" "+c.LocalAddr().String()+
		";branch=z9hG4bKafter\nFrom: <sip:a@127.0.0.1>;tag=1\nTo: <sip:desk@127.0.0.1>\nCall-ID: after\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n", "\n", "\r\n"))
}

func TestTorturesLeaveTheirConnectionToOthers(t *testing.T) {
	found := tortures(t)
	for name, want := range tortured {
		follows := 200
		switch name { // there is no telling where these end
		case "clerr":
			want, follows = nil, 0
		case "ncl", "mcl01", "inv2543":
			follows = 0
		case "dblreq": // which is two
			want, follows = []int{405, 400}, 0
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newTestServer(t, func(o *Options) {
				o.Listen = []string{"tcp://127.0.0.1:0"}
				o.Trunks = []Trunk{{Name: "callers", Allow: loop, Agent: "hums"}}
			})
			c, err := net.Dial("tcp", s.ways[0].local.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write(bytes.ReplaceAll(found[name], []byte("192.0.2."), []byte("127.0.0."))); err != nil {
				t.Fatal(err)
			}
			got, text := statusOfAnswer(t, c)
			if len(want) == 0 && got != 0 || len(want) > 0 && !slices.Contains(want, got) {
				t.Errorf("it is answered with %d, want %v\n%s", got, want, text)
			}
			if _, err := c.Write(ping(c, "TCP")); err != nil {
				t.Fatal(err)
			}
			got, text = statusOfAnswer(t, c)
			for got != 0 && !strings.Contains(text, "Call-ID: after") { // one of them holds two requests
				got, text = statusOfAnswer(t, c)
			}
			if got != follows {
				t.Errorf("what follows is answered with %d, want %d", got, follows)
			}
		})
	}
}

func FuzzDatagrams(f *testing.F) {
	f.Add([]byte("INVITE sip:a@b SIP/2.0\r\nVia : SIP / 2.0 / UDP\r\n 127.0.0.1;rport\r\nTo\t: <sip:a@b>\r\n\r\n"))
	f.Add([]byte("INVITE  sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:70000;;,\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, mended, answer := mend(raw)
		if mended != nil && answer != nil {
			t.Fatal("it is taken and refused")
		}
		if answer != nil {
			if _, err := parser.ParseSIP(answer); err == nil {
				replyTo(answer, netip.MustParseAddrPort("127.0.0.1:5060"))
			}
		}
		if m, err := parser.ParseSIP(mended); err == nil {
			if r, ok := m.(*sip.Request); ok {
				objection(r)
			}
		}
	})
}
