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

// For a call that was given up while it rang to be over: 64*T1 and a little.
const cancelTime = 35 * time.Second

const maxAsked = 2 // passwords that are sent: the first nonce may be too old

var errRings = errors.New("it rings")

// attempt is an INVITE under way: it is answered, refused, or taken back. Taking it back may
// cross the answer, so somebody has to wait for what becomes of it.
type attempt struct {
	server *Server
	dialog *sipgo.DialogClientSession
	trunk  *Trunk
	at     server
	gone   chan struct{} // closed when nobody waits for the answer any more

	asked int // for a password; of the waiting goroutine

	mu     sync.Mutex
	cancel *sip.Request // takes the INVITE back; nil before that may be sent, and behind it
}

// attempt sends an INVITE and waits for its answer, or until ctx ends. lost is as ring's.
func (s *Server) attempt(ctx context.Context, invite *sip.Request, t *Trunk, at server, lost func(time.Duration)) (*sipgo.DialogClientSession, error) {
	leave := s.invites(at.at.Addr())
	ua := sipgo.DialogUA{Client: s.client, ContactHDR: *s.contact(at.network, at.at.Addr())}
	d, err := ua.WriteInvite(ctx, invite)
	if err != nil {
		leave()
		lost(0)
		return nil, fault.Wrap(err, fault.Unavailable, "the telephone network cannot be reached")
	}
	a := &attempt{server: s, dialog: d, trunk: t, at: at, gone: make(chan struct{})}
	answered := make(chan error)
	s.running.Go(func() {
		defer leave()
		err := a.wait()
		select {
		case answered <- err:
		case <-a.gone:
			lost(a.undo(err))
		}
	})
	select {
	case err := <-answered:
		if err != nil {
			_ = d.Close()
			lost(0)
			return nil, refusal(ctx, err)
		}
		return d, nil
	case <-ctx.Done():
		close(a.gone)
		return nil, refusal(ctx, ctx.Err())
	}
}

// wait waits for the final answer, and takes the INVITE back when nobody wants it any more.
func (a *attempt) wait() error {
	ctx, stop := context.WithCancelCause(context.Background())
	var work sync.WaitGroup
	defer work.Wait()
	defer stop(nil)
	rings := make(chan struct{}, 1)
	work.Go(func() { a.takeBack(ctx, rings, stop) })
	for {
		err := a.dialog.WaitAnswer(ctx, sipgo.AnswerOptions{
			Username: a.trunk.User, Password: a.trunk.Password, OnResponse: a.hear,
		})
		if !errors.Is(err, errRings) {
			return err
		}
		select {
		case rings <- struct{}{}:
		default: // that is known
		}
	}
}

// hear takes an answer before sipgo does.
func (a *attempt) hear(res *sip.Response) error {
	scrub(res)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case res.IsProvisional():
		a.cancel = cancelOf(a.dialog.InviteRequest)
		return errRings // sipgo itself waits for ten of them only
	case res.IsSuccess():
		return nil
	}
	a.cancel = nil // with a password there may be another INVITE, which is to be heard of first
	if a.asked++; a.asked > maxAsked {
		return &sipgo.ErrDialogResponse{Res: res}
	}
	select {
	case <-a.gone:
		return &sipgo.ErrDialogResponse{Res: res}
	default:
		return nil
	}
}

// scrub takes away proxies that cannot be understood, which sipgo takes for ones that can.
func scrub(res *sip.Response) {
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

// takeBack sends the CANCEL once it is wanted and may be sent (RFC 3261, 9.1), and calls stop
// when that has no end. It returns when ctx ends.
func (a *attempt) takeBack(ctx context.Context, rings <-chan struct{}, stop context.CancelCauseFunc) {
	select {
	case <-a.gone:
	case <-ctx.Done():
		return
	}
	late := time.NewTimer(cancelTime)
	defer late.Stop()
	defer context.AfterFunc(a.server.life, func() { late.Reset(leaveTime) })()
	var sending sync.WaitGroup
	defer sending.Wait()
	for {
		a.mu.Lock()
		cancel := a.cancel
		a.cancel = nil
		a.mu.Unlock()
		if cancel != nil { // what becomes of the INVITE is what counts, not the answer to this
			sending.Go(func() { _, _ = a.server.client.Do(ctx, cancel, asItIs) })
		}
		select {
		case <-ctx.Done():
			return
		case <-rings:
		case <-late.C:
			stop(sipgo.WaitAnswerForceCancelErr)
		}
	}
}

// undo ends a call that nobody wanted any more, and returns how long it lasted.
func (a *attempt) undo(err error) time.Duration {
	if err != nil {
		_ = a.dialog.Close()
		return 0
	}
	took := time.Now()
	c := a.server.dialled(a.dialog, a.trunk, a.at, nil)
	c.admit(append(c.named(), c.peer)...)
	defer c.leave()
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	_ = a.dialog.Ack(ctx)
	c.hangUp()
	return time.Since(took)
}

// asItIs keeps sipgo from adding to a request.
func asItIs(*sipgo.Client, *sip.Request) error { return nil }

// cancelOf makes the request that takes an INVITE back.
func cancelOf(invite *sip.Request) *sip.Request {
	r := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	r.AppendHeader(sip.HeaderClone(invite.Via()))
	belong(r, invite)
	r.SetTransport(invite.Transport())
	r.Laddr = invite.Laddr
	return r
}

// belong has a CANCEL or an ACK name the INVITE it is of, and go the same way.
func belong(r, invite *sip.Request) {
	sip.CopyHeaders("Route", invite, r)
	r.AppendHeader(sip.HeaderClone(invite.From()))
	r.AppendHeader(sip.HeaderClone(invite.To()))
	r.AppendHeader(sip.HeaderClone(invite.CallID()))
	r.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: r.Method})
	forwards := sip.MaxForwardsHeader(70)
	r.AppendHeader(&forwards)
	r.SetBody(nil)
	r.SetDestination(invite.Destination())
}
