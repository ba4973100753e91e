package httptool

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

// resolver answers every name with the addresses in order, the last one again and again.
func resolver(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var asked int
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if m.Questions[0].Type == dnsmessage.TypeA {
				ip := net.ParseIP(addresses[min(asked, len(addresses)-1)]).To4()
				asked++
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: [4]byte(ip)},
				}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestNamesOfPrivateAddressesAreRefused(t *testing.T) {
	var requests atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { requests.Add(1); answerJSON(w, `1`) })
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	for _, addresses := range [][]string{{"127.0.0.1"}, {"169.254.169.254"}, {"10.0.0.1"}, {"0.0.0.0"}} {
		c := parcels("http://api.example.com" + port)
		c.Private, c.Insecure, c.Resolver = Private{}, true, resolver(t, addresses...)
		result := call(t, open(t, c), "1", `{"tracking":"1"}`)
		if f := fault.From(result.Err); f == nil || f.Code != fault.Forbidden {
			t.Errorf("%v: got %s (%v)", addresses, result.Output, result.Err)
		}
	}
	// A name that first resolves to an allowed address and then to another one.
	c := parcels("http://api.example.com" + port)
	c.Private, c.Insecure = Private{Networks: prefixes("127.0.0.1/32")}, true
	c.Resolver = resolver(t, "127.0.0.1", "169.254.169.254")
	tool := open(t, c)
	checkOutput(t, "the first address", call(t, tool, "1", `{"tracking":"1"}`), `1`)
	tool.transport.CloseIdleConnections()
	result := call(t, tool, "1", `{"tracking":"1"}`)
	if f := fault.From(result.Err); f == nil || f.Code != fault.Forbidden || requests.Load() != 1 {
		t.Errorf("rebound: got %s after %d requests", result.Output, requests.Load())
	}
}

func TestRedirectsDoNotReachRefusedAddresses(t *testing.T) {
	inner := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		t.Error("the inner server was reached")
		answerJSON(w, `1`)
	})
	innerURL, err := url.Parse(inner.URL)
	require.NoError(t, err)
	for _, target := range []string{"http://127.0.0.2:" + innerURL.Port(), "http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/", "http://[::1]:" + innerURL.Port()} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
		c := parcels(s.URL)
		c.Private = Private{Networks: prefixes("127.0.0.1/32")}
		result := call(t, open(t, c), "1", `{"tracking":"1"}`)
		if f := fault.From(result.Err); f == nil || f.Code != fault.Forbidden {
			t.Errorf("%s: got %s (%v)", target, result.Output, result.Err)
		}
	}
}

func TestCredentialsDoNotLeaveTheirHost(t *testing.T) {
	var back string
	seen := make(chan http.Header, 10)
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		if back != "" {
			http.Redirect(w, r, back, http.StatusFound)
			return
		}
		answerJSON(w, `1`)
	})
	own := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		switch r.URL.Path {
		case "/parcels/own":
			http.Redirect(w, r, "/last", http.StatusFound)
		case "/last":
			answerJSON(w, `1`)
		default:
			http.Redirect(w, r, other.URL, http.StatusFound)
		}
	})
	c := parcels(own.URL)
	c.Headers = map[string]string{"authorization": "Bearer t", "X-Api-Key": "k"}
	tool := open(t, c)
	has := func() bool {
		select {
		case h := <-seen:
			if h.Get("Referer") != "" {
				t.Error("a redirect tells the first URL")
			}
			return h.Get("Authorization") != "" || h.Get("X-Api-Key") != ""
		case <-time.After(time.Second):
			t.Fatal("no request")
			return false
		}
	}
	for _, step := range []struct {
		tracking, back string
		want           []bool // whether each request has the credentials
	}{
		{"own", "", []bool{true, true}},
		{"away", "", []bool{true, false}},
		{"away", own.URL + "/last", []bool{true, false, false}},
	} {
		back = step.back
		checkOutput(t, step.tracking, call(t, tool, "1", `{"tracking":"`+step.tracking+`"}`), `1`)
		for i, want := range step.want {
			if has() != want {
				t.Errorf("%s, request %d: credentials %v, want %v", step.tracking, i+1, !want, want)
			}
		}
	}
}

func TestRedirectsKeepTheirScheme(t *testing.T) {
	request := func(u string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, u, nil)
		require.NoError(t, err)
		return r
	}
	c := &Config{}
	if c.checkRedirect(request("http://a/"), []*http.Request{request("https://a/")}) == nil {
		t.Error("a redirect from https to http must be refused")
	}
	if c.checkRedirect(request("https://a/"), []*http.Request{request("http://a/")}) != nil {
		t.Error("a redirect from http to https must be followed")
	}
	post := request("https://a/")
	post.Method = http.MethodPost
	if c.checkRedirect(request("https://a/b"), []*http.Request{post}) == nil {
		t.Error("a redirect of a write must be refused")
	}
}

func TestCertificatesAreVerifiedAndProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	var requests atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { requests.Add(1); answerJSON(w, `1`) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the handshake
	s.StartTLS()
	defer s.Close()
	tool := open(t, parcels(s.URL))
	result := call(t, tool, "1", `{"tracking":"1"}`)
	if f := fault.From(result.Err); f == nil || f.Code != fault.Unavailable || !strings.Contains(result.Err.Error(), "certificate") || requests.Load() != 0 {
		t.Errorf("got %s (%v) after %d requests", result.Output, result.Err, requests.Load())
	}
	if tool.transport.Proxy != nil {
		t.Error("a proxy would choose the address")
	}
}
