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
	minInterval     = 90 * time.Second // of a session timer (RFC 4028, 4)
	maxInterval     = 24 * time.Hour
	defaultInterval = 30 * time.Minute // that we ask for
	crossingPause   = 3 * time.Second  // before we repeat an offer that crossed theirs (RFC 3261, 14.1)
)

var errExpired = fault.New(fault.Timeout, "the other side did not refresh the session")

// sessionTimer is a session timer (RFC 4028): one side refreshes the call, and the other
// side ends it when no refresh comes.
type sessionTimer struct {
	interval    time.Duration // 0: there is no timer
	isRefresher bool          // we refresh
	refreshed   chan struct{}
}

// requestedTimer returns the timer that the other side's request asks for.
func requestedTimer(r *sip.Request) sessionTimer {
	interval, refresher := parseSessionExpires(r)
	isRefresher := refresher == "uas" || refresher == "" && !supportsTimer(r)
	return sessionTimer{interval: interval, isRefresher: isRefresher, refreshed: make(chan struct{}, 1)}
}

// agreedTimer returns the timer in the response to our INVITE.
func agreedTimer(r *sip.Response) sessionTimer {
	interval, refresher := parseSessionExpires(r)
	return sessionTimer{interval: interval, isRefresher: refresher != "uas", refreshed: make(chan struct{}, 1)}
}

type headers interface {
	GetHeader(name string) sip.Header
}

// parseSessionExpires parses the Session-Expires header. The interval is 0 without one.
func parseSessionExpires(m headers) (interval time.Duration, refresher string) {
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

// refuseShortTimer refuses a request with an interval below the minimum of RFC 4028. It
// reports whether it did.
func refuseShortTimer(r *sip.Request, tx sip.ServerTransaction) bool {
	if t := requestedTimer(r); t.interval == 0 || t.interval >= minInterval {
		return false
	}
	res := sip.NewResponseFromRequest(r, 422, "Session Interval Too Small", nil)
	res.AppendHeader(sip.NewHeader("Min-SE", strconv.Itoa(int(minInterval.Seconds()))))
	_ = tx.Respond(res)
	return true
}

// addTo adds the timer to the response to an INVITE or UPDATE of the other side. The
// request itself refreshes the session.
func (t sessionTimer) addTo(res *sip.Response) {
	select {
	case t.refreshed <- struct{}{}:
	default:
	}
	if t.interval == 0 {
		return
	}
	refresher := "uac" // of this request: the other side
	if t.isRefresher {
		refresher = "uas"
	}
	res.AppendHeader(sip.NewHeader("Session-Expires", fmt.Sprintf("%d;refresher=%s", int(t.interval.Seconds()), refresher)))
	if refresher == "uac" {
		res.AppendHeader(sip.NewHeader("Require", "timer"))
	}
}

// runSessionTimer refreshes the call, or waits for the other side's refreshes, until the
// call has ended. It returns an error if the call cannot go on.
func (c *call) runSessionTimer() error {
	t := c.timer
	if t.interval == 0 {
		<-c.ended
		return nil
	}
	wait := t.interval - min(32*time.Second, t.interval/3) // RFC 4028, 10
	if t.isRefresher {
		wait = t.interval / 2
	}
	alarm := time.NewTimer(wait)
	defer alarm.Stop()
	for {
		next := wait
		select {
		case <-c.ended:
			return nil
		case <-t.refreshed:
		case <-alarm.C:
			if !t.isRefresher {
				return errExpired
			}
			isCrossing, err := c.refresh()
			if err != nil {
				return err
			}
			if isCrossing {
				next = crossingPause
			}
		}
		alarm.Reset(next)
	}
}

// refresh sends an UPDATE (RFC 3311), or a re-INVITE if the other side does not allow
// UPDATE. isCrossing says that it crossed an offer of the other side and must be repeated.
func (c *call) refresh() (isCrossing bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*requestTimeout)
	defer cancel()
	method := sip.INVITE
	if c.peer.allows(sip.UPDATE) {
		method = sip.UPDATE
	}
	var offer []byte
	if method == sip.INVITE {
		offer = c.leg.Reoffer()
		c.setOffering(true)
		defer c.setOffering(false)
	}
	res, err := c.do(ctx, func() *sip.Request {
		r := c.newRequest(method)
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
		return false, c.updateFromAnswer(res.Body())
	}
	if res.StatusCode == 408 || res.StatusCode == 481 {
		return false, fault.Wrap(errors.New(res.StartLine()), fault.Unavailable, "the other side does not know the call any more")
	}
	return res.StatusCode == 491, nil // other errors do not end the call
}
