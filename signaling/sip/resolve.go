package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/internal/fault"
)

const (
	resolveTimeout  = 3 * time.Second
	resolveInterval = 5 * time.Minute
	maxSRVRecords   = 8 // of one name
	defaultPort     = 5060
	defaultTLSPort  = 5061
)

// target is a trunk's server, resolved.
type target struct {
	uri       sip.Uri          // without a user
	network   string           // udp, tcp, tls
	addr      netip.AddrPort   // the preferred one
	fallbacks []netip.AddrPort // other addresses, in order of preference
}

// resolveTrunk resolves a trunk's server, and remembers its addresses. The error is
// Unavailable.
func (s *Server) resolveTrunk(ctx context.Context, t *Trunk) (target, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	found, err := resolve(ctx, t.Server, s.sockets[0].network)
	if err != nil {
		return target{}, fault.Wrap(err, fault.Unavailable, "cannot resolve the server of trunk %s", t.Name)
	}
	s.rememberAddrs(t, append(found.fallbacks, found.addr))
	return found, nil
}

// rememberAddrs accepts calls from addresses of a trunk's server. It keeps former addresses,
// because DNS answers rotate, and we may be registered at any of them.
func (s *Server) rememberAddrs(t *Trunk, addrs []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addrs {
		s.trunkAddrs[a.Addr()] = t
	}
}

// keepResolved resolves a trunk's server periodically until the server closes, so that its
// calls are accepted when its addresses change.
func (s *Server) keepResolved(t *Trunk) {
	for s.life.Err() == nil {
		if _, err := s.resolveTrunk(s.life, t); err != nil && s.life.Err() == nil {
			s.o.Log.Warn("cannot resolve a trunk's server", zap.String("trunk", t.Name), zap.Error(err))
		}
		select {
		case <-time.After(resolveInterval):
		case <-s.life.Done():
		}
	}
}

// parseTarget parses host, host:port or sip:host:port;transport=tcp. network is the default.
// The error is Invalid.
func parseTarget(text, network string) (target, error) {
	var uri sip.Uri
	if !strings.HasPrefix(text, "sip:") && !strings.HasPrefix(text, "sips:") {
		text = "sip:" + text
	}
	if err := sip.ParseUri(text, &uri); err != nil || uri.Host == "" {
		return target{}, fault.New(fault.Invalid, "%q is not a server such as sip:pbx.example:5060;transport=tcp", text)
	}
	found := target{uri: uri, network: network}
	if transport, ok := uri.UriParams.Get("transport"); ok {
		found.network = strings.ToLower(transport)
	} else if strings.HasPrefix(text, "sips:") {
		found.network = "tls"
	}
	if found.network != "udp" && found.network != "tcp" && found.network != "tls" {
		return target{}, fault.New(fault.Invalid, "unknown transport %q (want udp, tcp or tls)", found.network)
	}
	return found, nil
}

// resolve resolves a server (RFC 3263): an IP address or a name with a port as it is, any
// other name by its SRV records, or else by its addresses.
func resolve(ctx context.Context, text, network string) (target, error) {
	found, err := parseTarget(text, network)
	if err != nil {
		return target{}, err
	}
	host, port := strings.Trim(found.uri.Host, "[]"), found.uri.Port
	if ip, err := netip.ParseAddr(host); err == nil {
		found.addr = netip.AddrPortFrom(ip.Unmap(), portOrDefault(port, found.network))
		return found, nil
	}
	records := []*net.SRV{{Target: host, Port: portOrDefault(port, found.network)}}
	if port == 0 {
		if srv := lookupSRV(ctx, found.network, host); len(srv) > 0 {
			records = srv[:min(len(srv), maxSRVRecords)]
		}
	}
	var addrs []netip.AddrPort
	var errs error
	for _, r := range records {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(r.Target, "."))
		errs = errors.Join(errs, err)
		for _, ip := range ips {
			addrs = append(addrs, netip.AddrPortFrom(ip.Unmap(), r.Port))
		}
	}
	if len(addrs) == 0 {
		return target{}, errs
	}
	found.addr, found.fallbacks = addrs[0], addrs[1:]
	return found, nil
}

// lookupSRV returns the SRV records of a host, or nil if there are none.
func lookupSRV(ctx context.Context, network, host string) []*net.SRV {
	service, proto := "sip", network
	if network == "tls" {
		service, proto = "sips", "tcp"
	}
	_, records, err := net.DefaultResolver.LookupSRV(ctx, service, proto, host)
	if err != nil {
		return nil
	}
	return records
}

func portOrDefault(port int, network string) uint16 {
	switch {
	case port > 0:
		return uint16(port)
	case network == "tls":
		return defaultTLSPort
	}
	return defaultPort
}
