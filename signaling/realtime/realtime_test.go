package realtime

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/signaling/webrtc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	serverKey = "key-of-the-shop"
	goodSite  = "https://shop.example"
)

var demo = &dialog.Agent{Name: "demo", Title: "The Shop", Suggestions: []string{"Where is my order?"}, Instructions: "secret", Voice: "kal"}

// script is a desk whose calls a test plays.
type script struct {
	run     func(ctx context.Context, line dialog.Line) session.Ending
	history []dialog.Message
	refuse  error

	mu    sync.Mutex
	calls map[string]*played
	who   session.Caller
}

func (s *script) Admit(_ context.Context, who session.Caller) (Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.who = who
	if s.refuse != nil {
		return nil, s.refuse
	}
	ctx, hangup := context.WithCancel(context.Background())
	c := &played{script: s, who: who, id: newID("rtc_"), hungUp: ctx, hangup: hangup}
	if s.calls == nil {
		s.calls = make(map[string]*played)
	}
	s.calls[c.id] = c
	return c, nil
}

func (s *script) Check(_ context.Context, _ session.Caller) error { return s.refuse }

func (s *script) Find(id string) (Call, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[id]
	return c, ok
}

func (s *script) admitted() session.Caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.who
}

type played struct {
	script *script
	who    session.Caller
	id     string
	hungUp context.Context
	hangup context.CancelFunc
}

func (c *played) ID() string                { return c.id }
func (c *played) Session() string           { return "sess_1" }
func (c *played) ResumeToken() string       { return "rt_1" }
func (c *played) Agent() *dialog.Agent      { return demo }
func (c *played) History() []dialog.Message { return c.script.history }
func (c *played) Hangup()                   { c.hangup() }
func (c *played) Refer(context.Context, string) error {
	return fault.New(fault.Invalid, "it did not come by telephone")
}
func (c *played) Owner(who session.Caller) bool {
	return who.Trusted || who.Token == c.who.Token
}
func (c *played) Run(ctx context.Context, line dialog.Line) session.Ending {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(c.hungUp, func() { cancel(errOver) })
	defer stop()
	if c.script.run != nil {
		return c.script.run(ctx, line)
	}
	return untilGone(ctx, line)
}

// untilGone is a call in which nothing is said.
func untilGone(ctx context.Context, line dialog.Line) session.Ending {
	for {
		select {
		case _, ok := <-line.Inputs:
			if ok {
				continue
			}
			if ctx.Err() != nil {
				return session.Ending{Result: session.Lost, Reason: context.Cause(ctx).Error()}
			}
			return session.Ending{Result: session.HungUp, Reason: "gone"}
		case <-ctx.Done():
			if context.Cause(ctx) == errOver {
				return session.Ending{Result: session.HungUp, Reason: "hung up"}
			}
			return session.Ending{Result: session.Lost, Reason: context.Cause(ctx).Error()}
		}
	}
}

type fixture struct {
	*httptest.Server
	script *script
	tokens *session.Tokens
	server *Server
}

func newFixture(t testing.TB, s *script, keys ...string) *fixture {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	transport, err := webrtc.New(webrtc.Options{UDP: udp, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{script: s, tokens: session.NewTokens([]byte("0123456789abcdef0123456789abcdef"))}
	f.server = New(Options{
		Desk: s, Tokens: f.tokens, Transport: transport, Keys: keys, Origins: []string{goodSite}, Log: zap.NewNop(),
	})
	f.Server = httptest.NewServer(f.server)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		f.server.Shutdown(ctx)
		f.Server.Close()
		transport.Close()
	})
	return f
}

