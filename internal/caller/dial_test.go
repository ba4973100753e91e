package caller

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fakeai"
	"frontdesk/internal/require"
)

func TestFailuresAreExplainedWithACode(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	url := serve(t, ai)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := "http://" + l.Addr().String()
	l.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	text := filepath.Join("testdata", "..", "dial_test.go")
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"unreachable":   {Options{URL: closed, Turns: typed("hi")}, "cannot reach " + closed},
		"another":       {Options{URL: other.URL, Turns: typed("hi")}, "not a Frontdesk server"},
		"unknown agent": {Options{URL: url, Agent: "nobody", Turns: typed("hi")}, "(not_found)"},
		"wrong token":   {Options{URL: url, Resume: "rt_wrong", Turns: typed("hi")}, "(unauthorized)"},
		"missing file":  {Options{URL: url, Turns: []Turn{{WAV, "nowhere.wav"}}}, "nowhere.wav"},
		"no WAV file":   {Options{URL: url, Turns: []Turn{{WAV, text}}}, "not a usable WAV file"},
		"no voice":      {Options{URL: url, Turns: []Turn{{Say, "hi"}}}, "(unavailable)"},
	} {
		var out bytes.Buffer
		test.options.JSON = true
		err := Run(t.Context(), test.options, &out, nil, nil)
		if err == nil || out.Len() > 0 || !strings.Contains(Explain(err), test.want) || strings.Contains(Explain(err), "\n") {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
}

// A typed call falls back to a WebSocket if WebRTC does not connect.
func TestTypedCallWorksOverWebSocket(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	s := &server{url: serve(t, ai), agent: "shop", http: &http.Client{Transport: &http.Transport{}}}
	defer s.http.CloseIdleConnections()
	var err error
	if s.token, err = s.clientSecret(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	l, err := s.dialWebSocket(t.Context())
	require.NoError(t, err)
	defer l.hangUp()
	var out bytes.Buffer
	require.NoError(t, newCall(l, Options{JSON: true}, []utterance{{said: "hello", isTyped: true}}, &out).run(t.Context()))
	if !strings.Contains(out.String(), `"reply":"You said: hello"`) {
		t.Error(out.String())
	}
}

func TestLostConnectionEndsTheCall(t *testing.T) {
	t.Parallel()
	l := newLine()
	l.disconnect = func() {}
	defer l.hangUp()
	c := newCall(l, Options{}, []utterance{{said: "hello", isTyped: true}}, io.Discard)
	l.receive([]byte(`{"type":"frontdesk.session","session":"s","resume_token":"t"}`))
	l.markEnded()
	err := c.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "connection to the server was lost") {
		t.Errorf("got %v", err)
	}
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"type":"frontdesk.session","session":"s","resume_token":"t"}`))
	f.Add([]byte(`{"type":"session.created","session":{"id":"s"}}`))
	f.Add([]byte(`{"type":"response.done","response":{"id":"r","status":"completed"}}`))
	f.Add([]byte(`{"type":"response.created","response":{"id":"r"}}`))
	f.Add([]byte(`{"type":"error","error":{"code":"x","message":"y"}}`))
	c := newCall(newLine(), Options{}, nil, io.Discard)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEvent(b)
		if err != nil {
			return
		}
		c.handle(e)
		if e.Type == "" {
			t.Error("parsed an event without a type")
		}
		_ = c.isOver(c.current, time.Now())
	})
}
