package sip

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
)

const (
	minInterval = 90 * time.Second // of a session timer (RFC 4028, 4)
	maxInterval = 24 * time.Hour
	ourInterval = 30 * time.Minute // that we ask for
	crossTime   = 3 * time.Second  // between two offers where theirs crossed the first
)

var errExpired = fault.New(fault.Timeout, "the other side did not refresh the session")

// timer is a session timer (RFC 4028): one side refreshes the call, and the other one
// ends it when that does not happen any more.
type timer struct {
	interval  time.Duration // 0: none was agreed
	ours      bool          // we refresh
	refreshed chan struct{}
}

// asked is what the other side's INVITE asks for.
func asked(r *sip.Request) timer {
	interval, refresher := sessionExpires(r)
	ours := refresher == "uas" || refresher == "" && !supportsTimer(r)
	return timer{interval: interval, ours: ours, refreshed: make(chan struct{}, 1)}
}

// agreed is what the other side's answer to our INVITE says.
func agreed(r *sip.Response) timer {
	interval, refresher := sessionExpires(r)
	return timer{interval: interval, ours: refresher != "uas", refreshed: make(chan struct{}, 1)}
}

type headers interface {
	GetHeader(name string) sip.Header
}

// sessionExpires reads the header of that name, 0 without.
func sessionExpires(m headers) (interval time.Duration, refresher string) {
	h := m.GetHeader("Session-Expires")
	if h == nil {
		if h = m.GetHeader("x"); h == nil {
			return 0, ""
		}
	}
	text, parameters, _ := strings.Cut(h.Value(), ";")
	seconds, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0, ""
	}
	for p := range strings.SplitSeq(parameters, ";") {
		if name, value, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(name, "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(value))
		}
	}
	return min(time.Duration(seconds)*time.Second, maxInterval), refresher
}

func supportsTimer(m headers) bool {
	for _, name := range []string{"Supported", "k"} {
		if h := m.GetHeader(name); h != nil {
			for option := range strings.SplitSeq(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(option), "timer") {
					return true
				}
			}
		}
	}
	return false
}

// tooShort reports whether the other side asks for an interval that RFC 4028 forbids.
func (t timer) tooShort() bool { return t.interval > 0 && t.interval < minInterval }

// answer adds to the answer of their INVITE or UPDATE what was agreed, and takes note of
// the refresh.
func (t timer) answer(res *sip.Response) {
	select {
	case t.refreshed <- struct{}{}:
	default:
	}
	if t.interval == 0 {
		return
	}
	refresher := "uac" // of this very request, which is theirs
	if t.ours {
		refresher = "uas"
	}
	res.AppendHeader(sip.NewHeader("Session-Expires", fmt.Sprintf("%d;refresher=%s", int(t.interval.Seconds()), refresher)))
	if refresher == "uac" {
		res.AppendHeader(sip.NewHeader("Require", "timer"))
	}
}

// keepFresh refreshes the call, or waits for the other side to do so, until it has ended.
// The error says that it cannot go on.
func (c *call) keepFresh() error {
	t := c.timer
	if t.interval == 0 {
		<-c.ended
		return nil
	}
	wait := t.interval - min(32*time.Second, t.interval/3) // RFC 4028, 10
	if t.ours {
		wait = t.interval / 2
	}
	alarm := time.NewTimer(wait)
	defer alarm.Stop()
	for {
		select {
		case <-c.ended:
			return nil
		case <-t.refreshed:
		case <-alarm.C:
			if !t.ours {
				return errExpired
			}
			crosses, err := c.refresh()
			if err != nil {
				return err
			}
			if crosses { // with an offer of theirs (RFC 3261, 14.1)
				alarm.Reset(crossTime)
				continue
			}
		}
		alarm.Reset(wait)
	}
}

func (c *call) setOffering(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offering = is
}

// refresh sends an UPDATE (RFC 3311), or an INVITE to those who take none. It reports whether
// that crossed an offer of the other side, so that it has to be sent again.
func (c *call) refresh() (crosses bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*requestTime)
	defer cancel()
	method := sip.INVITE
	if strings.Contains(strings.ToUpper(c.allows), string(sip.UPDATE)) {
		method = sip.UPDATE
	}
	var offer []byte
	if method == sip.INVITE {
		offer = c.leg.offerAgain()
		c.setOffering(true)
		defer c.setOffering(false)
	}
	res, err := c.do(ctx, func() *sip.Request {
		r := c.request(method)
		r.AppendHeader(sip.NewHeader("Supported", "timer"))
		r.AppendHeader(sip.NewHeader("Session-Expires", fmt.Sprintf("%d;refresher=uac", int(c.timer.interval.Seconds()))))
		if offer != nil {
			r.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
			r.SetBody(offer)
		}
		return r
	})
	if err != nil {
		return false, fault.Wrap(err, fault.Timeout, "the other side does not answer any more")
	}
	if offer != nil && res.IsSuccess() {
		return false, c.accept(res.Body())
	}
	if res.StatusCode == 408 || res.StatusCode == 481 {
		return false, fault.Wrap(errors.New(res.StartLine()), fault.Unavailable, "the other side does not know the call any more")
	}
	return res.StatusCode == 491, nil // what else it does not understand, it does not miss
}

// accept takes the answer to another offer of ours, where there is one.
func (c *call) accept(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	used, _ := c.leg.agreed()
	if theirs, err := parseAnswer(body, []codec{used}); err != nil || !c.leg.alter(theirs) {
		return fault.New(fault.Media, "there is nothing to talk over any more")
	}
	return nil
}
