package twilio

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/audiotest"
	"frontdesk/internal/desktest"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/session"
)

const (
	authToken = "12345"
	publicURL = "https://desk.example"
)

// fixture is a server with a real desk behind it, whose agent "tones" speaks in tones.
type fixture struct {
	*httptest.Server
	*desktest.Observer
	shares chan float64 // of the caller's tone in each utterance
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	shares := make(chan float64, 10)
	desk := desktest.New(t, &dialog.Agent{
		Name: "tones", Greeting: "Hello, hello.", Model: desktest.EchoModel{},
		Synthesizer: desktest.ToneVoice{Hz: 440, PerCharacter: 100 * time.Millisecond},
		Recognizer:  desktest.ToneRecognizer{Hz: 1000, Shares: shares}, Detector: desktest.NewLoudnessDetector,
	}, func(o *session.Options) { o.Limits.Calls = 1 })
	server := New(Options{
		AuthToken: authToken, URL: publicURL, Agent: "tones", Numbers: map[string]string{"+200": "nobody"},
		Admit: desk.Admit, Check: desk.Check, Log: zap.NewNop(),
	})
	f := &fixture{Server: httptest.NewServer(server), Observer: desk.Observer, shares: shares}
	t.Cleanup(func() {
		server.Close()
		f.Server.Close()
	})
	return f
}

// webhook posts a call as Twilio does, signed with token if it is not "".
func (f *fixture) webhook(t *testing.T, form url.Values, token string) (string, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", f.URL+voicePath, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		req.Header.Set("X-Twilio-Signature", signature(token, publicURL+voicePath, form))
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body), resp.StatusCode
}

func form(call, to string) url.Values {
	return url.Values{"CallSid": {call}, "From": {"+4930123"}, "To": {to}, "AccountSid": {"AC1"}}
}

// TestSignatureIsTwilios has the example of Twilio's documentation.
func TestSignatureIsTwilios(t *testing.T) {
	got := signature("12345", "https://example.com/myapp.php?foo=1&bar=2", url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "Digits": {"1234"}, "From": {"+14158675310"}, "To": {"+18005551212"},
	})
	if want := "L/OH5YylLD5NRKLltdqwSvS0BnU="; got != want {
		t.Errorf("signature = %s, want %s", got, want)
	}
}

func TestOnlySignedWebhooksAreAnswered(t *testing.T) {
	f := newFixture(t)
	for name, token := range map[string]string{"unsigned": "", "signed by another": "54321"} {
		if body, status := f.webhook(t, form("CA1", "+100"), token); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	body, status := f.webhook(t, form("CA1", "+100"), authToken)
	if status != http.StatusOK || !strings.Contains(body, `<Stream url="wss://desk.example/v1/twilio/stream">`) || !strings.Contains(body, `name="permit"`) {
		t.Errorf("signed: %d %s", status, body)
	}
	if body, _ := f.webhook(t, form("CA1", "+200"), authToken); !strings.Contains(body, `<Reject reason="busy">`) {
		t.Errorf("unknown agent: %s", body)
	}
}

// caller is Twilio's side of a stream.
type caller struct {
	t    *testing.T
	conn *websocket.Conn
}

func (f *fixture) dial(t *testing.T) *caller {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(f.URL, "http")+streamPath, nil)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &caller{t, conn}
}

func (c *caller) send(text string) {
	c.t.Helper()
	require.NoError(c.t, c.conn.WriteMessage(websocket.TextMessage, []byte(text)))
}

// permit returns the permit that the webhook issues for a call.
func (f *fixture) permit(t *testing.T, call string) string {
	t.Helper()
	body, _ := f.webhook(t, form(call, "+100"), authToken)
	var answer response
	if err := xml.Unmarshal([]byte(body), &answer); err != nil || answer.Connect == nil {
		t.Fatalf("%s: %v", body, err)
	}
	return answer.Connect.Stream.Parameters[0].Value
}

func (c *caller) start(call, permit string) {
	c.t.Helper()
	c.send(`{"event":"connected","protocol":"Call","version":"1.0.0"}`)
	c.send(`{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"` + call +
		`","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{"permit":"` +
		permit + `","agent":"tones","from":"+4930123"}}}`)
}

// readAudio reads at least limit samples, or until a message without audio arrives or the
// connection ends. It returns the audio and that message's event or the error.
func (c *caller) readAudio(limit int) (pcm []int16, event string) {
	for len(pcm) < limit {
		_ = c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, raw, err := c.conn.ReadMessage()
		if err != nil {
			return pcm, err.Error()
		}
		var m struct {
			Event, StreamSid string
			Media            struct{ Payload string }
			Mark             struct{ Name string }
		}
		if json.Unmarshal(raw, &m) != nil || m.StreamSid != "MZ1" {
			c.t.Fatalf("unexpected message %s", raw)
		}
		if m.Event == "mark" {
			c.send(`{"event":"mark","streamSid":"MZ1","sequenceNumber":"9","mark":{"name":"` + m.Mark.Name + `"}}`)
			continue
		}
		if m.Event != "media" {
			return pcm, m.Event
		}
		audio, err := base64.StdEncoding.DecodeString(m.Media.Payload)
		if err != nil || len(audio) != packetSize {
			c.t.Fatalf("a payload of %d bytes, %v", len(audio), err)
		}
		pcm = media.DecodePCMU(pcm, audio)
	}
	return pcm, ""
}

