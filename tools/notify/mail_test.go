package notify

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

// smtpServer is a small SMTP server. Its fields say how it behaves.
type smtpServer struct {
	listener    net.Listener
	certificate tls.Certificate
	hasNoTLS    bool
	dataAnswer  string // to the message; "" is 250
	breaksOff   bool   // closes the connection instead of answering the message
	work        sync.WaitGroup

	mu       sync.Mutex
	commands []string // with "TLS " before those that were encrypted
	messages []string
}

func startSMTP(t *testing.T, s *smtpServer) (address string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	s.certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.work.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.work.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { s.listener.Close(); s.work.Wait() })
	return s.listener.Addr().String(), roots
}

func (s *smtpServer) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	r, prefix := bufio.NewReader(conn), ""
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 ready")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.commands = append(s.commands, prefix+line)
		s.mu.Unlock()
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); {
		case verb == "EHLO" && prefix == "" && !s.hasNoTLS:
			say("250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN")
		case verb == "EHLO":
			say("250-here\r\n250 AUTH PLAIN")
		case verb == "STARTTLS":
			say("220 go on")
			encrypted := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.certificate}})
			conn, r, prefix = encrypted, bufio.NewReader(encrypted), "TLS "
		case verb == "DATA":
			say("354 go on")
			if !s.readMessage(r) {
				return
			}
			if s.breaksOff {
				return
			}
			say(map[bool]string{true: "250 done", false: s.dataAnswer}[s.dataAnswer == ""])
		case verb == "AUTH":
			say("235 yes")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (s *smtpServer) readMessage(r *bufio.Reader) bool {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, b.String())
	return true
}

func TestMailIsEncryptedAndInTheAgentsLanguage(t *testing.T) {
	s := &smtpServer{}
	address, roots := startSMTP(t, s)
	_, port, _ := net.SplitHostPort(address)
	m, err := NewMail(MailConfig{
		URL: "smtp://localhost:" + port, From: "Tést Desk <desk@example.com>", To: []string{"team@example.com", "Boss <boss@example.com>"},
		User: "desk", Password: "hush", TLS: &tls.Config{RootCAs: roots}, Network: local4(address),
	})
	require.NoError(t, err)
	e := testEvent()
	e.Data.Subject = "Lampe ist kaputt ü\r\nBcc: thief@example.com"
	require.NoError(t, m.Deliver(t.Context(), e, e.ID))
	message, err := mail.ReadMessage(strings.NewReader(s.messages[0]))
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	require.NoError(t, err)
	if !strings.HasPrefix(subject, "Neues Ticket T-48291532: Lampe ist kaputt ü") || message.Header.Get("Bcc") != "" {
		t.Errorf("subject %q, Bcc %q", subject, message.Header.Get("Bcc"))
	}
	if id := message.Header.Get("Message-ID"); id != "<evt_1@example.com>" {
		t.Errorf("Message-ID %s", id)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	require.NoError(t, err)
	for _, want := range []string{"Priorität: high", "Kontakt: kunde@example.com", "Sie flackert."} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the message has no %q:\n%s", want, body)
		}
	}
	for _, want := range []string{"TLS MAIL FROM:<desk@example.com>", "TLS RCPT TO:<team@example.com>", "TLS RCPT TO:<boss@example.com>"} {
		if !slices.ContainsFunc(s.commands, func(c string) bool { return strings.HasPrefix(c, want) }) {
			t.Errorf("no command %s in %q", want, s.commands)
		}
	}
	if slices.ContainsFunc(s.commands, func(c string) bool { return strings.HasPrefix(c, "AUTH") || strings.Contains(c, "thief") }) {
		t.Errorf("the password was not encrypted, or a receiver was added: %q", s.commands)
	}
}

// local4 leads every name to address.
func local4(address string) Network {
	return Network{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}}
}

func TestMailServersThatBehaveBadly(t *testing.T) {
	for name, test := range map[string]struct {
		server     *smtpServer
		trustsNone bool
		code       fault.Code
		isFinal    bool
	}{
		"no STARTTLS":      {server: &smtpServer{hasNoTLS: true}, code: fault.Unavailable},
		"unknown issuer":   {server: &smtpServer{}, trustsNone: true, code: fault.Unavailable},
		"half answer":      {server: &smtpServer{breaksOff: true}, code: fault.Unavailable},
		"mailbox is full":  {server: &smtpServer{dataAnswer: "452 full"}, code: fault.Provider},
		"refused for good": {server: &smtpServer{dataAnswer: "554 spam"}, code: fault.Invalid, isFinal: true},
	} {
		address, roots := startSMTP(t, test.server)
		_, port, _ := net.SplitHostPort(address)
		c := MailConfig{URL: "smtp://localhost:" + port, From: "a@example.com", To: []string{"b@example.com"}, TLS: &tls.Config{RootCAs: roots}, Network: local4(address)}
		if test.trustsNone {
			c.TLS = nil
		}
		m, err := NewMail(c)
		require.NoError(t, err)
		f := fault.From(m.Deliver(t.Context(), testEvent(), "evt_1"))
		if f == nil || f.Code != test.code || f.Retry == test.isFinal {
			t.Errorf("%s: %+v", name, f)
		}
		if name == "no STARTTLS" && len(test.server.messages) > 0 {
			t.Error("a message left without encryption")
		}
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	m, err := NewMail(MailConfig{URL: "smtp://localhost:25", From: "a@example.com", To: []string{"b@example.com"}, Network: local4(silent.Addr().String())})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if f := fault.From(m.Deliver(ctx, testEvent(), "evt_1")); f == nil || f.Code != fault.Timeout {
		t.Errorf("a server that never answers: %v", f)
	}
}

func FuzzMailHeaders(f *testing.F) {
	m, err := NewMail(MailConfig{URL: "smtp://localhost", From: "a@example.com", To: []string{"b@example.com"}})
	require.NoError(f, err)
	f.Add("Subject\r\nBcc: c@example.com", "T-1\nX: y", "\r\n.\r\nQUIT")
	f.Fuzz(func(t *testing.T, subject, ticket, text string) {
		e := testEvent()
		e.Data.Subject, e.Data.Ticket, e.Data.Content.Description = subject, ticket, text
		b, err := m.message(e, "evt_1")
		require.NoError(t, err)
		message, err := mail.ReadMessage(strings.NewReader(string(b)))
		require.NoError(t, err)
		for name := range message.Header {
			if !slices.Contains([]string{"From", "To", "Subject", "Date", "Message-Id", "References", "Auto-Submitted", "Mime-Version", "Content-Type", "Content-Transfer-Encoding"}, name) {
				t.Errorf("a header was added: %s", name)
			}
		}
	})
}
