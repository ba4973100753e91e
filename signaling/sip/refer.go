package sip

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
)

const (
	referTimeout     = 40 * time.Second // for the other side to reach the target
	maxReferStatuses = 8                // that wait to be read
)

// blindTransfer makes a blind transfer (REFER, RFC 3515): it asks the other side to call another
// number or SIP address instead of us. It returns nil when somebody answers there. If it
// returns an error, the call continues.
func (c *call) blindTransfer(ctx context.Context, to string) error {
	ctx, cancel := context.WithTimeout(ctx, referTimeout)
	defer cancel()
	statuses := make(chan string, maxReferStatuses)
	c.mu.Lock()
	if c.referStatus != nil {
		c.mu.Unlock()
		return fault.New(fault.Conflict, "this call is being transferred already")
	}
	c.referStatus = statuses
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.referStatus = nil
		c.mu.Unlock()
	}()
	res, err := c.do(ctx, func() *sip.Request {
		r := c.newRequest(sip.REFER)
		r.AppendHeader(sip.NewHeader("Refer-To", "<"+c.referTo(to)+">"))
		r.AppendHeader(sip.NewHeader("Referred-By", "<"+c.server.contact(c.peer.network, c.peer.addr).Address.String()+">"))
		return r
	})
	if err != nil {
		return fault.Wrap(err, fault.Timeout, "the telephone network does not answer the transfer")
	}
	if !res.IsSuccess() {
		return fault.New(fault.Declined, "the telephone network refuses the transfer: %d %s", res.StatusCode, res.Reason)
	}
	for {
		select {
		case status := <-statuses:
			if isFinal, err := parseReferStatus(status); isFinal {
				return err
			}
		case <-c.dialog.Context().Done(): // it hung up, because it talks to the target now
			return nil
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.NoAnswer, "nobody answered")
		}
	}
}

// referTo returns a number or SIP address as a URI.
func (c *call) referTo(to string) string {
	if strings.HasPrefix(to, "sip:") || strings.HasPrefix(to, "sips:") || strings.HasPrefix(to, "tel:") {
		return to
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	host := c.target.Host
	if c.invite != nil && c.invite.From() != nil { // the caller's telephone system knows its numbers
		host = c.invite.From().Address.Host
	}
	return "sip:" + escapeUser(to) + "@" + host
}

// parseReferStatus parses the status line that a NOTIFY about a transfer holds (RFC 3515,
// 2.4.5). The error says why a final status means failure.
func parseReferStatus(line string) (isFinal bool, err error) {
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(strings.ToUpper(fields[0]), "SIP/") {
		return false, nil
	}
	status, err := strconv.Atoi(fields[1])
	switch {
	case err != nil || status < 200:
		return false, nil //nolint:nilerr // a malformed line is ignored
	case status < 300:
		return true, nil
	case status == 486 || status == 600:
		return true, fault.New(fault.Busy, "the line is busy")
	}
	return true, fault.New(fault.NoAnswer, "nobody answered (%d)", status)
}

// handleNotify handles a NOTIFY about a transfer.
func (c *call) handleNotify(r *sip.Request, tx sip.ServerTransaction) {
	event := ""
	if h := r.GetHeader("Event"); h != nil {
		event, _, _ = strings.Cut(h.Value(), ";")
	}
	if !strings.EqualFold(strings.TrimSpace(event), "refer") {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 489, "Bad Event", nil))
		return
	}
	_ = tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil))
	c.mu.Lock()
	statuses := c.referStatus
	c.mu.Unlock()
	if statuses == nil {
		return
	}
	line, _, _ := strings.Cut(string(r.Body()[:min(len(r.Body()), 256)]), "\n")
	select {
	case statuses <- strings.TrimSpace(line):
	default: // the queue is full; a transfer needs fewer
	}
}
