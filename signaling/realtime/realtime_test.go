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
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/signaling/webrtc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	serverKey     = "key-of-the-shop"
	allowedOrigin = "https://shop.example"
)

func demoAgent() *dialog.Agent {
	return &dialog.Agent{
		Name: "demo", Title: "The Shop", Suggestions: []string{"Where is my order?"}, Instructions: "secret", Voice: "kal",
		Model: desktest.EchoModel{}, Synthesizer: desktest.ToneVoice{Hz: 500, PerCharacter: 20 * time.Millisecond},
	}
}

// fixture is a server with a real desk behind it.
type fixture struct {
	*httptest.Server
	desk   *desktest.Desk
	server *Server
	log    *observer.ObservedLogs // of the desk
}

func newFixture(t testing.TB, agent *dialog.Agent, keys ...string) *fixture {
	t.Helper()
	return newFixtureWith(t, agent, session.Limits{}, keys...)
}

func newFixtureWith(t testing.TB, agent *dialog.Agent, limits session.Limits, keys ...string) *fixture {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	transport, err := webrtc.New(webrtc.Options{UDP: udp, Log: zap.NewNop()})
	require.NoError(t, err)
	core, log := observer.New(zap.InfoLevel)
	f := &fixture{log: log, desk: desktest.New(t, agent, func(o *session.Options) { o.Limits, o.Log = limits, zap.New(core) })}
	f.server = New(Options{
		Desk: f.desk.Desk, Tokens: f.desk.Tokens, Transport: transport, Keys: keys, Origins: []string{allowedOrigin}, Log: zap.NewNop(),
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
	token, err := f.desk.Tokens.Mint(c)
	require.NoError(t, err)
	return token
}

// started returns the fields of the log line of the last call that started.
func (f *fixture) started(t testing.TB) map[string]any {
	t.Helper()
	lines := f.log.FilterMessage("call started").All()
	if len(lines) == 0 {
		t.Fatal("no call started")
	}
	return lines[len(lines)-1].ContextMap()
}

func (f *fixture) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, f.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var out map[string]any
	_ = json.Unmarshal(raw, &out)
	return resp, out
}

func errorCode(body map[string]any) string {
	e, _ := body["error"].(map[string]any)
	c, _ := e["code"].(string)
	return c
}

func TestClientSecrets(t *testing.T) {
	override := `{"session":{"type":"realtime","model":"demo","instructions":"Be a pirate."}}`
	for name, c := range map[string]struct {
		keys      []string
		body      string
		headers   []string
		status    int
		isTrusted bool
	}{
		"public":                    {nil, `{"session":{"model":"demo"}}`, nil, 200, false},
		"public, no body":           {nil, ``, nil, 200, false},
		"public, keys configured":   {[]string{serverKey}, `{}`, nil, 200, false},
		"public, own page":          {nil, `{}`, []string{"Origin", "SELF"}, 200, false},
		"public, configured origin": {nil, `{}`, []string{"Origin", allowedOrigin}, 200, false},
		"public, other origin":      {nil, `{}`, []string{"Origin", "https://evil.example"}, 403, false},
		"public, opaque origin":     {nil, `{}`, []string{"Origin", "null"}, 403, false},
		"public with instructions":  {nil, override, nil, 403, false},
		"any bearer, no keys":       {nil, `{}`, []string{"Authorization", "Bearer sk-x"}, 200, false},
		"server key":                {[]string{serverKey}, override, []string{"Authorization", "Bearer " + serverKey}, 200, true},
		"public with a caller":      {nil, `{"frontdesk":{"caller":"x"}}`, nil, 403, false},
		"caller too long":           {[]string{serverKey}, `{"frontdesk":{"caller":"` + strings.Repeat("x", 129) + `"}}`, []string{"Authorization", "Bearer " + serverKey}, 400, false},
		"wrong key":                 {[]string{serverKey}, override, []string{"Authorization", "Bearer wrong"}, 401, false},
		"life too short":            {nil, `{"expires_after":{"seconds":9}}`, nil, 400, false},
		"life too long":             {nil, `{"expires_after":{"seconds":7201}}`, nil, 400, false},
		"not JSON":                  {nil, `{"session":`, nil, 400, false},
		"unsupported session type":  {nil, `{"session":{"type":"transcription"}}`, nil, 400, false},
		"body too large":            {nil, `{"x":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, demoAgent(), c.keys...)
			for i, h := range c.headers {
				c.headers[i] = strings.ReplaceAll(h, "SELF", f.URL)
			}
			resp, body := f.do(t, "POST", "/v1/realtime/client_secrets", c.body, c.headers...)
			if resp.StatusCode != c.status {
				t.Fatalf("status = %d, %v", resp.StatusCode, body)
			}
			if c.status != 200 {
				if errorCode(body) == "" {
					t.Errorf("no error code in %v", body)
				}
				return
			}
			claims, err := f.desk.Tokens.Verify(body["value"].(string))
			require.NoError(t, err)
			if claims.Caller.Trusted != c.isTrusted || c.isTrusted && claims.Caller.Instructions != "Be a pirate." {
				t.Errorf("claims = %+v", claims)
			}
			if body["expires_at"].(float64) != float64(claims.Expires.Unix()) {
				t.Errorf("expires_at = %v, token %v", body["expires_at"], claims.Expires)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	f := newFixture(t, demoAgent())
	for origin, want := range map[string]string{allowedOrigin: allowedOrigin, "https://evil.example": ""} {
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
	f := newFixture(t, demoAgent(), serverKey)
	valid := "Bearer " + f.token(t, session.Claims{})
	expired := "Bearer " + f.token(t, session.Claims{Expires: time.Now().Add(-time.Second)})
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
	}{
		"no token":                  {"POST", "/v1/realtime/calls", "v=0", []string{"Content-Type", "application/sdp"}, 401},
		"expired token":             {"POST", "/v1/realtime/calls", "v=0", []string{"Content-Type", "application/sdp", "Authorization", expired}, 401},
		"wrong scheme":              {"POST", "/v1/realtime/calls", "v=0", []string{"Authorization", "Basic eA=="}, 401},
		"unsupported type of body":  {"POST", "/v1/realtime/calls", "{}", []string{"Content-Type", "application/json", "Authorization", valid}, 415},
		"no SDP":                    {"POST", "/v1/realtime/calls", "", []string{"Content-Type", "application/sdp", "Authorization", valid}, 400},
		"invalid SDP":               {"POST", "/v1/realtime/calls", "v=0", []string{"Content-Type", "application/sdp", "Authorization", valid}, 400},
		"huge SDP":                  {"POST", "/v1/realtime/calls", strings.Repeat("v", 100_000), []string{"Content-Type", "application/sdp", "Authorization", valid}, 413},
		"invalid form":              {"POST", "/v1/realtime/calls", "--x\r\n", []string{"Content-Type", "multipart/form-data; boundary=x", "Authorization", valid}, 400},
		"wrong method":              {"GET", "/v1/realtime/calls", "", nil, 405},
		"unknown path":              {"POST", "/v1/realtime/nothing", "", nil, 404},
		"unknown call":              {"POST", "/v1/realtime/calls/rtc_x/hangup", "", []string{"Authorization", valid}, 404},
		"hangup without a token":    {"POST", "/v1/realtime/calls/rtc_x/hangup", "", nil, 401},
		"no WebSocket handshake":    {"GET", "/v1/realtime?model=demo", "", []string{"Authorization", valid}, 400},
		"handshake, other origin":   {"GET", "/v1/realtime", "", []string{"Authorization", valid, "Origin", "https://evil.example"}, 403},
		"handshake without a token": {"GET", "/v1/realtime", "", nil, 401},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := f.do(t, c.method, c.path, c.body, c.headers...)
			if resp.StatusCode != c.status || errorCode(body) == "" {
				t.Errorf("status = %d (%v), want %d with a code", resp.StatusCode, body, c.status)
			}
		})
	}
}

func TestDeskRefusesACallOverTheLimit(t *testing.T) {
	f := newFixtureWith(t, demoAgent(), session.Limits{Calls: 1})
	call, err := f.desk.Admit(t.Context(), session.Caller{})
	require.NoError(t, err)
	defer call.HangUp()
	resp, body := f.do(t, "GET", "/v1/realtime", "", "Authorization", "Bearer "+f.token(t, session.Claims{}))
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "10" || errorCode(body) != string(fault.Limited) {
		t.Errorf("%d %v %v", resp.StatusCode, resp.Header, body)
	}
}

func form(t *testing.T, parts map[string]string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range parts {
		require.NoError(t, w.WriteField(name, value))
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}
