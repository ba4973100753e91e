package sip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"frontdesk/internal/fault"
)

const (
	maxSDP   = 16 << 10 // bytes of a session description
	maxMedia = 16       // media of one
	keysPT   = 101      // of telephone events, in our offers
)

// remote is what of the other side's session description (RFC 8866, 3264) matters here.
type remote struct {
	codec    codec
	payload  uint8
	keys     uint8          // payload type of telephone events, 0 without
	noise    bool           // comfort noise may come
	media    netip.AddrPort // where they want to hear
	control  netip.AddrPort // where they want reports; media with mux
	mux      bool           // reports share the port of the sound (RFC 5761)
	protocol string         // RTP/AVP, RTP/SAVP, ...
	crypto   crypto         // of RTP/SAVP
	gives    bool           // they send
	takes    bool           // they want to hear
	line     int            // which of their media it is
	lines    []string       // all of their media, as answers have to repeat them
}

// parseOffer reads what the other side offers and takes of it the codec that comes first
// among ours. The error is a fault.Error: Invalid for what is no SDP, Media where there is
// nothing to talk over.
func parseOffer(body []byte, ours []codec) (remote, error) {
	return parseSDP(body, func(theirs []uint8, mapped map[uint8]string) (codec, uint8, bool) {
		for _, c := range ours {
			for _, payload := range theirs {
				if c.is(payload, mapped) {
					return c, payload, true
				}
			}
		}
		return codec{}, 0, false
	})
}

// parseAnswer reads what the other side answers to our offer, of which it takes the codec
// that comes first among theirs: that is what they will send.
func parseAnswer(body []byte, ours []codec) (remote, error) {
	return parseSDP(body, func(theirs []uint8, mapped map[uint8]string) (codec, uint8, bool) {
		for _, payload := range theirs {
			for _, c := range ours {
				if c.is(payload, mapped) {
					return c, payload, true
				}
			}
		}
		return codec{}, 0, false
	})
}

// is reports whether a payload type stands for c.
func (c codec) is(payload uint8, mapped map[uint8]string) bool {
	if name, ok := mapped[payload]; ok {
		return isOf(name, c.rtpmap)
	}
	return payload < 96 && payload == c.payload
}

// choice takes one of the payload types of a medium, which are mapped to names.
type choice func(theirs []uint8, mapped map[uint8]string) (codec, uint8, bool)

func parseSDP(body []byte, choose choice) (remote, error) {
	if len(body) > maxSDP {
		return remote{}, fault.New(fault.TooLarge, "the session description is too large")
	}
	var d sdp.SessionDescription
	if err := d.Unmarshal(body); err != nil {
		return remote{}, fault.Wrap(err, fault.Invalid, "the session description cannot be understood")
	}
	if len(d.MediaDescriptions) > maxMedia {
		return remote{}, fault.New(fault.TooLarge, "the session description has more than %d media", maxMedia)
	}
	r := remote{line: -1}
	for i, m := range d.MediaDescriptions {
		r.lines = append(r.lines, fmt.Sprintf("%s 0 %s %s", m.MediaName.Media, strings.Join(m.MediaName.Protos, "/"), strings.Join(m.MediaName.Formats, " ")))
		if r.line >= 0 && (r.crypto.suite != "" || !secure(m)) {
			continue // one is enough, and one that is encrypted is better
		}
		if err := r.take(i, &d, m, choose); err != nil {
			return remote{}, err
		}
	}
	if r.line < 0 {
		return remote{}, fault.New(fault.Media, "there is nothing to talk over that we share")
	}
	return r, nil
}

func secure(m *sdp.MediaDescription) bool { return slices.Contains(m.MediaName.Protos, "SAVP") }

// take takes the medium i of d where it is sound we can talk over.
func (r *remote) take(i int, d *sdp.SessionDescription, m *sdp.MediaDescription, choose choice) error {
	protocol := strings.Join(m.MediaName.Protos, "/")
	if m.MediaName.Media != "audio" || m.MediaName.Port.Value == 0 || protocol != "RTP/AVP" && protocol != "RTP/AVPF" && protocol != "RTP/SAVP" {
		return nil
	}
	var key crypto
	if secure(m) {
		var ok bool
		if key, ok = chooseCrypto(m); !ok {
			return nil
		}
	}
	found := remote{line: i, lines: r.lines, protocol: protocol, crypto: key}
	if !found.choose(m, choose) {
		return nil
	}
	ip, err := address(m.ConnectionInformation, d.ConnectionInformation)
	if err != nil {
		return err
	}
	port := m.MediaName.Port.Value
	if port < 1 || port > 65535 {
		return fault.New(fault.Invalid, "%d is not a port", port)
	}
	found.media = netip.AddrPortFrom(ip, uint16(port))
	found.control = netip.AddrPortFrom(ip, uint16(min(port+1, 65535)))
	for _, a := range m.Attributes {
		switch a.Key {
		case "rtcp-mux":
			found.mux, found.control = true, found.media
		case "rtcp": // RFC 3605
			if p, err := strconv.ParseUint(strings.Fields(a.Value + " ")[0], 10, 16); err == nil && p > 0 && !found.mux {
				found.control = netip.AddrPortFrom(ip, uint16(p))
			}
		}
	}
	found.gives, found.takes = direction(d, m)
	found.takes = found.takes && !ip.IsUnspecified() // 0.0.0.0 is how RFC 2543 held
	*r = found
	return nil
}

