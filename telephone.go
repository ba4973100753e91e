package main

import (
	"crypto/tls"
	"fmt"
	"net/netip"

	"go.uber.org/zap"

	"frontdesk/config"
	"frontdesk/session"
	"frontdesk/signaling/sip"
)

// openTelephone answers telephone calls where the configuration wants that, until close
// is called.
func openTelephone(c config.Config, desk *session.Desk, log *zap.Logger) (close func(), err error) {
	if len(c.SIP.Listen) == 0 {
		return func() {}, nil
	}
	o := sip.Options{Listen: c.SIP.Listen, Admit: desk.Admit, Log: log}
	if o.MinPort, o.MaxPort, err = c.SIP.PortRange(); err != nil {
		return nil, misuse{err}
	}
	if c.SIP.PublicIP != "" {
		if o.PublicIP, err = netip.ParseAddr(c.SIP.PublicIP); err != nil {
			return nil, misuse{err}
		}
	}
	for _, t := range c.SIP.Trunks {
		trunk := sip.Trunk{Name: t.Name, Agent: t.Agent}
		for _, n := range t.Allow {
			p, err := netip.ParsePrefix(n)
			if err != nil {
				return nil, misuse{err}
			}
			trunk.Allow = append(trunk.Allow, p)
		}
		o.Trunks = append(o.Trunks, trunk)
	}
	if c.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
		if err != nil {
			return nil, misuse{fmt.Errorf("tls: %w", err)}
		}
		o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	s, err := sip.New(o)
	if err != nil {
		return nil, err
	}
	return s.Close, nil
}
