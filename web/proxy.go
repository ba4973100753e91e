package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of trusted proxies, whose X-Forwarded-For names the caller.
type Proxies []netip.Prefix

// setRemoteAddr returns r with the caller's address as its RemoteAddr. For a request from a
// trusted proxy, this is the last entry of X-Forwarded-For that is not a trusted proxy
// itself. Earlier entries are ignored, because the caller can forge them.
func (p Proxies) setRemoteAddr(r *http.Request) *http.Request {
	host, port, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !p.trusts(host) {
		return r
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			return r
		}
		if !p.trusts(hop) || i == 0 {
			r = r.WithContext(r.Context())
			r.RemoteAddr = net.JoinHostPort(hop, port)
			return r
		}
	}
	return r
}

func (p Proxies) trusts(host string) bool {
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
