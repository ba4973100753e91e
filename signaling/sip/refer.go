package sip

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
)

const referTime = 40 * time.Second // for the other side to reach whom it was referred to

// blind asks the other side to call to instead of us (REFER, RFC 3515), and returns when it
// says that somebody answered there. The error says why not; the call then goes on.
func (c *call) blind(ctx context.Context, to string) error {
	ctx, cancel := context.WithTimeout(ctx, referTime)
	defer cancel()
	news := make(chan string, 8)
	c.mu.Lock()
	if c.referred != nil {
		c.mu.Unlock()
		return fault.New(fault.Conflict, "this call is being transferred already")
	}
	c.referred = news
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.referred = nil
		c.mu.Unlock()
	}()
	res, err := c.do(ctx, func() *sip.Request {
		r := c.request(sip.REFER)
		r.AppendHeader(sip.NewHeader("Refer-To", "<"+c.referTo(to)+">"))
		r.AppendHeader(sip.NewHeader("Referred-By", "<"+c.server.contact(c.over, c.peer).Address.String()+">"))
		return r
	})
	if err != nil {
		return fault.Wrap(err, fault.Timeout, "the telephone network does not answer the transfer")
	}
	if !res.IsSuccess() {
		return fault.New(fault.Declined, "the telephone network does not transfer: %d %s", res.StatusCode, res.Reason)
	}
	for {
		select {
		case status := <-news:
			if over, err := transferred(status); over {
				return err
			}
		case <-c.dialog.Context().Done(): // it hung up: it talks to somebody else now
			return nil
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.NoAnswer, "nobody answered")
		}
	}
}

// referTo is a number or SIP address as a URI.
func (c *call) referTo(to string) string {
	if strings.HasPrefix(to, "sip:") || strings.HasPrefix(to, "sips:") || strings.HasPrefix(to, "tel:") {
		return to
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	host := c.target.Host
	if c.first != nil && c.first.From() != nil { // the caller's own system knows its numbers
		host = c.first.From().Address.Host
	}
	return "sip:" + escape(to) + "@" + host
}

// transferred reads the status line that news of a transfer holds (RFC 3515, 2.4.5).
func transferred(line string) (over bool, err error) {
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(strings.ToUpper(fields[0]), "SIP/") {
		return false, nil
	}
	status, err := strconv.Atoi(fields[1])
	switch {
	case err != nil || status < 200:
		return false, nil //nolint:nilerr // a line that is not a status line is not news
	case status < 300:
		return true, nil
	case status == 486 || status == 600:
		return true, fault.New(fault.Busy, "the line is busy")
	}
	return true, fault.New(fault.NoAnswer, "nobody answered (%d)", status)
}

// notify takes news of a transfer.
func (c *call) notify(r *sip.Request, tx sip.ServerTransaction) {
	event := ""
	if h := r.GetHeader("Event"); h != nil {
		event, _, _ = strings.Cut(h.Value(), ";")
	}
	c.mu.Lock()
	news := c.referred
	c.mu.Unlock()
	if !strings.EqualFold(strings.TrimSpace(event), "refer") {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 489, "Bad Event", nil))
		return
	}
	_ = tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil))
	if news == nil {
		return
	}
	line, _, _ := strings.Cut(string(r.Body()[:min(len(r.Body()), 256)]), "\n")
	select {
	case news <- strings.TrimSpace(line):
	default: // more than a transfer has to tell
	}
}
