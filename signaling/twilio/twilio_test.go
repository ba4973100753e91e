package twilio

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"iter"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/session/sqlite"
)

const (
	authToken = "12345"
	publicURL = "https://desk.example"
)

// humming is a voice that hums 440 Hz for as long as its text has letters, 100 ms each.
type humming struct{}

func (humming) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		pcm := make([]int16, len(text)*media.MouthRate/10)
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/media.MouthRate))
		}
		yield(pcm, nil)
	}
}

// repeats is a model that says what it was told.
type repeats struct{}

func (repeats) Reply(_ context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		yield(dialog.Chunk{Text: p.Messages[len(p.Messages)-1].Text + "."}, nil)
	}
}

// loudness is a recogniser that measures how much of what is no silence is a tone of 1000 Hz.
type loudness struct{ heard chan float64 }

func (l loudness) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) { return l, nil }
func (loudness) Close() error                                                     { return nil }
func (l loudness) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		var re, im, all float64
		n, loud := 0, 0
		for frame := range frames {
			if (energetic{}).Detect(frame) > 0 {
				loud += len(frame)
			}
			for _, x := range frame {
				sin, cos := math.Sincos(2 * math.Pi * 1000 * float64(n) / media.EarRate)
				re, im, all = re+cos*float64(x), im+sin*float64(x), all+float64(x)*float64(x)
				n++
			}
		}
		select {
		case l.heard <- 2 * (re*re + im*im) / float64(loud) / all:
		default:
		}
		yield(dialog.Transcript{Text: "tone", Final: true}, nil)
	}
}

// energetic takes every sound for speech.
type energetic struct{}

func (energetic) Detect(frame []int16) float32 {
	var all float64
	for _, x := range frame {
		all += float64(x) * float64(x)
	}
	if all > 300*300*float64(len(frame)) {
		return 1
	}
	return 0
}

// watching is an Observer that hands on what happened.
type watching struct {
	ended chan session.Ending
	said  chan string
}

func (watching) CallStarted(string)                                      {}
func (w watching) CallEnded(_ string, e session.Ending, _ time.Duration) { w.ended <- e }
func (w watching) Event(e dialog.Event) {
	if e.Kind == dialog.CallerSaid {
		w.said <- e.Text
	}
}

type desk struct {
	*httptest.Server
	watching
	heard chan float64
}

