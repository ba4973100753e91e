package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SIP configures telephone calls. Without Listen they are off.
type SIP struct {
	Listen   []string `yaml:"listen"`    // udp://:5060, tcp://:5060, tls://:5061 (with the certificate of tls)
	Trunks   []Trunk  `yaml:"trunks"`    // who may call, and where calls go out
	Ports    string   `yaml:"ports"`     // range of UDP ports for RTP
	PublicIP string   `yaml:"public_ip"` // address to advertise behind NAT
}

// Trunk is a PBX or a telephone provider.
type Trunk struct {
	Name     string            `yaml:"name"`
	Allow    []string          `yaml:"allow"`    // networks its calls come from
	User     string            `yaml:"user"`     // user name for digest authentication, of callers and at server
	Password string            `yaml:"password"` // of user
	Agent    string            `yaml:"agent"`    // agent that answers; "": the agent named in the request URI
	Numbers  map[string]string `yaml:"numbers"`  // agent that answers, by the number called
	Header   string            `yaml:"header"`   // header of the INVITE that names the agent
	Server   string            `yaml:"server"`   // where outbound calls go: sip:pbx.example:5060;transport=tcp
	Register bool              `yaml:"register"` // register as user at server
	From     string            `yaml:"from"`     // caller ID of outbound calls
	SRTP     bool              `yaml:"srtp"`     // encrypt the media of outbound calls
	Codecs   []string          `yaml:"codecs"`   // opus, g722, pcmu, pcma, in order of preference
	Dial     Dial              `yaml:"dial"`     // dial plan; the zero value forbids outbound calls
}

// Dial is the dial plan of a trunk.
type Dial struct {
	Allow          map[string]float64 `yaml:"allow"` // price per minute, by number prefix or complete SIP address
	Deny           []string           `yaml:"deny"`  // prefixes to refuse although a shorter one is allowed
	Calls          int                `yaml:"calls"` // concurrent calls
	CallsPerMinute int                `yaml:"calls_per_minute"`
	CallsPerDay    int                `yaml:"calls_per_day"`
	SpendPerDay    float64            `yaml:"spend_per_day"` // in the currency of the prices
	Duration       time.Duration      `yaml:"duration"`      // of one call, at most
}

// PortRange parses Ports.
func (s SIP) PortRange() (lowest, highest int, err error) {
	a, b, _ := strings.Cut(s.Ports, "-")
	lowest, err1 := strconv.Atoi(strings.TrimSpace(a))
	highest, err2 := strconv.Atoi(strings.TrimSpace(b))
	if err1 != nil || err2 != nil || lowest < 1024 || highest > 65535 || lowest >= highest {
		return 0, 0, fmt.Errorf("invalid port range %q (want one such as 10000-10999, above 1023)", s.Ports)
	}
	return lowest, highest, nil
}

func (c *Config) checkSIP(wrong report) {
	s := c.SIP
	if len(s.Listen) == 0 {
		if len(s.Trunks) > 0 {
			wrong("sip.listen", "missing: name an address for calls, such as udp://:5060")
		}
		return
	}
	for i, l := range s.Listen {
		network, address, ok := strings.Cut(l, "://")
		if _, _, err := splitAddress(address); !ok || err != nil || network != "udp" && network != "tcp" && network != "tls" {
			wrong(fmt.Sprintf("sip.listen[%d]", i), "invalid address %q (want one such as udp://:5060)", l)
		}
		if network == "tls" && c.TLS.Cert == "" {
			wrong(fmt.Sprintf("sip.listen[%d]", i), "tls:// needs tls.cert and tls.key")
		}
	}
	if len(s.Trunks) == 0 {
		wrong("sip.trunks", "missing: without a trunk nobody may call")
	}
	names := make(map[string]bool)
	for i, t := range s.Trunks {
		wrong := func(key, format string, args ...any) { wrong(fmt.Sprintf("sip.trunks[%d]%s", i, key), format, args...) }
		if t.Name == "" || names[t.Name] {
			wrong(".name", "missing or not unique: give each trunk its own name")
		}
		names[t.Name] = true
		t.check(wrong)
	}
	if _, _, err := s.PortRange(); err != nil {
		wrong("sip.ports", "%v", err)
	}
	if _, err := netip.ParseAddr(s.PublicIP); s.PublicIP != "" && err != nil {
		wrong("sip.public_ip", "invalid IP address %q", s.PublicIP)
	}
}

var codecs = []string{"opus", "g722", "pcmu", "pcma"}

func (t Trunk) check(wrong report) {
	if len(t.Allow) == 0 && t.User == "" && t.Server == "" {
		wrong(".allow", "missing: name the networks it calls from, a user with a password, or a server")
	}
	for _, n := range t.Allow {
		if _, err := netip.ParsePrefix(n); err != nil {
			wrong(".allow", "invalid network %q (want one such as 192.0.2.0/24)", n)
		}
	}
	if (t.User == "") != (t.Password == "") {
		wrong("", "set both user and password, or neither")
	}
	if t.Register && (t.Server == "" || t.User == "") {
		wrong(".register", "needs server, user and password to be set")
	}
	for _, c := range t.Codecs {
		if !slices.Contains(codecs, c) {
			wrong(".codecs", "unknown codec %q (want %s)", c, anyOf(codecs))
		}
	}
	d := t.Dial
	if len(d.Allow) > 0 && t.Server == "" {
		wrong(".dial", "needs server, where outbound calls go")
	}
	for prefix, price := range d.Allow {
		if prefix == "" || price < 0 {
			wrong(".dial.allow", "invalid entry %q: %v (want a number prefix and its price per minute)", prefix, price)
		}
	}
	if d.Calls < 0 || d.CallsPerMinute < 0 || d.CallsPerDay < 0 || d.SpendPerDay < 0 || d.Duration < 0 {
		wrong(".dial", "limits cannot be negative")
	}
}