func (f *fixture) token(t testing.TB, c session.Claims) string {
	t.Helper()
	if c.Expires.IsZero() {
		c.Expires = time.Now().Add(time.Minute)
	}
	token, err := f.tokens.Mint(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (f *fixture) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, f.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	_ = json.Unmarshal(raw, &out)
	return resp, out
}

func code(body map[string]any) string {
	e, _ := body["error"].(map[string]any)
	c, _ := e["code"].(string)
	return c
}

func TestClientSecrets(t *testing.T) {
	override := `{"session":{"type":"realtime","model":"demo","instructions":"Be a pirate."}}`
	for name, c := range map[string]struct {
		keys    []string
		body    string
		headers []string
		status  int
		trusted bool
	}{
		"public":                       {nil, `{"session":{"model":"demo"}}`, nil, 200, false},
		"public, no body":              {nil, ``, nil, 200, false},
		"public, keys exist":           {[]string{serverKey}, `{}`, nil, 200, false},
		"public, own page":             {nil, `{}`, []string{"Origin", "SELF"}, 200, false},
		"public, configured page":      {nil, `{}`, []string{"Origin", goodSite}, 200, false},
		"public, other page":           {nil, `{}`, []string{"Origin", "https://evil.example"}, 403, false},
		"public, opaque origin":        {nil, `{}`, []string{"Origin", "null"}, 403, false},
		"public with instructions":     {nil, override, nil, 403, false},
		"any bearer where no keys are": {nil, `{}`, []string{"Authorization", "Bearer sk-x"}, 200, false},
		"server key":                   {[]string{serverKey}, override, []string{"Authorization", "Bearer " + serverKey}, 200, true},
		"public names a caller":        {nil, `{"frontdesk":{"caller":"x"}}`, nil, 403, false},
		"caller of no name":            {[]string{serverKey}, `{"frontdesk":{"caller":"` + strings.Repeat("x", 129) + `"}}`, []string{"Authorization", "Bearer " + serverKey}, 400, false},
		"wrong key":                    {[]string{serverKey}, override, []string{"Authorization", "Bearer wrong"}, 401, false},
		"life too short":               {nil, `{"expires_after":{"seconds":9}}`, nil, 400, false},
		"life too long":                {nil, `{"expires_after":{"seconds":7201}}`, nil, 400, false},
		"not JSON":                     {nil, `{"session":`, nil, 400, false},
		"session of another type":      {nil, `{"session":{"type":"transcription"}}`, nil, 400, false},
		"huge":                         {nil, `{"x":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &script{}, c.keys...)
			for i, h := range c.headers {
				c.headers[i] = strings.ReplaceAll(h, "SELF", f.URL)
			}
			resp, body := f.do(t, "POST", "/v1/realtime/client_secrets", c.body, c.headers...)
			if resp.StatusCode != c.status {
				t.Fatalf("status = %d, %v", resp.StatusCode, body)
			}
			if c.status != 200 {
				if code(body) == "" {
					t.Errorf("no error code in %v", body)
				}
				return
			}
			claims, err := f.tokens.Verify(body["value"].(string))
			if err != nil {
				t.Fatal(err)
			}
			if claims.Caller.Trusted != c.trusted || c.trusted && claims.Caller.Instructions != "Be a pirate." {
				t.Errorf("claims = %+v", claims)
			}
			if body["expires_at"].(float64) != float64(claims.Expires.Unix()) {
				t.Errorf("expires_at = %v, token %v", body["expires_at"], claims.Expires)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	f := newFixture(t, &script{})
	for origin, want := range map[string]string{goodSite: goodSite, "https://evil.example": ""} {
		resp, _ := f.do(t, "OPTIONS", "/v1/realtime/calls", "", "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,x-openai-agents-sdk")
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want || resp.StatusCode != 204 {
			t.Errorf("%s: %d, allowed %q, want %q", origin, resp.StatusCode, got, want)
		}
		if want != "" && resp.Header.Get("Access-Control-Allow-Headers") != "authorization,x-openai-agents-sdk" {
			t.Errorf("headers = %v", resp.Header)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	f := newFixture(t, &script{}, serverKey)
	good := "Bearer " + f.token(t, session.Claims{})
	old := "Bearer " + f.token(t, session.Claims{Expires: time.Now().Add(-time.Second)})
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
	}{
		"no token":           {"POST", "/v1/realtime/calls", "v=0", []string{"Content-Type", "application/sdp"}, 401},
		"expired token":      {"POST", "/v1/realtime/calls", "v=0", []string{"Content-Type", "application/sdp", "Authorization", old}, 401},
		"wrong scheme":       {"POST", "/v1/realtime/calls", "v=0", []string{"Authorization", "Basic eA=="}, 401},
		"type of body":       {"POST", "/v1/realtime/calls", "{}", []string{"Content-Type", "application/json", "Authorization", good}, 415},
		"no SDP":             {"POST", "/v1/realtime/calls", "", []string{"Content-Type", "application/sdp", "Authorization", good}, 400},
		"broken SDP":         {"POST", "/v1/realtime/calls", "v=0", []string{"Content-Type", "application/sdp", "Authorization", good}, 400},
		"huge SDP":           {"POST", "/v1/realtime/calls", strings.Repeat("v", 100_000), []string{"Content-Type", "application/sdp", "Authorization", good}, 413},
		"broken form":        {"POST", "/v1/realtime/calls", "--x\r\n", []string{"Content-Type", "multipart/form-data; boundary=x", "Authorization", good}, 400},
		"method":             {"GET", "/v1/realtime/calls", "", nil, 405},
		"unknown path":       {"POST", "/v1/realtime/nothing", "", nil, 404},
		"unknown call":       {"POST", "/v1/realtime/calls/rtc_x/hangup", "", []string{"Authorization", good}, 404},
		"hangup, no token":   {"POST", "/v1/realtime/calls/rtc_x/hangup", "", nil, 401},
		"no handshake":       {"GET", "/v1/realtime?model=demo", "", []string{"Authorization", good}, 400},
		"handshake, origin":  {"GET", "/v1/realtime", "", []string{"Authorization", good, "Origin", "https://evil.example"}, 403},
		"handshake, no auth": {"GET", "/v1/realtime", "", nil, 401},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := f.do(t, c.method, c.path, c.body, c.headers...)
			if resp.StatusCode != c.status || code(body) == "" {
				t.Errorf("status = %d (%v), want %d with a code", resp.StatusCode, body, c.status)
			}
		})
	}
}

func TestDeskRefuses(t *testing.T) {
	f := newFixture(t, &script{refuse: fault.New(fault.Limited, "all lines are busy").Retryable(10 * time.Second)})
	resp, body := f.do(t, "GET", "/v1/realtime", "", "Authorization", "Bearer "+f.token(t, session.Claims{}))
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "10" || code(body) != string(fault.Limited) {
		t.Errorf("%d %v %v", resp.StatusCode, resp.Header, body)
	}
}

func form(t *testing.T, parts map[string]string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range parts {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}
