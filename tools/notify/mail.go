package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/tools/outbox"
)

// MailConfig describes an SMTP server and a message's ends.
type MailConfig struct {
	// URL is smtp://host:port, which must offer STARTTLS, or smtps://host:port.
	URL      string
	From     string   // one address, with or without a name
	To       []string // addresses
	User     string   // "" sends without authentication
	Password string
	Insecure bool        // allows a server without STARTTLS; a password is then not sent
	TLS      *tls.Config // nil means the default one
	Network
}

// Mail sends events as e-mail in plain text.
type Mail struct {
	c        MailConfig
	host     string // for certificates
	address  string // host and port
	isSMTPS  bool
	from     *mail.Address
	to       []*mail.Address
	idDomain string // of Message-IDs
}

// NewMail checks c and returns its destination.
func NewMail(c MailConfig) (*Mail, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("url must be one such as smtp://mail.example.com:587 or smtps://mail.example.com:465, without a user")
	}
	m := &Mail{c: c, host: u.Hostname(), isSMTPS: u.Scheme == "smtps"}
	port := u.Port()
	switch {
	case port == "" && m.isSMTPS:
		port = "465"
	case port == "":
		port = "587"
	}
	m.address = net.JoinHostPort(m.host, port)
	if m.from, err = parseAddress(c.From); err != nil {
		return nil, errors.New("from must be an e-mail address such as desk@example.com")
	}
	_, m.idDomain, _ = strings.Cut(m.from.Address, "@")
	if len(c.To) == 0 {
		return nil, errors.New("to must list at least one e-mail address")
	}
	for _, text := range c.To {
		to, err := parseAddress(text)
		if err != nil {
			return nil, errors.New("to must list e-mail addresses such as team@example.com")
		}
		m.to = append(m.to, to)
	}
	if (c.User == "") != (c.Password == "") {
		return nil, errors.New("set both user and secret, or neither")
	}
	return m, nil
}

// parseAddress parses one address. Its domain and local part have only characters that need
// no quoting, so that they are safe in a Message-ID and an SMTP command.
func parseAddress(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(a.Address, " \t\r\n\"<>(),;:\\") || strings.Count(a.Address, "@") != 1 || strings.ContainsAny(a.Name, "\r\n") {
		return nil, errors.New("unusual address")
	}
	return a, nil
}

// Deliver implements outbox.Destination.
func (m *Mail) Deliver(ctx context.Context, e outbox.Event, idempotencyKey string) error {
	message, err := m.message(e, idempotencyKey)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the message cannot be written")
	}
	conn, err := m.c.dial(ctx, "tcp", m.address)
	if err != nil {
		return mailError(ctx, err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if m.isSMTPS {
		conn = tls.Client(conn, m.tls())
	}
	client, err := smtp.NewClient(conn, m.host)
	if err != nil {
		conn.Close()
		return mailError(ctx, err)
	}
	defer client.Close()
	return m.send(ctx, client, message)
}

func (m *Mail) send(ctx context.Context, client *smtp.Client, message []byte) error {
	if err := m.prepare(client); err != nil {
		return mailError(ctx, err)
	}
	if err := client.Mail(m.from.Address); err != nil {
		return mailError(ctx, err)
	}
	for _, to := range m.to {
		if err := client.Rcpt(to.Address); err != nil {
			return mailError(ctx, err)
		}
	}
	w, err := client.Data()
	if err == nil {
		_, err = w.Write(message)
	}
	if err == nil {
		err = w.Close() // the server has the message when it has answered this
	}
	if err != nil {
		return mailError(ctx, err)
	}
	_ = client.Quit()
	return nil
}

var (
	errNoTLS      = errors.New("the server offers no STARTTLS")
	errNoPassword = errors.New("the server offers no authentication")
)

// prepare encrypts the connection and authenticates.
func (m *Mail) prepare(client *smtp.Client) error {
	if err := client.Hello("localhost"); err != nil {
		return err
	}
	isEncrypted := m.isSMTPS
	if !isEncrypted {
		offered, _ := client.Extension("STARTTLS")
		if !offered && !m.c.Insecure {
			return errNoTLS
		}
		if offered {
			if err := client.StartTLS(m.tls()); err != nil {
				return err
			}
			isEncrypted = true
		}
	}
	if m.c.User == "" || !isEncrypted {
		return nil
	}
	if offered, _ := client.Extension("AUTH"); !offered {
		return errNoPassword
	}
	return client.Auth(smtp.PlainAuth("", m.c.User, m.c.Password, m.host))
}

func (m *Mail) tls() *tls.Config {
	c := &tls.Config{}
	if m.c.TLS != nil {
		c = m.c.TLS.Clone()
	}
	c.ServerName, c.MinVersion = m.host, max(c.MinVersion, tls.VersionTLS12)
	return c
}

// mailError returns the fault for an error of a server or of the network. A server that
// refuses a message for good answers 5xx to its content; everything else may be corrected
// there or here.
func mailError(ctx context.Context, err error) error {
	var answer *textproto.Error
	switch {
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	case errors.Is(err, errNoTLS):
		return fault.New(fault.Unavailable, "the mail server offers no STARTTLS: use smtps://, or insecure: true if you must").Retryable(0)
	case errors.Is(err, errNoPassword):
		return fault.New(fault.Unauthorized, "the mail server offers no authentication: remove user and secret").Retryable(0)
	case errors.As(err, &answer) && (answer.Code == 552 || answer.Code == 554):
		return fault.New(fault.Invalid, "the mail server answered %d", answer.Code)
	case errors.As(err, &answer):
		return fault.New(fault.Provider, "the mail server answered %d", answer.Code).Retryable(0)
	}
	return fault.Wrap(err, fault.Unavailable, "the mail server cannot be reached, or broke off").Retryable(0)
}

// message returns the message for an event. Messages about one ticket are one thread.
func (m *Mail) message(e outbox.Event, idempotencyKey string) ([]byte, error) {
	var to []string
	for _, a := range m.to {
		to = append(to, a.String())
	}
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", m.from.String())
	header("To", strings.Join(to, ",\r\n "))
	header("Subject", mime.QEncoding.Encode("utf-8", oneLine(title(e))))
	header("Date", e.At.UTC().Format(time.RFC1123Z))
	header("Message-ID", fmt.Sprintf("<%s@%s>", headerToken(idempotencyKey), m.idDomain))
	if e.Data.Ticket != "" {
		header("References", fmt.Sprintf("<%s.ticket@%s>", headerToken(e.Data.Ticket), m.idDomain))
	}
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(describe(e), "\n", "\r\n"))); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

// oneLine returns text without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// headerToken returns the letters, digits, points, dashes and underscores of text.
func headerToken(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return r
		}
		return -1
	}, text)
}
