package sip

import (
	"context"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	maxDigits      = 64 // of one sendDTMF
	infoTimeout    = time.Minute
	dtmfPause      = 500 * time.Millisecond // for a comma
	maxInfoBody    = 256                    // bytes
	dtmfCharacters = "0123456789*#ABCD"
)

// sendDTMF sends digits as telephone events, or by INFO if the other side does not accept
// telephone events. A comma waits half a second. The error is a fault.Error.
func (c *call) sendDTMF(digits string) error {
	if !media.IsDTMF(digits) || len(digits) > maxDigits {
		return fault.New(fault.Invalid, "invalid DTMF digits (want up to %d of 0-9, *, #, A-D, and a comma for a pause of half a second)", maxDigits)
	}
	sent, err := c.leg.SendDTMF(digits)
	if err != nil {
		return fault.Wrap(err, fault.Limited, "too many DTMF digits wait to be sent")
	}
	if sent {
		return nil
	}
	return c.sendInfoDTMF(digits)
}

// sendInfoDTMF sends digits by INFO (application/dtmf-relay).
func (c *call) sendInfoDTMF(digits string) error {
	ctx, cancel := context.WithTimeout(context.Background(), infoTimeout)
	defer cancel()
	for _, digit := range strings.ToUpper(digits) {
		if digit == ',' {
			select {
			case <-time.After(dtmfPause):
			case <-c.ended:
				return nil
			}
			continue
		}
		res, err := c.do(ctx, func() *sip.Request {
			r := c.newRequest(sip.INFO)
			r.AppendHeader(sip.NewHeader("Content-Type", "application/dtmf-relay"))
			r.SetBody([]byte("Signal=" + string(digit) + "\r\nDuration=160\r\n"))
			return r
		})
		if err != nil {
			return fault.Wrap(err, fault.Timeout, "the other side does not answer")
		}
		if !res.IsSuccess() {
			return fault.New(fault.Declined, "the other side refuses DTMF: %d %s", res.StatusCode, res.Reason)
		}
	}
	return nil
}

// handleInfo handles DTMF that comes by INFO (application/dtmf-relay, application/dtmf).
func (c *call) handleInfo(r *sip.Request, tx sip.ServerTransaction) {
	if digit, ok := parseInfoDTMF(r.Body()); ok {
		c.leg.PushDigit(digit)
	}
	_ = tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil))
}

// parseInfoDTMF parses "Signal=5", or a digit alone.
func parseInfoDTMF(body []byte) (digit byte, ok bool) {
	if len(body) > maxInfoBody {
		return 0, false
	}
	for line := range strings.Lines(string(body)) {
		name, value, hasName := strings.Cut(line, "=")
		if !hasName {
			name, value = "signal", line
		}
		value = strings.ToUpper(strings.TrimSpace(value))
		if strings.EqualFold(strings.TrimSpace(name), "signal") && len(value) == 1 && strings.Contains(dtmfCharacters, value) {
			return value[0], true
		}
	}
	return 0, false
}
