package e2e

import (
	"bytes"
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

	"frontdesk/media"
)

// telephones starts a server that takes calls from a network, and returns its SIP address.
func telephones(t *testing.T, allow string, o ...func(*exec.Cmd)) (*server, string) {
	t.Helper()
	address := freeUDP(t)
	file := filepath.Join(t.TempDir(), "frontdesk.yaml")
	text := fmt.Sprintf("sip: {listen: ['udp://%s', 'tcp://%[1]s'], ports: 30000-30999, trunks: [{name: here, allow: ['%s'], agent: demo}]}\n", address, allow)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, append(o, args("--config", file))...), address
}

// ports are handed out below those the system gives to outgoing connections.
var ports atomic.Int32

// freeUDP is an address of this machine where nobody listens; nor does anybody over TCP,
// or at the port above it, which telephones open, too.
func freeUDP(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := 24000 + int(ports.Add(2))%6000
		udp, err1 := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		tcp, err2 := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		tls, err3 := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port + 1})
		for _, c := range []io.Closer{udp, tcp, tls} {
			_ = c.Close() // a nil one says that it is none
		}
		if err1 == nil && err2 == nil && err3 == nil {
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	t.Fatal("no port is free")
	return ""
}

// telephone is baresip: it says what is in says, and records what it hears.
type telephone struct {
	user   string  // its own name
	at     string  // address it is reached at
	codecs string  // as its accounts have them, such as "pcmu"
	more   string  // of the account's parameters, such as ";mediaenc=srtp"
	says   []int16 // at rate
	rate   int     // Hz; 0 is 8000
	dials  string  // whom, or "" to be called
	lasts  time.Duration
}

