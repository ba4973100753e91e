package httptool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// newClient returns a client that dials permitted addresses only, whatever a host's name
// resolves to. It uses no proxy: a proxy would choose the address.
func newClient(c Config) (*http.Transport, *http.Client) {
	dialer := &net.Dialer{
		Timeout:        c.Timeout,
		Resolver:       c.Resolver,
		ControlContext: c.Private.Control,
	}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    c.Timeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // a small answer could become a very large one
	}
	return transport, &http.Client{Transport: transport, CheckRedirect: c.checkRedirect}
}

var errRedirect = errors.New("a redirect may not be followed")

// checkRedirect decides about a redirect. Only reads follow one. Credentials, which may be in
// any header of the configuration, are not sent to another host, nor is the first URL, which
// may hold values of the caller.
func (c *Config) checkRedirect(req *http.Request, via []*http.Request) error {
	first, last := via[0], via[len(via)-1]
	isWorse := last.URL.Scheme == "https" && req.URL.Scheme != "https"
	isWeb := req.URL.Scheme == "https" || req.URL.Scheme == "http"
	changes := first.Method != http.MethodGet && first.Method != http.MethodHead
	if len(via) > maxRedirects || isWorse || !isWeb || req.URL.User != nil || changes {
		return errRedirect
	}
	req.Header.Del("Referer")
	isSameHost := func(r *http.Request) bool {
		return r.URL.Scheme == first.URL.Scheme && r.URL.Host == first.URL.Host
	}
	if !isSameHost(req) || slices.ContainsFunc(via, func(r *http.Request) bool { return !isSameHost(r) }) {
		for name := range c.Headers {
			req.Header.Del(name)
		}
	}
	return nil
}

// refusedAddress is the error for an address that a tool may not reach.
type refusedAddress struct{ address netip.Addr }

func (e *refusedAddress) Error() string {
	return fmt.Sprintf("the address %s is not public; allow it with private", e.address)
}

// Control is a control function of a net.Dialer, which calls it with the address that a name
// was resolved to: it refuses addresses that may not be reached.
func (p Private) Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	return p.check(address)
}

// check returns an error unless the address of a connection may be used.
func (p Private) check(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("the address of a connection cannot be read")
	}
	a := effective(at.Addr())
	if slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(a) }) {
		return nil
	}
	if isPublic(a) || p.All && (a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()) && !slices.Contains(metadata, a) {
		return nil
	}
	return &refusedAddress{a}
}

var (
	// metadata are the addresses at which clouds give credentials to their machines. Only a
	// list of networks that names them allows them.
	metadata = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("169.254.170.2")}

	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
	// globalUnicast is where all public IPv6 addresses are.
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// special are the networks of the registries of special-purpose addresses (RFC 6890) that
	// are not public.
	special = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// effective returns the IPv4 address that an IPv6 address stands for (IPv4-mapped, NAT64,
// 6to4), or the address itself, without a zone.
func effective(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case a.Is4():
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixTo4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

func isPublic(a netip.Addr) bool {
	if a.Is6() && !globalUnicast.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(special, func(n netip.Prefix) bool { return n.Contains(a) })
}