// choose takes a codec of a medium, and what goes beside it.
func (r *remote) choose(m *sdp.MediaDescription, choose choice) (ok bool) {
	mapped := make(map[uint8]string)
	for _, a := range m.Attributes {
		format, name, ok := strings.Cut(a.Value, " ")
		if payload, err := strconv.ParseUint(format, 10, 7); ok && err == nil && a.Key == "rtpmap" {
			mapped[uint8(payload)] = strings.ToLower(strings.TrimSpace(name))
		}
	}
	var theirs []uint8
	for _, format := range m.MediaName.Formats {
		if payload, err := strconv.ParseUint(format, 10, 7); err == nil {
			theirs = append(theirs, uint8(payload))
		}
	}
	if r.codec, r.payload, ok = choose(theirs, mapped); !ok {
		return false
	}
	for _, payload := range theirs {
		switch name := mapped[payload]; {
		case isOf(name, "telephone-event/"+strconv.Itoa(r.codec.clock)):
			r.keys = payload
		case payload == noisePayload && r.codec.clock == 8000:
			r.noise = true
		}
	}
	return true
}

// isOf compares what rtpmap attributes name; one channel need not be said.
func isOf(name, ours string) bool {
	return strings.EqualFold(name, ours) || strings.EqualFold(name, ours+"/1")
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

// direction says whether the other side gives and takes sound.
func direction(d *sdp.SessionDescription, m *sdp.MediaDescription) (gives, takes bool) {
	for _, attributes := range [][]sdp.Attribute{m.Attributes, d.Attributes} {
		for _, a := range attributes {
			switch a.Key {
			case "sendonly":
				return true, false
			case "inactive":
				return false, false
			case "recvonly":
				return false, true
			case "sendrecv":
				return true, true
			}
		}
	}
	return true, true
}

// local is our side of a session description.
type local struct {
	address netip.AddrPort
	id      uint64
	version int
	crypto  crypto // what we encrypt with; the zero crypto: we do not
}

func newLocal(address netip.AddrPort) local {
	return local{address: address, id: rand.Uint64() >> 2, version: 1}
}

func (l local) head() string {
	family := "IP4"
	if l.address.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Sprintf("v=0\r\no=frontdesk %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		l.id, l.version, family, l.address.Addr(), family, l.address.Addr())
}

// answer is what is answered to r.
func (l local) answer(r remote) []byte {
	var b strings.Builder
	b.WriteString(l.head())
	for i, line := range r.lines {
		if i != r.line {
			fmt.Fprintf(&b, "m=%s\r\n", line) // port 0 declines it
			continue
		}
		l.sound(&b, r.protocol, []codec{r.codec}, r.payload, r.keys, r.noise)
		if r.mux {
			b.WriteString("a=rtcp-mux\r\n")
		}
		way := map[[2]bool]string{{true, true}: "sendrecv", {true, false}: "recvonly", {false, true}: "sendonly", {false, false}: "inactive"}
		fmt.Fprintf(&b, "a=%s\r\n", way[[2]bool{r.gives, r.takes}])
	}
	return []byte(b.String())
}

// offer is what we offer of codecs, with keys as the first payload type of telephone events, 0
// for none.
func (l local) offer(codecs []codec, keys uint8) []byte {
	var b strings.Builder
	b.WriteString(l.head())
	protocol := "RTP/AVP"
	if l.crypto.suite != "" {
		protocol = "RTP/SAVP"
	}
	l.sound(&b, protocol, codecs, codecs[0].payload, keys, slices.ContainsFunc(codecs, func(c codec) bool { return c.clock == 8000 }))
	b.WriteString("a=rtcp-mux\r\na=sendrecv\r\n")
	return []byte(b.String())
}

// sound writes the medium of codecs, of which the first has the given payload type.
func (l local) sound(b *strings.Builder, protocol string, codecs []codec, payload, keys uint8, noise bool) {
	formats, attributes := "", ""
	clocks := make(map[int]bool)
	for i, c := range codecs {
		if i > 0 {
			payload = c.payload
		}
		formats += " " + strconv.Itoa(int(payload))
		attributes += fmt.Sprintf("a=rtpmap:%d %s\r\n", payload, c.rtpmap)
		if c.fmtp != "" {
			attributes += fmt.Sprintf("a=fmtp:%d %s\r\n", payload, c.fmtp)
		}
		if keys > 0 && !clocks[c.clock] { // events tick as the sound beside them does (RFC 4733, 2.1)
			formats += " " + strconv.Itoa(int(keys))
			attributes += fmt.Sprintf("a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15\r\n", keys, c.clock, keys)
			clocks[c.clock] = true
			keys++
		}
	}
	if noise {
		formats += " " + strconv.Itoa(noisePayload)
		attributes += fmt.Sprintf("a=rtpmap:%d CN/8000\r\n", noisePayload)
	}
	fmt.Fprintf(b, "m=audio %d %s%s\r\n%s", l.address.Port(), protocol, formats, attributes)
	if l.crypto.suite != "" {
		fmt.Fprintf(b, "a=crypto:%s\r\n", l.crypto)
	}
	b.WriteString("a=ptime:20\r\n")
}
