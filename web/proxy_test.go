package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyTrustedProxiesNameTheCaller(t *testing.T) {
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for name, test := range map[string]struct {
		remote, forwarded, want string
	}{
		"no proxy":                  {"192.0.2.1:5", "203.0.113.9", "192.0.2.1:5"},
		"a proxy":                   {"10.0.0.1:5", "203.0.113.9", "203.0.113.9:5"},
		"IPv6":                      {"[::1]:5", "2001:db8::7", "[2001:db8::7]:5"},
		"IPv4 mapped into IPv6":     {"[::ffff:10.0.0.1]:5", "203.0.113.9", "203.0.113.9:5"},
		"two proxies":               {"10.0.0.1:5", "203.0.113.9, 10.0.0.2", "203.0.113.9:5"},
		"forged by the caller":      {"10.0.0.1:5", "198.51.100.1, 203.0.113.9", "203.0.113.9:5"},
		"no header":                 {"10.0.0.1:5", "", "10.0.0.1:5"},
		"garbage":                   {"10.0.0.1:5", "203.0.113.9, ; drop", "10.0.0.1:5"},
		"only proxies":              {"10.0.0.1:5", "10.0.0.3, 10.0.0.2", "10.0.0.3:5"},
		"remote without an address": {"pipe", "203.0.113.9", "pipe"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.remote
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := proxies.setRemoteAddr(r).RemoteAddr; got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
