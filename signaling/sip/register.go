package sip

import (
	"context"
	"strconv"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/internal/fault"
)

const (
	registration     = 5 * time.Minute // lifetime that we ask for
	minRegistration  = 10 * time.Second
	maxRegistration  = time.Hour
	minRegisterPause = 5 * time.Second // after a failure; it doubles with each
	maxRegisterPause = 5 * time.Minute
	leaveTimeout     = 2 * time.Second // to unregister, or to cancel a call, when the server closes
)

// keepRegistered keeps us registered at a trunk's server (RFC 3261, 10) until the server
// closes.
func (s *Server) keepRegistered(t *Trunk) {
	pause := minRegisterPause
	isRegistered := false
	for s.life.Err() == nil {
		wait := pause
		granted, err := s.register(s.life, t, registration)
		switch {
		case err == nil:
			wait, pause = granted*8/10, minRegisterPause
			if !isRegistered {
				s.o.Log.Info("registered", zap.String("trunk", t.Name), zap.Duration("for", granted))
			}
		case s.life.Err() == nil:
			pause = min(2*pause, maxRegisterPause)
			s.o.Log.Warn("not registered", zap.String("trunk", t.Name), zap.Duration("again_in", wait), zap.Error(err))
		}
		isRegistered = err == nil
		select {
		case <-time.After(wait):
		case <-s.life.Done():
		}
	}
	if isRegistered {
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		_, _ = s.register(ctx, t, 0)
	}
}

// register registers us for a lifetime; 0 unregisters. It returns the granted lifetime.
func (s *Server) register(ctx context.Context, t *Trunk, lifetime time.Duration) (time.Duration, error) {
	to, err := s.resolveTrunk(ctx, t)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*requestTimeout)
	defer cancel()
	r := s.newRequest(sip.REGISTER, to, "", t.User)
	r.AppendHeader(&sip.ToHeader{Address: sip.Uri{Scheme: "sip", User: escapeUser(t.User), Host: to.uri.Host}})
	r.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(lifetime.Seconds()))))
	res, err := s.client.Do(ctx, r)
	if err == nil && (res.StatusCode == 401 || res.StatusCode == 407) {
		res, err = s.client.DoDigestAuth(ctx, r, res, sipgo.DigestAuth{Username: t.User, Password: t.Password})
	}
	if err != nil {
		return 0, fault.Wrap(err, fault.Unavailable, "%s does not answer", t.Server)
	}
	if !res.IsSuccess() {
		return 0, fault.New(fault.Unavailable, "%s refuses: %d %s", t.Server, res.StatusCode, res.Reason)
	}
	return grantedLifetime(res, lifetime), nil
}

// grantedLifetime returns the lifetime of a registration in the response to it.
func grantedLifetime(res *sip.Response, requested time.Duration) time.Duration {
	text := ""
	if h := res.Contact(); h != nil {
		text, _ = h.Params.Get("expires")
	}
	if h := res.GetHeader("Expires"); h != nil && text == "" {
		text = h.Value()
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil || seconds == 0 {
		return requested
	}
	return max(min(time.Duration(seconds)*time.Second, maxRegistration), minRegistration)
}
