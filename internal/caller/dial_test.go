package caller

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fakeai"
)

func TestFailuresAreToldInPlainWordsWithACode(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	url := serve(t, ai)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	l.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	text := filepath.Join("testdata", "..", "dial_test.go")
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unreachable":   {[]string{"--url", closed, "--text", "hi"}, closed + " cannot be reached"},
		"another":       {[]string{"--url", other.URL, "--text", "hi"}, "not a Frontdesk server"},
		"unknown agent": {[]string{"--url", url, "--agent", "nobody", "--text", "hi"}, "(not_found)"},
		"wrong token":   {[]string{"--url", url, "--resume", "rt_wrong", "--text", "hi"}, "(unauthorized)"},
		"missing file":  {[]string{"--url", url, "--wav", "nowhere.wav"}, "nowhere.wav"},
		"no WAV file":   {[]string{"--url", url, "--wav", text}, "not a usable WAV file"},
		"no voice":      {[]string{"--url", url, "--say", "hi"}, "(unavailable)"},
	} {
		var out, errs bytes.Buffer
		status := Main(t.Context(), append(test.args, "--json"), &out, &errs, nil, nil)
		if status != 1 || out.Len() > 0 || !strings.Contains(errs.String(), test.want) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: status %d: %s%s", name, status, out.String(), errs.String())
		}
	}
}

// TestTextGoesOverAWebSocketToo dials as a typed call does where WebRTC does not get through.
func TestTextGoesOverAWebSocketToo(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	s := &server{url: serve(t, ai), agent: "shop", http: &http.Client{Transport: &http.Transport{}}}
	defer s.http.CloseIdleConnections()
	var err error
	if s.token, err = s.secret(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	l, err := s.dialSocket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.hangUp()
	var out bytes.Buffer
	o := options{barge: -1, json: true}
	if err := newRun(l, o, []utterance{{said: "hello", text: true}}, newReport(&out, o)).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"reply":"You said: hello"`) {
		t.Error(out.String())
	}
}

func TestLineThatBreaksEndsTheCall(t *testing.T) {
	t.Parallel()
	l := newLine()
	l.hang = func() {}
	defer l.hangUp()
	o := options{barge: -1}
	r := newRun(l, o, []utterance{{said: "hello", text: true}}, newReport(&bytes.Buffer{}, o))
	l.take([]byte(`{"type":"frontdesk.session","session":"s","resume_token":"t"}`))
	l.ended()
	err := r.run(t.Context())
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
	o := options{}
	r := newRun(newLine(), o, nil, newReport(&bytes.Buffer{}, o))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEvent(b)
		if err != nil {
			return
		}
		r.take(e)
		if e.Type == "" {
			t.Error("an event without a type")
		}
		_ = r.answered(r.now, time.Now())
	})
}
