package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/tools/outbox"
)

// secretPrefix begins the secrets of Standard Webhooks; base64 follows.
const secretPrefix = "whsec_"

// WebhookKey returns the key that a secret stands for: the bytes after whsec_ in base64, 24 to
// 64 of them.
func WebhookKey(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("must be whsec_ and 24 to 64 random bytes in base64: make one with echo whsec_$(openssl rand -base64 32)")
	}
	return key, nil
}

// Webhook posts events, signed as in the specification Standard Webhooks 1.0.
type Webhook struct {
	url    string
	key    []byte
	client *http.Client
}

// NewWebhook returns a destination that posts to url.
func NewWebhook(url, secret string, n Network) (*Webhook, error) {
	if err := CheckURL(url, n.Private); err != nil {
		return nil, fmt.Errorf("url %w", err)
	}
	key, err := WebhookKey(secret)
	if err != nil {
		return nil, fmt.Errorf("secret %w", err)
	}
	return &Webhook{url: url, key: key, client: n.client()}, nil
}

// Deliver implements outbox.Destination.
func (w *Webhook) Deliver(ctx context.Context, e outbox.Event, idempotencyKey string) error {
	body, err := e.JSON()
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the event cannot be written as JSON")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Internal, "the request cannot be made")
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Frontdesk")
	req.Header.Set("webhook-id", idempotencyKey)
	req.Header.Set("webhook-timestamp", timestamp)
	req.Header.Set("webhook-signature", sign(w.key, idempotencyKey, timestamp, body))
	_, err = send(w.client, req)
	switch f := fault.From(err); {
	case f == nil, f.Code == fault.BadAnswer: // 2xx says that it has the event; the answer's body does not matter
		return nil
	case strings.HasPrefix(f.Message, "answered 410"):
		return outbox.ErrGone
	}
	return err
}

// sign returns the signature of a message.
func sign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
