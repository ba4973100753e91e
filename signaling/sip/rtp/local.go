package rtp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const dtmfPayload = 101 // of telephone events in our offers

// local is our side of a session description.
type local struct {
	addr    netip.AddrPort
	id      uint64
	version int
	crypto  crypto // encrypts what we send
}

func newLocal(addr netip.AddrPort) local {
	return local{addr: addr, id: rand.Uint64() >> 2, version: 1}
}

// header returns the lines before the first media description.
func (l local) header() string {
	family := "IP4"
	if l.addr.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Sprintf("v=0\r\no=frontdesk %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		l.id, l.version, family, l.addr.Addr(), family, l.addr.Addr())
}

// answer returns the answer to r. It declines all media but the audio stream of r.
func (l local) answer(r Remote) []byte {
	var b strings.Builder
	b.WriteString(l.header())
	for i, line := range r.declined {
		if i != r.index {
			fmt.Fprintf(&b, "m=%s\r\n", line)
			continue
		}
		l.writeAudio(&b, r.protocol, []Codec{r.codec}, r.payload, r.dtmf, r.comfortNoise)
		if r.mux {
			b.WriteString("a=rtcp-mux\r\n")
		}
		ours := map[[2]bool]string{{true, true}: "sendrecv", {true, false}: "recvonly", {false, true}: "sendonly", {false, false}: "inactive"}
		fmt.Fprintf(&b, "a=%s\r\n", ours[[2]bool{r.sends, r.receives}])
	}
	return []byte(b.String())
}

// offer returns an offer of codecs. dtmf is the first payload type of telephone events; 0
// offers none.
func (l local) offer(codecs []Codec, dtmf uint8) []byte {
	var b strings.Builder
	b.WriteString(l.header())
	protocol := "RTP/AVP"
	if l.crypto.suite != "" {
		protocol = "RTP/SAVP"
	}
	has8kHz := slices.ContainsFunc(codecs, func(c Codec) bool { return c.clock == 8000 })
	l.writeAudio(&b, protocol, codecs, codecs[0].payload, dtmf, has8kHz)
	b.WriteString("a=rtcp-mux\r\na=sendrecv\r\n")
	return []byte(b.String())
}

// writeAudio writes the media description of codecs. payload is the payload type of the
// first codec.
func (l local) writeAudio(b *strings.Builder, protocol string, codecs []Codec, payload, dtmf uint8, comfortNoise bool) {
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
		if dtmf > 0 && !clocks[c.clock] { // events have the clock of the audio (RFC 4733, 2.1)
			formats += " " + strconv.Itoa(int(dtmf))
			attributes += fmt.Sprintf("a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15\r\n", dtmf, c.clock, dtmf)
			clocks[c.clock] = true
			dtmf++
		}
	}
	if comfortNoise {
		formats += " " + strconv.Itoa(comfortNoisePayload)
		attributes += fmt.Sprintf("a=rtpmap:%d CN/8000\r\n", comfortNoisePayload)
	}
	fmt.Fprintf(b, "m=audio %d %s%s\r\n%s", l.addr.Port(), protocol, formats, attributes)
	if l.crypto.suite != "" {
		fmt.Fprintf(b, "a=crypto:%s\r\n", l.crypto)
	}
	b.WriteString("a=ptime:20\r\n")
}
