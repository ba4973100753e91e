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
	registration  = 5 * time.Minute // that we ask for
	registerAgain = 5 * time.Second // after a failure, doubling
	registerLate  = 5 * time.Minute // and no further apart than this
	leaveTime     = 2 * time.Second // for a registrar, or who was to answer, to hear that we go
)

// stayRegistered keeps us registered at a trunk's server (RFC 3261, 10) until the server
// closes.
func (s *Server) stayRegistered(t *Trunk) {
	pause := registerAgain
	known := false // which is logged when it changes
	for s.life.Err() == nil {
		wait := pause
		granted, err := s.register(s.life, t, registration)
		switch {
		case err == nil:
			wait, pause = granted*8/10, registerAgain
			if !known {
				s.o.Log.Info("registered", zap.String("trunk", t.Name), zap.Duration("for", granted))
			}
		case s.life.Err() == nil:
			pause = min(2*pause, registerLate)
			s.o.Log.Warn("not registered", zap.String("trunk", t.Name), zap.Duration("again_in", wait), zap.Error(err))
		}
		known = err == nil
		select {
		case <-time.After(wait):
		case <-s.life.Done():
		}
	}
	if known {
		ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
		defer cancel()
		_, _ = s.register(ctx, t, 0)
	}
}

// register registers for so long, or with 0 takes that back. It returns how long was granted.
func (s *Server) register(ctx context.Context, t *Trunk, life time.Duration) (time.Duration, error) {
	at, err := s.findServer(ctx, t)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*requestTime)
	defer cancel()
	r := s.request(sip.REGISTER, at, "", t.User)
	r.AppendHeader(&sip.ToHeader{Address: sip.Uri{Scheme: "sip", User: escape(t.User), Host: at.uri.Host}})
	r.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(life.Seconds()))))
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
	return granted(res, life), nil
}

// granted is how long a registration lasts, as its answer says.
func granted(res *sip.Response, asked time.Duration) time.Duration {
	text := ""
	if h := res.Contact(); h != nil {
		text, _ = h.Params.Get("expires")
	}
	if h := res.GetHeader("Expires"); h != nil && text == "" {
		text = h.Value()
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil || seconds == 0 {
		return asked
	}
	return max(min(time.Duration(seconds)*time.Second, time.Hour), 10*time.Second)
}