// begin starts the telephone. The function it returns waits for its end and returns what it
// heard, at 8 kHz.
func (p telephone) begin(t *testing.T) (heard func() []int16) {
	t.Helper()
	dir := t.TempDir()
	if p.rate == 0 {
		p.rate = 8000
	}
	wav := filepath.Join(dir, "says.wav")
	f, err := os.Create(wav)
	if err == nil {
		err = media.WriteWAV(f, p.rate, 1, p.says)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if p.at == "" {
		p.at = freeUDP(t)
	}
	for name, text := range map[string]string{
		"config": fmt.Sprintf(`sip_listen %s
audio_player aubridge,heard
audio_alert aubridge,alert
audio_source aufile,%s
audio_channels 1
ausrc_srate %d
auplay_srate %[3]d
rtp_ports 31000-31999
module_path %[4]s
module g711.so
module g722.so
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
snd_path %[5]s
`, p.at, wav, p.rate, baresipModules(t), dir),
		"accounts": fmt.Sprintf("<sip:%s@127.0.0.1>;regint=0;answermode=auto;audio_codecs=%s%s\n", p.user, p.codecs, p.more),
		"contacts": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := []string{"-f", dir, "-t", fmt.Sprint(int(p.lasts.Seconds()))}
	if p.dials != "" {
		flags = append(flags, "-e", "/dial "+p.dials)
	}
	phone := exec.CommandContext(t.Context(), "baresip", flags...)
	var out bytes.Buffer
	phone.Stdout, phone.Stderr = &out, &out
	if err := phone.Start(); err != nil {
		t.Fatal(err)
	}
	return func() []int16 {
		t.Helper()
		err := phone.Wait()
		if err != nil || !strings.Contains(out.String(), "Call established") {
			t.Fatalf("the telephone of %s: %v\n%.3000s", p.user, err, out.String())
		}
		heard, err := filepath.Glob(filepath.Join(dir, "dump-*-dec.wav"))
		if err != nil || len(heard) != 1 {
			t.Fatalf("the telephone recorded %v, %v", heard, err)
		}
		f, err := os.Open(heard[0])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		pcm, rate, err := media.ReadWAV(f, 16000*120)
		if err != nil || rate != 8000 && rate != 16000 {
			t.Fatalf("what it heard: %d Hz, %v", rate, err)
		}
		down := media.NewResampler(rate, 8000)
		return down.Flush(down.Process(nil, pcm))
	}
}

// pause is silence at a rate.
func pause(d time.Duration, hz int) []int16 { return make([]int16, int(d.Milliseconds())*hz/1000) }

// loud is how much of what was heard, at 8 kHz, is not silent.
func loud(heard []int16, from, to time.Duration) (ms int) {
	for at := from; at < to; at += 20 * time.Millisecond {
		i := int(at.Milliseconds()) * 8
		for _, x := range heard[min(i, len(heard)):min(i+160, len(heard))] {
			if x > 500 || x < -500 {
				ms += 20
				break
			}
		}
	}
	return ms
}

func baresipModules(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/baresip/modules", "/usr/lib/*/baresip/modules"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("baresip's modules are not there: run make setup")
	return ""
}

// turns are the records of what was said, as the server keeps them.
func (s *server) turns(t *testing.T) string {
	t.Helper()
	return s.kept(t, "turn")
}

// kept are the entries of a kind in the server's store.
func (s *server) kept(t *testing.T, kind string) string {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.data, "frontdesk.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT body FROM entries WHERE kind = ?`, kind)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			t.Fatal(err)
		}
		all = append(all, body)
	}
	return strings.Join(all, "\n")
}

func TestATelephoneCallerAsksAndHearsTheAnswer(t *testing.T) {
	for name, phone := range map[string]telephone{
		"PCMU":           {codecs: "pcmu", rate: 8000},
		"G.722 and SRTP": {codecs: "g722", rate: 16000, more: ";mediaenc=srtp-mand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for speech
			s, address := telephones(t, "127.0.0.0/8")
			phone.user, phone.dials, phone.lasts = "caller", "sip:desk@"+address, 16*time.Second
			phone.says = slices.Concat(pause(5*time.Second, phone.rate), pcm(t, "How long does a refund take?", phone.rate), pause(30*time.Second, phone.rate))
			heard := phone.begin(t)()
			if greeting, answer := loud(heard, 0, 5*time.Second), loud(heard, 8*time.Second, 16*time.Second); greeting < 1500 || answer < 2000 {
				t.Errorf("%d ms of a greeting and %d ms of an answer were heard", greeting, answer)
			}
			s.tells(t, `"msg":"call ended"`) // and what was said is kept
			if turns := strings.ToLower(s.turns(t)); !strings.Contains(turns, "refund") {
				t.Errorf("it was understood and answered as %s", turns)
			}
			said, got := s.replies(t), understood(t, heard[8000*7:])
			if right := common(said, got); len(said) < 8 || right*3 < len(said) {
				t.Errorf("of the words %q %d were understood in %q", said, right, got)
			}
		})
	}
}

func TestManyTelephonesCallAndHangUp(t *testing.T) {
	s, address := telephones(t, "127.0.0.0/8", noVoice)
	dir := t.TempDir()
	c := exec.CommandContext(t.Context(), "sipp", "-sn", "uac", "-m", "40", "-r", "20", "-d", "500", "-i", "127.0.0.1", "-timeout", "40s", "-nostdin", address)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	deadline := time.Now().Add(patience)
	for s.metric(t, `frontdesk_calls_total{result="hung_up",transport="sip"}`) != 40 {
		if time.Now().After(deadline) {
			t.Fatal("not every call ended as hung up")
		}
	}
}

// exchange sends a SIP request from ip and returns the status line of the first final
// answer, "" when there is none within a second.
func exchangeSIP(t *testing.T, ip, address, request string) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
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

const sipHead = ` sip:desk@127.0.0.1 SIP/2.0
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

func TestRequestsOfAllKindsAreAnsweredOrIgnored(t *testing.T) {
	_, address := telephones(t, "127.0.0.1/32", noVoice)
	const g729 = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n"
	for name, tt := range map[string]struct {
		from, method, to, body, want string
	}{
		"are you there":          {"127.0.0.1", "OPTIONS", "", "", "SIP/2.0 200 OK"},
		"a stranger's question":  {"127.0.0.2", "OPTIONS", "", "", ""},
		"a stranger's call":      {"127.0.0.2", "INVITE", "", g729, ""},
		"a codec we do not have": {"127.0.0.1", "INVITE", "", g729, "SIP/2.0 488 "},
		"no session description": {"127.0.0.1", "INVITE", "", "hello", "SIP/2.0 400 "},
		"a call nobody has":      {"127.0.0.1", "BYE", ";tag=x", "", "SIP/2.0 481 "},
		"another offer in it":    {"127.0.0.1", "INVITE", ";tag=x", g729, "SIP/2.0 481 "},
		"what we do not do":      {"127.0.0.1", "SUBSCRIBE", "", "", "SIP/2.0 405 "},
	} {
		id := strings.ReplaceAll(name, " ", "")
		request := tt.method + fmt.Sprintf(sipHead, strings.ReplaceAll(id, "'", ""), tt.to, tt.method, len(tt.body), tt.body)
		got := exchangeSIP(t, tt.from, address, strings.ReplaceAll(request, "\r\n", "\n"))
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: answered with %q, want %q", name, got, tt.want)
		}
	}
	for _, junk := range []string{"", "\n", "INVITE", "INVITE sip:x SIP/2.0\n\n", "SIP/2.0 200 OK\n\n", strings.Repeat("x", 3000)} {
		exchangeSIPNoWait(t, address, junk)
	}
	if got := exchangeSIP(t, "127.0.0.1", address, "OPTIONS"+fmt.Sprintf(sipHead, "after", "", "OPTIONS", 0, "")); got != "SIP/2.0 200 OK" {
		t.Errorf("after junk it answers with %q", got)
	}
}

func exchangeSIPNoWait(t *testing.T, address, junk string) {
	t.Helper()
	c, err := net.Dial("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte(strings.ReplaceAll(junk, "\n", "\r\n")))
}