func open(t *testing.T, calls int) *desk {
	t.Helper()
	db, err := db.Open(filepath.Join(t.TempDir(), "frontdesk.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := sqlite.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{watching: watching{make(chan session.Ending, 10), make(chan string, 10)}, heard: make(chan float64, 10)}
	agent := &dialog.Agent{
		Name: "hums", Greeting: "Hello, hello.", Model: repeats{}, Synthesizer: humming{},
		Recognizer: loudness{d.heard}, Detector: func() dialog.VoiceDetector { return energetic{} },
	}
	s := session.NewDesk(session.Options{
		Store: store, Tokens: session.NewTokens([]byte("0123456789abcdef0123456789abcdef")),
		Agent: func(name string) (*dialog.Agent, error) {
			if name != agent.Name {
				return nil, fault.New(fault.NotFound, "there is no agent %q", name)
			}
			return agent, nil
		},
		Node: "test", ResumeWindow: time.Hour, Limits: session.Limits{Calls: calls}, Observer: d.watching, Log: zap.NewNop(),
	})
	server := New(Options{
		AuthToken: authToken, URL: publicURL, Agent: "hums", Numbers: map[string]string{"+200": "nobody"},
		Admit: s.Admit, Check: s.Check, Log: zap.NewNop(),
	})
	d.Server = httptest.NewServer(server)
	t.Cleanup(func() {
		server.Close()
		d.Server.Close()
	})
	return d
}

// webhook posts a call as Twilio does, signed with a token, and returns the answer.
func (d *desk) webhook(t *testing.T, form url.Values, token string) (string, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", d.URL+voicePath, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		req.Header.Set("X-Twilio-Signature", signature(token, publicURL+voicePath, form))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp.StatusCode
}

func form(call, to string) url.Values {
	return url.Values{"CallSid": {call}, "From": {"+4930123"}, "To": {to}, "AccountSid": {"AC1"}}
}

// TestSignaturesAreThoseOfTwilio has the example of Twilio's documentation.
func TestSignaturesAreThoseOfTwilio(t *testing.T) {
	got := signature("12345", "https://example.com/myapp.php?foo=1&bar=2", url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "Digits": {"1234"}, "From": {"+14158675310"}, "To": {"+18005551212"},
	})
	if want := "L/OH5YylLD5NRKLltdqwSvS0BnU="; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestOnlySignedWebhooksAreAnswered(t *testing.T) {
	d := open(t, 1)
	for name, token := range map[string]string{"unsigned": "", "signed by another": "54321"} {
		if body, status := d.webhook(t, form("CA1", "+100"), token); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	body, status := d.webhook(t, form("CA1", "+100"), authToken)
	if status != http.StatusOK || !strings.Contains(body, `<Stream url="wss://desk.example/v1/twilio/stream">`) || !strings.Contains(body, `name="permit"`) {
		t.Errorf("signed: %d %s", status, body)
	}
	if body, _ := d.webhook(t, form("CA1", "+200"), authToken); !strings.Contains(body, `<Reject reason="busy">`) {
		t.Errorf("an agent that is not there: %s", body)
	}
}

// caller is Twilio's side of a stream.
type caller struct {
	t    *testing.T
	conn *websocket.Conn
}

func (d *desk) dial(t *testing.T) *caller {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(d.URL, "http")+streamPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &caller{t, conn}
}

func (c *caller) send(text string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// permit is what the webhook gives a call.
func (d *desk) permit(t *testing.T, call string) string {
	t.Helper()
	body, _ := d.webhook(t, form(call, "+100"), authToken)
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
		permit + `","agent":"hums","from":"+4930123"}}}`)
}

// hears reads until a message of another kind than sound comes, or the line is closed, and
// returns the sound before it.
func (c *caller) hears(limit int) (pcm []int16, kind string) {
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
			c.t.Fatalf("it sends %s", raw)
		}
		if m.Event == "mark" {
			c.send(`{"event":"mark","streamSid":"MZ1","sequenceNumber":"9","mark":{"name":"` + m.Mark.Name + `"}}`)
			continue
		}
		if m.Event != "media" {
			return pcm, m.Event
		}
		sound, err := base64.StdEncoding.DecodeString(m.Media.Payload)
		if err != nil || len(sound) != chunk {
			c.t.Fatalf("it sends %d bytes, %v", len(sound), err)
		}
		pcm = media.DecodePCMU(pcm, sound)
	}
	return pcm, ""
}

// says sends a tone of 1000 Hz in pieces of n bytes, and silence behind it.
func (c *caller) says(ms, n int) {
	c.t.Helper()
	pcm := make([]int16, ms*8+8*1500)
	for i := range ms * 8 {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*1000*float64(i)/8000))
	}
	sound := media.EncodePCMU(nil, pcm)
	tick := time.NewTicker(time.Duration(n/8) * time.Millisecond)
	defer tick.Stop()
	for len(sound) > 0 {
		piece := sound[:min(n, len(sound))]
		c.send(`{"event":"media","streamSid":"MZ1","media":{"track":"inbound","chunk":"1","timestamp":"5","payload":"` + base64.StdEncoding.EncodeToString(piece) + `"}}`)
		sound = sound[len(piece):]
		<-tick.C
	}
}

func TestACallIsHeldOverAStream(t *testing.T) {
	for _, n := range []int{160, 400} {
		d := open(t, 1)
		c := d.dial(t)
		c.start("CA1", d.permit(t, "CA1"))
		greeting, _ := c.hears(8000)
		var re, im, all float64
		for i, x := range greeting {
			sin, cos := math.Sincos(2 * math.Pi * 440 * float64(i) / 8000)
			re, im, all = re+cos*float64(x), im+sin*float64(x), all+float64(x)*float64(x)
		}
		if tone := 2 * (re*re + im*im) / float64(len(greeting)); len(greeting) < 8000 || tone < 0.9*all || all < 2000*2000*8000 {
			t.Errorf("%d samples of a greeting, of which %.0f %% hum", len(greeting), 100*tone/all)
		}
		go func() {
			for { // the rest of it
				if _, kind := c.hears(1 << 20); kind != "clear" && kind != "" {
					return
				}
			}
		}()
		c.says(900, n)
		if got := <-d.heard; got < 0.7 {
			t.Errorf("in pieces of %d bytes %.0f %% of the tone is heard", n, 100*got)
		}
		if got := <-d.said; got != "tone" {
			t.Errorf("%q was said", got)
		}
		for _, digit := range []string{"1", "x", "12", "#"} {
			c.send(`{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"` + digit + `"}}`)
		}
		c.send(`{"event":"dtmf","streamSid":"MZ2","dtmf":{"digit":"7"}}`) // of another stream
		c.send(`{"event":"novelty","streamSid":"MZ1"}`)
		if got := <-d.said; got != "1#" {
			t.Errorf("%q was pressed", got)
		}
		c.send(`{"event":"stop","sequenceNumber":"9","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}`)
		if e := <-d.ended; e.Result != session.HungUp || e.Quality == nil {
			t.Errorf("it ended as %+v", e)
		}
	}
}