// sendTone sends a tone of 1000 Hz in packets of n bytes, and then silence.
func (c *caller) sendTone(d time.Duration, n int) {
	c.t.Helper()
	pcm := append(audiotest.Tone(1000, 8000, int(d.Seconds()*8000), 8000), make([]int16, 8*1500)...)
	audio := media.EncodePCMU(nil, pcm)
	tick := time.NewTicker(time.Duration(n/8) * time.Millisecond)
	defer tick.Stop()
	for len(audio) > 0 {
		packet := audio[:min(n, len(audio))]
		c.send(`{"event":"media","streamSid":"MZ1","media":{"track":"inbound","chunk":"1","timestamp":"5","payload":"` + base64.StdEncoding.EncodeToString(packet) + `"}}`)
		audio = audio[len(packet):]
		<-tick.C
	}
}

func TestCallOverAStream(t *testing.T) {
	for _, n := range []int{160, 400} {
		f := newFixture(t)
		c := f.dial(t)
		c.start("CA1", f.permit(t, "CA1"))
		greeting, _ := c.readAudio(8000)
		var energy float64
		for _, x := range greeting {
			energy += float64(x) * float64(x)
		}
		if share := audiotest.ToneShare(greeting, 440, 8000); len(greeting) < 8000 || share < 0.9 || energy < 2000*2000*8000 {
			t.Errorf("%d samples of a greeting, share of the tone = %.2f", len(greeting), share)
		}
		go func() {
			for { // the rest of the greeting
				if _, event := c.readAudio(1 << 20); event != "clear" && event != "" {
					return
				}
			}
		}()
		c.sendTone(900*time.Millisecond, n)
		if got := <-f.shares; got < 0.7 {
			t.Errorf("packets of %d bytes: share of the tone = %.2f", n, got)
		}
		if got := <-f.Said; got != "tone" {
			t.Errorf("the caller said %q", got)
		}
		for _, digit := range []string{"1", "x", "12", "#"} {
			c.send(`{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"` + digit + `"}}`)
		}
		c.send(`{"event":"dtmf","streamSid":"MZ2","dtmf":{"digit":"7"}}`) // of another stream
		c.send(`{"event":"novelty","streamSid":"MZ1"}`)
		if got := <-f.Said; got != "1#" {
			t.Errorf("the caller pressed %q", got)
		}
		c.send(`{"event":"stop","sequenceNumber":"9","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}`)
		if e := <-f.Ended; e.Result != session.HungUp || e.Quality == nil {
			t.Errorf("ending = %+v", e)
		}
	}
}

func TestInterruptionClearsUnplayedAudio(t *testing.T) {
	f := newFixture(t)
	c := f.dial(t)
	c.start("CA1", f.permit(t, "CA1"))
	c.readAudio(1600)
	c.send(`{"event":"dtmf","streamSid":"MZ1","dtmf":{"digit":"5"}}`)
	if _, event := c.readAudio(1 << 20); event != "clear" {
		t.Errorf("event = %q, want clear", event)
	}
}

func TestInvalidStreamsAreRefused(t *testing.T) {
	f := newFixture(t)
	good := f.permit(t, "CA1")
	for name, tt := range map[string]struct {
		send func(*caller)
		code string
	}{
		"no permit":              {func(c *caller) { c.start("CA1", "") }, "forbidden"},
		"permit of another call": {func(c *caller) { c.start("CA2", good) }, "forbidden"},
		"forged permit":          {func(c *caller) { c.start("CA1", "zzzzzz-00112233445566778899aabbccddeeff") }, "forbidden"},
		"not JSON":               {func(c *caller) { c.send("hello") }, "invalid_request"},
		"no event":               {func(c *caller) { c.send("{}") }, "invalid_request"},
		"media before start":     {func(c *caller) { c.send(`{"event":"media","media":{"payload":""}}`) }, "invalid_request"},
		"unsupported format": {func(c *caller) {
			c.send(`{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1","mediaFormat":{"encoding":"audio/pcm","sampleRate":8000,"channels":1},"customParameters":{"permit":"` + good + `"}}}`)
		}, "unsupported_media_type"},
	} {
		c := f.dial(t)
		tt.send(c)
		if _, got := c.readAudio(1); !strings.Contains(got, tt.code) {
			t.Errorf("%s: %s, want %s", name, got, tt.code)
		}
	}
	c := f.dial(t)
	c.start("CA1", good)
	c.readAudio(160)
	if body, _ := f.webhook(t, form("CA2", "+100"), authToken); !strings.Contains(body, "Reject") {
		t.Errorf("over the limit of calls: %s", body)
	}
	c.send("not JSON")
	if e := <-f.Ended; e.Result != session.Lost {
		t.Errorf("ending = %+v", e)
	}
}

func TestPermitIsForOneCallAndOneMinute(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	now := time.Now()
	p := s.permit("CA1", now.Add(permitLife))
	if !s.isPermitted(p, "CA1", now) || s.isPermitted(p, "CA1", now.Add(2*permitLife)) || s.isPermitted(p, "", now) {
		t.Error("the permit is not limited to its call and a minute")
	}
}

func TestSendFrameNeitherAllocatesNorBlocks(t *testing.T) {
	s := newSender("MZ1")
	frame := make([]int16, media.MouthFrame)
	if n := testing.AllocsPerRun(200, func() {
		s.sendFrame(frame)
		select {
		case b := <-s.queue:
			s.free <- b
		default:
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for range 3 * sendQueue { // nobody reads the queue
		s.sendFrame(frame)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"event":"media","streamSid":"MZ1","media":{"track":"inbound","payload":"//8="}}`))
	f.Add([]byte(`{"event":"dtmf","streamSid":"MZ1","dtmf":{"digit":"1"}}`))
	f.Add([]byte(`{"event":"mark","streamSid":"MZ1"}`))
	l := newLine(nil, "MZ1")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := parse(raw); err == nil {
			l.handle(m)
		}
	})
}
