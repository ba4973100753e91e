package sip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"frontdesk/fault"
	"frontdesk/media"
)

const maxSDP = 16 << 10 // bytes of an offer

// codec is one of ours. Clocks run at 8 kHz.
type codec struct {
	name   string
	static uint8 // its payload type where an offer does not map it (RFC 3551, 6)
	decode func([]int16, []byte) []int16
	encode func([]byte, []int16) []byte
	zero   byte // a sample of silence
}

var codecs = []codec{
	{"PCMU", 0, media.DecodePCMU, media.EncodePCMU, 0xff},
	{"PCMA", 8, media.DecodePCMA, media.EncodePCMA, 0xd5},
}

// offer is what of a caller's session description (RFC 8866, 3264) matters here.
type offer struct {
	codec   codec
	payload uint8
	keys    uint8          // payload type of telephone events, 0 without
	media   netip.AddrPort // where the caller wants to hear
	hold    bool           // the caller does not want to
	line    int            // which of its media it is
	lines   []string       // all of its media, as answers have to repeat them
}

// parseOffer reads an offer. The error is a fault.Error: Invalid for what is no SDP,
// Media where there is nothing to talk over.
func parseOffer(body []byte) (offer, error) {
	if len(body) > maxSDP {
		return offer{}, fault.New(fault.TooLarge, "the session description is too large")
	}
	var d sdp.SessionDescription
	if err := d.Unmarshal(body); err != nil {
		return offer{}, fault.Wrap(err, fault.Invalid, "the session description cannot be understood")
	}
	o := offer{line: -1}
	for i, m := range d.MediaDescriptions {
		o.lines = append(o.lines, fmt.Sprintf("%s 0 %s %s", m.MediaName.Media, strings.Join(m.MediaName.Protos, "/"), strings.Join(m.MediaName.Formats, " ")))
		if o.line >= 0 || m.MediaName.Media != "audio" || m.MediaName.Port.Value == 0 || strings.Join(m.MediaName.Protos, "/") != "RTP/AVP" {
			continue
		}
		if !o.choose(m) {
			continue
		}
		ip, err := address(m.ConnectionInformation, d.ConnectionInformation)
		if err != nil {
			return offer{}, err
		}
		if port := m.MediaName.Port.Value; port < 1 || port > 65535 {
			return offer{}, fault.New(fault.Invalid, "%d is not a port", port)
		}
		o.line = i
		o.media = netip.AddrPortFrom(ip, uint16(m.MediaName.Port.Value))
		o.hold = ip.IsUnspecified() || inactive(&d, m) // 0.0.0.0 is how RFC 2543 held
	}
	if o.line < 0 {
		return offer{}, fault.New(fault.Media, "there is no codec we share: PCMU and PCMA over RTP/AVP are ours")
	}
	return o, nil
}

// choose takes the first of the caller's formats that is ours, and its telephone events.
func (o *offer) choose(m *sdp.MediaDescription) bool {
	names := make(map[string]string)
	for _, a := range m.Attributes {
		if format, name, ok := strings.Cut(a.Value, " "); ok && a.Key == "rtpmap" {
			names[format] = strings.ToLower(strings.TrimSpace(name))
		}
	}
	found := false
	for _, format := range m.MediaName.Formats {
		payload, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			continue
		}
		name, mapped := names[format]
		if strings.HasPrefix(name, "telephone-event/8000") {
			o.keys = uint8(payload)
		}
		i := slices.IndexFunc(codecs, func(c codec) bool {
			return mapped && strings.HasPrefix(name, strings.ToLower(c.name)+"/8000") || !mapped && uint8(payload) == c.static
		})
		if i >= 0 && !found {
			found, o.codec, o.payload = true, codecs[i], uint8(payload)
		}
	}
	return found
}

func address(all ...*sdp.ConnectionInformation) (netip.Addr, error) {
	for _, c := range all {
		if c == nil || c.Address == nil {
			continue
		}
		ip, err := netip.ParseAddr(c.Address.Address)
		if err != nil {
			return netip.Addr{}, fault.Wrap(err, fault.Invalid, "%q is not an IP address", c.Address.Address)
		}
		return ip.Unmap(), nil
	}
	return netip.Addr{}, fault.New(fault.Invalid, "the session description names no address")
}

func inactive(d *sdp.SessionDescription, m *sdp.MediaDescription) bool {
	for _, attributes := range [][]sdp.Attribute{m.Attributes, d.Attributes} {
		for _, a := range attributes {
			switch a.Key {
			case "sendonly", "inactive":
				return true
			case "sendrecv", "recvonly":
				return false
			}
		}
	}
	return false
}

// answer is what is answered to o: sound at the address local.
func (o offer) answer(local netip.AddrPort, id uint64, version int) []byte {
	family := "IP4"
	if local.Addr().Is6() {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=frontdesk %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", id, version, family, local.Addr(), family, local.Addr())
	for i, line := range o.lines {
		if i != o.line {
			fmt.Fprintf(&b, "m=%s\r\n", line) // port 0 declines it
			continue
		}
		formats := strconv.Itoa(int(o.payload))
		if o.keys > 0 {
			formats += " " + strconv.Itoa(int(o.keys))
		}
		fmt.Fprintf(&b, "m=audio %d RTP/AVP %s\r\na=rtpmap:%d %s/8000\r\n", local.Port(), formats, o.payload, o.codec.name)
		if o.keys > 0 {
			fmt.Fprintf(&b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", o.keys, o.keys)
		}
		direction := "sendrecv"
		if o.hold {
			direction = "recvonly"
		}
		fmt.Fprintf(&b, "a=ptime:20\r\na=%s\r\n", direction)
	}
	return []byte(b.String())
}

func newSessionID() uint64 { return rand.Uint64() >> 2 }
