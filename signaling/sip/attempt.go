package sip

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
)

const (
	cancelTimeout = 35 * time.Second // for the final response after a CANCEL: 64*T1 and some
	maxChallenges = 2                // that are answered with credentials: the first nonce may be stale
)

var errRinging = errors.New("ringing")

// attempt is an INVITE that waits for its final response. Once the caller gives up, the
// attempt is abandoned: it sends a CANCEL, but goes on waiting, because an answer may cross
// the CANCEL. Then it hangs up.
type attempt struct {
	server    *Server
	dialog    *sipgo.DialogClientSession
	trunk     *Trunk
	to        target
	abandoned chan struct{} // closed when nobody waits for the answer any more

	challenges int // received; belongs to the goroutine of wait

	mu     sync.Mutex
	cancel *sip.Request // the CANCEL; nil while it must not be sent, and once it was sent
}

// attempt sends an INVITE and waits for its answer, or until ctx ends. It calls o.onFailed
// as place does.
func (s *Server) attempt(ctx context.Context, invite *sip.Request, o placeOptions, to target) (*sipgo.DialogClientSession, error) {
	revoke := s.allowSender(to.addr.Addr())
	ua := sipgo.DialogUA{Client: s.client, ContactHDR: *s.contact(to.network, to.addr.Addr())}
	d, err := ua.WriteInvite(ctx, invite)
	if err != nil {
		revoke()
		o.onFailed(0)
		return nil, fault.Wrap(err, fault.Unavailable, "the telephone network cannot be reached")
	}
	a := &attempt{server: s, dialog: d, trunk: o.trunk, to: to, abandoned: make(chan struct{})}
	answered := make(chan error)
	s.running.Go(func() {
		defer revoke()
		err := a.wait()
		select {
		case answered <- err:
		case <-a.abandoned:
			o.onFailed(a.endAbandoned(err))
		}
	})
	select {
	case err := <-answered:
		if err != nil {
			_ = d.Close()
			o.onFailed(0)
			return nil, explainFailure(ctx, err)
		}
		return d, nil
	case <-ctx.Done():
		close(a.abandoned)
		return nil, explainFailure(ctx, ctx.Err())
	}
}

// wait waits for the final response, and cancels the INVITE once it is abandoned.
func (a *attempt) wait() error {
	ctx, stop := context.WithCancelCause(context.Background())
	var work sync.WaitGroup
	defer work.Wait()
	defer stop(nil)
	rings := make(chan struct{}, 1)
	work.Go(func() { a.cancelWhenAbandoned(ctx, rings, stop) })
	for {
		err := a.dialog.WaitAnswer(ctx, sipgo.AnswerOptions{
			Username: a.trunk.User, Password: a.trunk.Password, OnResponse: a.handleResponse,
		})
		if !errors.Is(err, errRinging) {
			return err
		}
		select {
		case rings <- struct{}{}:
		default: // a signal waits already
		}
	}
}

// handleResponse sees each response before sipgo handles it. It returns errRinging for a
// provisional response, because sipgo's WaitAnswer accepts only ten of them.
func (a *attempt) handleResponse(res *sip.Response) error {
	removeBadRoutes(res)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case res.IsProvisional():
		a.cancel = newCancel(a.dialog.InviteRequest)
		return errRinging
	case res.IsSuccess():
		return nil
	}
	a.cancel = nil // an INVITE with credentials may follow; it needs a provisional response first
	if a.challenges++; a.challenges > maxChallenges {
		return &sipgo.ErrDialogResponse{Res: res}
	}
	select {
	case <-a.abandoned:
		return &sipgo.ErrDialogResponse{Res: res}
	default:
		return nil
	}
}

// removeBadRoutes removes the Record-Route headers if one of them is invalid. sipgo would
// use it.
func removeBadRoutes(res *sip.Response) {
	for _, h := range res.GetHeaders("Record-Route") {
		r := sip.NewRequest(sip.ACK, sip.Uri{})
		r.AppendHeader(sip.NewHeader("Route", h.Value()))
		if r.Route() == nil {
			for _, h := range res.GetHeaders("Record-Route") {
				res.RemoveHeader(h.Name())
			}
			return
		}
	}
}

// cancelWhenAbandoned sends the CANCEL once the attempt is abandoned and a provisional
// response came (RFC 3261, 9.1). It calls stop if no final response comes. It returns when
// ctx ends.
func (a *attempt) cancelWhenAbandoned(ctx context.Context, rings <-chan struct{}, stop context.CancelCauseFunc) {
	select {
	case <-a.abandoned:
	case <-ctx.Done():
		return
	}
	timeout := time.NewTimer(cancelTimeout)
	defer timeout.Stop()
	defer context.AfterFunc(a.server.life, func() { timeout.Reset(leaveTimeout) })()
	var sending sync.WaitGroup
	defer sending.Wait()
	for {
		a.mu.Lock()
		cancel := a.cancel
		a.cancel = nil
		a.mu.Unlock()
		if cancel != nil { // its response does not matter, only that to the INVITE
			sending.Go(func() { _, _ = a.server.client.Do(ctx, cancel, unmodified) })
		}
		select {
		case <-ctx.Done():
			return
		case <-rings:
		case <-timeout.C:
			stop(sipgo.WaitAnswerForceCancelErr)
		}
	}
}

// endAbandoned hangs up if an abandoned attempt was answered. err is wait's. It returns how
// long the call lasted.
func (a *attempt) endAbandoned(err error) time.Duration {
	if err != nil {
		_ = a.dialog.Close()
		return 0
	}
	answered := time.Now()
	c := a.server.newOutgoingCall(a.dialog, a.trunk, a.to, nil)
	c.allowSenders(append(c.signalingAddrs(), c.peer.addr)...)
	defer c.unregister()
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	_ = a.dialog.Ack(ctx)
	c.hangUp()
	return time.Since(answered)
}

// newCancel returns the CANCEL of an INVITE.
func newCancel(invite *sip.Request) *sip.Request {
	r := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	r.AppendHeader(sip.HeaderClone(invite.Via()))
	copyDialogHeaders(r, invite)
	r.SetTransport(invite.Transport())
	r.Laddr = invite.Laddr
	return r
}
