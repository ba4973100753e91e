package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of proxies whose word on a caller's address is believed.
type Proxies []netip.Prefix

// behind gives a request its caller's address where a trusted proxy passed it on:
// the last entry of X-Forwarded-For that is no trusted proxy's own. What callers
// themselves wrote there stands before it and is never looked at.
func (p Proxies) behind(r *http.Request) *http.Request {
	host, port, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !p.trust(host) {
		return r
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			return r
		}
		if !p.trust(hop) || i == 0 {
			r = r.WithContext(r.Context())
			r.RemoteAddr = net.JoinHostPort(hop, port)
			return r
		}
	}
	return r
}

func (p Proxies) trust(host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, prefix := range p {
		if prefix.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}
