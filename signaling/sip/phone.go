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

// The ports of a telephone's sound.
const (
	phoneMinPort = 16384
	phoneMaxPort = 17383
)

// Call is a telephone of its own, which serves nobody: it calls uri, such as
// sip:demo@127.0.0.1:5060;transport=tcp or sip:user:password@host, and returns the line
// once somebody took the call. It must be hung up. The error is as Ring's.
func Call(ctx context.Context, uri string) (line dialog.Line, hangUp func(), err error) {
	var to sip.Uri
	if err := sip.ParseUri(uri, &to); err != nil || to.Host == "" {
		return dialog.Line{}, nil, fault.New(fault.Invalid, "%.100q is not a SIP address such as sip:demo@127.0.0.1:5060", uri)
	}
	user, err := url.PathUnescape(to.User)
	password, wrong := url.PathUnescape(to.Password)
	if err = errors.Join(err, wrong); err != nil {
		return dialog.Line{}, nil, fault.Wrap(err, fault.Invalid, "%.100q is not a SIP address", uri)
	}
	t := Trunk{Name: "the address", User: user, Password: password, From: "frontdesk"}
	to.User, to.Password = "", ""
	t.Server = to.String()
	f, err := parseServer(t.Server, "udp")
	if err != nil {
		return dialog.Line{}, nil, err
	}
	listen := f.network + "://:0"
	if f.network == "tls" {
		listen = "tcp://:0" // nobody calls back
	}
	s, err := New(Options{Listen: []string{listen}, Trunks: []Trunk{t}, MinPort: phoneMinPort, MaxPort: phoneMaxPort, Log: zap.NewNop()})
	if err != nil {
		return dialog.Line{}, nil, err
	}
	c, err := s.ring(ctx, &s.o.Trunks[0], user, "", func(time.Duration) {}) // who pays is not for us to say
	if err != nil {
		s.Close()
		return dialog.Line{}, nil, err
	}
	over, cancel := context.WithCancelCause(s.life)
	stop := context.AfterFunc(over, c.hangUp) // which ends line.Inputs
	return c.begin(cancel), sync.OnceFunc(func() {
		stop()
		cancel(nil)
		c.finish()
		s.Close()
	}), nil
}
