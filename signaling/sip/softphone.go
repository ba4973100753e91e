package sip

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// RTP ports of the softphone, apart from those of a server on the same machine.
const (
	softphoneMinPort = 16384
	softphoneMaxPort = 17383
)

// Call makes one call as a telephone of its own, without a trunk. uri is such as
// sip:demo@127.0.0.1:5060;transport=tcp or sip:user:password@host. Call returns the line
// once the call is answered. hangUp must be called. The error is as Ring's.
func Call(ctx context.Context, uri string) (line dialog.Line, hangUp func(), err error) {
	var to sip.Uri
	if err := sip.ParseUri(uri, &to); err != nil || to.Host == "" {
		return dialog.Line{}, nil, fault.New(fault.Invalid, "%.100q is not a SIP address such as sip:demo@127.0.0.1:5060", uri)
	}
	user, userErr := url.PathUnescape(to.User)
	password, passwordErr := url.PathUnescape(to.Password)
	if err = errors.Join(userErr, passwordErr); err != nil {
		return dialog.Line{}, nil, fault.Wrap(err, fault.Invalid, "%.100q has an invalid %%-escape", uri)
	}
	to.User, to.Password = "", ""
	t := Trunk{Name: "the address", User: user, Password: password, From: "frontdesk", Server: to.String()}
	server, err := parseTarget(t.Server, "udp")
	if err != nil {
		return dialog.Line{}, nil, err
	}
	listen := server.network + "://:0"
	if server.network == "tls" {
		listen = "tcp://:0" // nobody connects to us, so we need no certificate
	}
	s, err := New(Options{Listen: []string{listen}, Trunks: []Trunk{t}, MinPort: softphoneMinPort, MaxPort: softphoneMaxPort, Log: zap.NewNop()})
	if err != nil {
		return dialog.Line{}, nil, err
	}
	var serving sync.WaitGroup
	serving.Go(func() { s.Serve(context.WithoutCancel(ctx), nil) })
	c, err := s.place(ctx, placeOptions{trunk: &s.o.Trunks[0], to: user, onFailed: func(time.Duration) {}})
	if err != nil {
		s.Close()
		serving.Wait()
		return dialog.Line{}, nil, err
	}
	life, cancel := context.WithCancelCause(s.life)
	stop := context.AfterFunc(life, c.hangUp) // which closes line.Inputs
	return c.start(cancel), sync.OnceFunc(func() {
		stop()
		cancel(nil)
		c.finish()
		s.Close()
		serving.Wait()
	}), nil
}
