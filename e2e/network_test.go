package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"frontdesk/internal/require"
)

func TestCallConnectsOverICETCP(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.openWebRTC(t, s.token(t), true)
	pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	require.NoError(t, err)
	if r := pair.Remote; r.Protocol != webrtc.ICEProtocolTCP || !strings.HasSuffix(s.url, ":"+strconv.Itoa(int(r.Port))) {
		t.Fatalf("connected over %s to port %d", r.Protocol, r.Port)
	}
	p.begin(t, true)
	track := <-p.remote
	for range 20 { // the voice of the greeting
		if _, _, err := track.ReadRTP(); err != nil {
			t.Fatal(err)
		}
	}
	p.answers(t, "Where is my order 47329?", "47329")
}

func TestConversationResumesOverAnotherTransport(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.openWebRTC(t, s.token(t), false)
	p.begin(t, true)
	p.answers(t, "Where is my order 47329?", "floor lamp")
	p.expect(t, "frontdesk.turn")
	p.hangUp()

	c := s.openText(t, p.resume)
	c.begin(t, false)
	if c.session != p.session {
		t.Fatalf("resumed session %s, want %s", c.session, p.session)
	}
	past := history(t, c, 3)
	for i, want := range []string{"assistant: Hello, this is Willow Lane", "user: Where is my order 47329?", "assistant: "} {
		if !strings.HasPrefix(past[i], want) {
			t.Errorf("item %d of the history is %q, want %q", i, past[i], want)
		}
	}
	if !strings.Contains(past[2], "floor lamp") {
		t.Errorf("the answer is not in the history: %q", past[2])
	}
	c.answers(t, "Where is my order 47329?", "floor lamp")
	if c.hasSeen("error") {
		t.Errorf("the client got an error: %v", c.seen)
	}
}

// history reads the n items of a resumed conversation, which must come before any other event.
func history(t *testing.T, c *client, n int) []string {
	t.Helper()
	var past []string
	for len(past) < n {
		e, err := c.next()
		if err != nil {
			t.Fatalf("after %q: %v", past, err)
		}
		switch kind := e.text("type"); kind {
		case "conversation.item.added":
			past = append(past, e.text("item", "role")+": "+words(e["item"]))
		case "conversation.item.done":
		default:
			t.Fatalf("%s came before the end of the history: %q", kind, past)
		}
	}
	return past
}

func TestOlderLineEndsAsMovedWhenTheSessionIsResumed(t *testing.T) {
	t.Parallel()
	s := start(t, noVoice)
	older := s.openText(t, s.token(t))
	older.begin(t, true)
	older.answers(t, "Where is my order 47329?", "floor lamp")
	newer := s.openText(t, older.resume)
	newer.begin(t, false)
	if e := older.expect(t, "frontdesk.ended"); e.text("result") != "moved" {
		t.Errorf("the older line ended as %v, want moved", e)
	}
	if e, err := older.next(); err == nil {
		t.Errorf("the older line still sends events: %v", e)
	}
	newer.answers(t, "What time do you open on Saturday?", "Saturday")
}

func TestDrainingServerLetsCallsFinish(t *testing.T) {
	t.Parallel()
	s := start(t, noVoice)
	token := s.token(t)
	typed := s.openText(t, token)
	typed.begin(t, true)
	spoken := s.openWebRTC(t, token, false)
	spoken.begin(t, true)
	spoken.expect(t, "response.done") // the agent says that it cannot hear
	s.beginDrain(t)

	badRequest{method: "GET", path: "/readyz", status: 503, code: "unavailable"}.check(t, s)
	if _, status := s.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	resp, body := s.post(t, "/v1/realtime/calls", "application/sdp", strings.NewReader(wholeOffer), bearer(token))
	checkFault(t, resp, body, 503, "unavailable")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("the refusal of a new call has no Retry-After")
	}
	typed.answers(t, "Where is my order 47329?", "floor lamp")
	spoken.answers(t, "What time do you open on Saturday?", "Saturday")
	s.hangup(t, spoken.client)
	if reply := typed.answers(t, "That is all, goodbye."); reply == "" {
		t.Error("the agent did not say goodbye")
	}
	typed.hangUp()
	s.awaitExit(t)
}

func TestSecondSignalEndsTheCalls(t *testing.T) {
	t.Parallel()
	s := start(t, noVoice)
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	s.beginDrain(t)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	if e := c.expect(t, "frontdesk.ended"); e.text("result") != "draining" {
		t.Errorf("the call ended as %v, want draining", e)
	}
	s.awaitExit(t)
}

func TestCallsEndWhenTheDrainTimeIsOver(t *testing.T) {
	t.Parallel()
	s := start(t, noVoice, env("FRONTDESK_LIMITS_DRAIN=200ms"))
	token := s.token(t)
	typed := s.openText(t, token)
	typed.begin(t, true)
	spoken := s.openWebRTC(t, token, false)
	spoken.begin(t, true)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	for _, c := range []*client{typed, spoken.client} {
		if e := c.expect(t, "frontdesk.ended"); e.text("result") != "draining" {
			t.Errorf("the call ended as %v, want draining", e)
		}
	}
	s.awaitExit(t)
}

// selfSigned makes a certificate for this machine and returns the paths of its PEM files.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "frontdesk"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	}
	return cert, key
}

func TestHTTPSFromCertificateFiles(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	s := start(t, noVoice, env("FRONTDESK_TLS_CERT="+cert, "FRONTDESK_TLS_KEY="+key))
	if !strings.HasPrefix(s.url, "https://") {
		t.Fatalf("the server serves %s, want HTTPS", s.url)
	}
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "Where is my order 47329?", "floor lamp")
	// ICE-TCP shares the port with TLS, too.
	p := s.openWebRTC(t, s.token(t), true)
	p.begin(t, true)
	p.expect(t, "response.done") // the agent says that it cannot hear
	p.answers(t, "What time do you open on Saturday?", "Saturday")
}
