package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SIP is the telephone; without Listen there is none.
type SIP struct {
	Listen   []string `yaml:"listen"`    // udp://:5060, tcp://:5060, tls://:5061 (with the certificate of tls)
	Trunks   []Trunk  `yaml:"trunks"`    // who may call
	Ports    string   `yaml:"ports"`     // UDP ports of calls' sound
	PublicIP string   `yaml:"public_ip"` // told to callers, behind NAT
}

// Trunk is a telephone system or provider whose calls are answered.
type Trunk struct {
	Name     string            `yaml:"name"`
	Allow    []string          `yaml:"allow"`    // networks its calls come from
	User     string            `yaml:"user"`     // that callers from elsewhere prove to be, or that we are at server
	Password string            `yaml:"password"` // of user
	Agent    string            `yaml:"agent"`    // who answers; "": the agent whose name is called
	Numbers  map[string]string `yaml:"numbers"`  // number called: who answers
	Header   string            `yaml:"header"`   // of INVITE, that names who answers
	Server   string            `yaml:"server"`   // where calls go out: sip:pbx.example:5060;transport=tcp
	Register bool              `yaml:"register"` // as user at server
	From     string            `yaml:"from"`     // number shown when we call
	SRTP     bool              `yaml:"srtp"`     // encrypt the sound of calls that go out
	Codecs   []string          `yaml:"codecs"`   // opus, g722, pcmu, pcma, in the order they are liked
	Dial     Dial              `yaml:"dial"`     // what may be dialled; nothing, unless it says
}

// Dial is what may be dialled over a trunk, and how much.
type Dial struct {
	Allow          map[string]float64 `yaml:"allow"` // beginning of numbers, or a whole SIP address: price of a minute
	Deny           []string           `yaml:"deny"`  // beginnings that are not dialled although a shorter one is allowed
	Calls          int                `yaml:"calls"` // at a time
	CallsPerMinute int                `yaml:"calls_per_minute"`
	CallsPerDay    int                `yaml:"calls_per_day"`
	SpendPerDay    float64            `yaml:"spend_per_day"` // in the currency of the prices
	Duration       time.Duration      `yaml:"duration"`      // of one call
}

// PortRange reads Ports.
func (s SIP) PortRange() (lowest, highest int, err error) {
	a, b, _ := strings.Cut(s.Ports, "-")
	lowest, err1 := strconv.Atoi(strings.TrimSpace(a))
	highest, err2 := strconv.Atoi(strings.TrimSpace(b))
	if err1 != nil || err2 != nil || lowest < 1024 || highest > 65535 || lowest >= highest {
		return 0, 0, fmt.Errorf("%q is not a range of ports such as 10000-10999", s.Ports)
	}
	return lowest, highest, nil
}

func (c *Config) checkSIP(wrong func(key, format string, args ...any)) {
	s := c.SIP
	if len(s.Listen) == 0 {
		if len(s.Trunks) > 0 {
			wrong("sip.listen", "is missing: say where calls come in, such as udp://:5060")
		}
		return
	}
	for i, l := range s.Listen {
		network, address, ok := strings.Cut(l, "://")
		if _, _, err := splitAddress(address); !ok || err != nil || network != "udp" && network != "tcp" && network != "tls" {
			wrong(fmt.Sprintf("sip.listen[%d]", i), "%q is not an address such as udp://:5060", l)
		}
		if network == "tls" && c.TLS.Cert == "" {
			wrong(fmt.Sprintf("sip.listen[%d]", i), "needs tls.cert and tls.key")
		}
	}
	if len(s.Trunks) == 0 {
		wrong("sip.trunks", "is missing: without one nobody may call")
	}
	names := make(map[string]bool)
	for i, t := range s.Trunks {
		wrong := func(key, format string, args ...any) { wrong(fmt.Sprintf("sip.trunks[%d]%s", i, key), format, args...) }
		if t.Name == "" || names[t.Name] {
			wrong(".name", "is missing, or another trunk's")
		}
		names[t.Name] = true
		t.check(wrong)
	}
	if _, _, err := s.PortRange(); err != nil {
		wrong("sip.ports", "%v", err)
	}
	if _, err := netip.ParseAddr(s.PublicIP); s.PublicIP != "" && err != nil {
		wrong("sip.public_ip", "%q is not an IP address", s.PublicIP)
	}
}

func (t Trunk) check(wrong func(key, format string, args ...any)) {
	if len(t.Allow) == 0 && t.User == "" && t.Server == "" {
		wrong(".allow", "is missing: name the networks it calls from, a user with a password, or a server")
	}
	for _, n := range t.Allow {
		if _, err := netip.ParsePrefix(n); err != nil {
			wrong(".allow", "%q is not a network such as 192.0.2.0/24", n)
		}
	}
	if (t.User == "") != (t.Password == "") {
		wrong("", "user and password belong together: one is missing")
	}
	if t.Register && (t.Server == "" || t.User == "") {
		wrong(".register", "needs server, user and password")
	}
	for _, c := range t.Codecs {
		if !slices.Contains([]string{"opus", "g722", "pcmu", "pcma"}, c) {
			wrong(".codecs", "%q is not one of opus, g722, pcmu and pcma", c)
		}
	}
	d := t.Dial
	if len(d.Allow) > 0 && t.Server == "" {
		wrong(".dial", "needs server: where the calls go out")
	}
	for prefix, price := range d.Allow {
		if prefix == "" || price < 0 {
			wrong(".dial.allow", "%q: %v is not the beginning of a number and the price of a minute", prefix, price)
		}
	}
	if d.Calls < 0 || d.CallsPerMinute < 0 || d.CallsPerDay < 0 || d.SpendPerDay < 0 || d.Duration < 0 {
		wrong(".dial", "no limit can be below 0")
	}
}
