package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
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
	Name  string   `yaml:"name"`
	Allow []string `yaml:"allow"` // networks its calls come from
	Agent string   `yaml:"agent"` // who answers; "": the agent whose name is called
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
	for i, t := range s.Trunks {
		if len(t.Allow) == 0 {
			wrong(fmt.Sprintf("sip.trunks[%d].allow", i), "is missing: name the networks it calls from")
		}
		for _, n := range t.Allow {
			if _, err := netip.ParsePrefix(n); err != nil {
				wrong(fmt.Sprintf("sip.trunks[%d].allow", i), "%q is not a network such as 192.0.2.0/24", n)
			}
		}
	}
	if _, _, err := s.PortRange(); err != nil {
		wrong("sip.ports", "%v", err)
	}
	if _, err := netip.ParseAddr(s.PublicIP); s.PublicIP != "" && err != nil {
		wrong("sip.public_ip", "%q is not an IP address", s.PublicIP)
	}
}