func TestAnInterruptionDropsWhatIsOnItsWay(t *testing.T) {
	d := open(t, 1)
	c := d.dial(t)
	c.start("CA1", d.permit(t, "CA1"))
	c.hears(1600)
	c.send(`{"event":"dtmf","streamSid":"MZ1","dtmf":{"digit":"5"}}`)
	if _, kind := c.hears(1 << 20); kind != "clear" {
		t.Errorf("then comes %q", kind)
	}
}

func TestStreamsThatAreRefused(t *testing.T) {
	d := open(t, 1)
	good := d.permit(t, "CA1")
	for name, tt := range map[string]struct {
		send func(*caller)
		code string
	}{
		"no permit":          {func(c *caller) { c.start("CA1", "") }, "forbidden"},
		"another call's":     {func(c *caller) { c.start("CA2", good) }, "forbidden"},
		"made up":            {func(c *caller) { c.start("CA1", "zzzzzz-00112233445566778899aabbccddeeff") }, "forbidden"},
		"junk":               {func(c *caller) { c.send("hello") }, "invalid_request"},
		"no event":           {func(c *caller) { c.send("{}") }, "invalid_request"},
		"sound before start": {func(c *caller) { c.send(`{"event":"media","media":{"payload":""}}`) }, "invalid_request"},
		"another format": {func(c *caller) {
			c.send(`{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1","mediaFormat":{"encoding":"audio/pcm","sampleRate":8000,"channels":1},"customParameters":{"permit":"` + good + `"}}}`)
		}, "unsupported_media_type"},
	} {
		c := d.dial(t)
		tt.send(c)
		if _, kind := c.hears(1); !strings.Contains(kind, tt.code) {
			t.Errorf("%s: %s, want %s", name, kind, tt.code)
		}
	}
	c := d.dial(t)
	c.start("CA1", good)
	c.hears(160)
	if body, _ := d.webhook(t, form("CA2", "+100"), authToken); !strings.Contains(body, "Reject") {
		t.Errorf("when all lines are busy: %s", body)
	}
	c.send("junk in the middle of it")
	if e := <-d.ended; e.Result != session.Lost {
		t.Errorf("it ended as %+v", e)
	}
}

func TestPermitsDoNotLast(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	now := time.Now()
	p := s.permit("CA1", now.Add(permitLife))
	if !s.isPermitted(p, "CA1", now) || s.isPermitted(p, "CA1", now.Add(2*permitLife)) || s.isPermitted(p, "", now) {
		t.Error("a permit is for its call and a minute")
	}
}

func TestAFrameToAStreamCostsNoMemory(t *testing.T) {
	o := newOutgoing("MZ1")
	frame := make([]int16, media.MouthFrame)
	if n := testing.AllocsPerRun(200, func() {
		o.frame(frame)
		select {
		case b := <-o.full:
			o.free <- b
		default:
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for range 3 * soundQueue { // nobody reads: it waits for nobody
		o.frame(frame)
	}
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"event":"media","streamSid":"MZ1","media":{"track":"inbound","payload":"//8="}}`))
	f.Add([]byte(`{"event":"dtmf","streamSid":"MZ1","dtmf":{"digit":"1"}}`))
	f.Add([]byte(`{"event":"mark","streamSid":"MZ1"}`))
	l := newLine(nil, "MZ1")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := parse(raw); err == nil {
			l.take(m)
		}
	})
}
