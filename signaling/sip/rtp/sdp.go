package rtp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"frontdesk/internal/fault"
)

const (
	maxSDP   = 16 << 10 // bytes of a session description
	maxMedia = 16       // media descriptions in it
)

// Remote is the other side's session description (RFC 8866, RFC 3264), as far as it
// matters for the one audio stream of a call.
type Remote struct {
	codec        Codec
	payload      uint8
	dtmf         uint8          // payload type of telephone events; 0 means none
	comfortNoise bool           // comfort noise packets may come
	media        netip.AddrPort // where to send RTP
	control      netip.AddrPort // where to send RTCP; the same as media with mux
	mux          bool           // RTCP shares the port of RTP (RFC 5761)
	protocol     string         // RTP/AVP, RTP/SAVP, ...
	crypto       crypto         // of RTP/SAVP
	sends        bool
	receives     bool
	index        int      // of the audio stream among the media descriptions
	declined     []string // every media description as an m= line with port 0, for our answer
}

// IsEncrypted reports whether the other side uses SRTP.
func (r Remote) IsEncrypted() bool { return r.crypto.suite != "" }

// ParseOffer parses an SDP offer. It selects the first of our codecs that the offer
// contains. The error is Invalid or TooLarge for bad SDP, and Media if the sides have no
// codec or transport in common.
func ParseOffer(body []byte, ours []Codec) (Remote, error) {
	return parseSDP(body, func(theirs []uint8, rtpmaps map[uint8]string) (Codec, uint8, bool) {
		for _, c := range ours {
			for _, payload := range theirs {
				if c.matches(payload, rtpmaps) {
					return c, payload, true
				}
			}
		}
		return Codec{}, 0, false
	})
}

// ParseAnswer parses an SDP answer. It selects the answer's first codec that is one of
// ours, because that is the one they will send. The error is as ParseOffer's.
func ParseAnswer(body []byte, ours []Codec) (Remote, error) {
	return parseSDP(body, func(theirs []uint8, rtpmaps map[uint8]string) (Codec, uint8, bool) {
		for _, payload := range theirs {
			for _, c := range ours {
				if c.matches(payload, rtpmaps) {
					return c, payload, true
				}
			}
		}
		return Codec{}, 0, false
	})
}

// chooseCodec selects one of the payload types of a media description. rtpmaps maps payload
// types to the names of rtpmap attributes, in lower case.
type chooseCodec func(theirs []uint8, rtpmaps map[uint8]string) (Codec, uint8, bool)

func parseSDP(body []byte, choose chooseCodec) (Remote, error) {
	if len(body) > maxSDP {
		return Remote{}, fault.New(fault.TooLarge, "the session description is larger than %d bytes", maxSDP)
	}
	var d sdp.SessionDescription
	if err := d.Unmarshal(body); err != nil {
		return Remote{}, fault.Wrap(err, fault.Invalid, "the session description is not valid SDP")
	}
	if len(d.MediaDescriptions) > maxMedia {
		return Remote{}, fault.New(fault.TooLarge, "the session description has more than %d media", maxMedia)
	}
	var found *Remote
	var declined []string
	for i, m := range d.MediaDescriptions {
		declined = append(declined, fmt.Sprintf("%s 0 %s %s", m.MediaName.Media, strings.Join(m.MediaName.Protos, "/"), strings.Join(m.MediaName.Formats, " ")))
		if found != nil && (found.IsEncrypted() || !isSecure(m)) {
			continue // the first stream is enough, unless a later one is encrypted
		}
		r, ok, err := parseMedia(&d, m, choose)
		if err != nil {
			return Remote{}, err
		}
		if ok {
			r.index, found = i, &r
		}
	}
	if found == nil {
		return Remote{}, fault.New(fault.Media, "no audio codec and transport in common")
	}
	found.declined = declined
	return *found, nil
}

func isSecure(m *sdp.MediaDescription) bool { return slices.Contains(m.MediaName.Protos, "SAVP") }

// parseMedia parses the media description m of d. ok is false if it is not an audio stream
// that we support.
func parseMedia(d *sdp.SessionDescription, m *sdp.MediaDescription, choose chooseCodec) (r Remote, ok bool, err error) {
	r.protocol = strings.Join(m.MediaName.Protos, "/")
	if m.MediaName.Media != "audio" || m.MediaName.Port.Value == 0 || r.protocol != "RTP/AVP" && r.protocol != "RTP/AVPF" && r.protocol != "RTP/SAVP" {
		return Remote{}, false, nil
	}
	if isSecure(m) {
		if r.crypto, ok = chooseCrypto(m); !ok {
			return Remote{}, false, nil
		}
	}
	if !r.parseFormats(m, choose) {
		return Remote{}, false, nil
	}
	ip, err := connectionAddr(m.ConnectionInformation, d.ConnectionInformation)
	if err != nil {
		return Remote{}, false, err
	}
	port := m.MediaName.Port.Value
	if port < 1 || port > 65535 {
		return Remote{}, false, fault.New(fault.Invalid, "invalid port %d in the session description (want 1 to 65535)", port)
	}
	r.media = netip.AddrPortFrom(ip, uint16(port))
	r.control = netip.AddrPortFrom(ip, uint16(min(port+1, 65535)))
	for _, a := range m.Attributes {
		switch a.Key {
		case "rtcp-mux":
			r.mux, r.control = true, r.media
		case "rtcp": // RFC 3605
			if p, err := strconv.ParseUint(strings.Fields(a.Value + " ")[0], 10, 16); err == nil && p > 0 && !r.mux {
				r.control = netip.AddrPortFrom(ip, uint16(p))
			}
		}
	}
	r.sends, r.receives = direction(d, m)
	r.receives = r.receives && !ip.IsUnspecified() // RFC 2543 puts a call on hold with 0.0.0.0
	return r, true, nil
}

// parseFormats selects a codec of m, and the payload types of telephone events and comfort
// noise. ok is false if choose finds no codec.
func (r *Remote) parseFormats(m *sdp.MediaDescription, choose chooseCodec) (ok bool) {
	rtpmaps := make(map[uint8]string)
	for _, a := range m.Attributes {
		format, name, ok := strings.Cut(a.Value, " ")
		if payload, err := strconv.ParseUint(format, 10, 7); ok && err == nil && a.Key == "rtpmap" {
			rtpmaps[uint8(payload)] = strings.ToLower(strings.TrimSpace(name))
		}
	}
	var theirs []uint8
	for _, format := range m.MediaName.Formats {
		if payload, err := strconv.ParseUint(format, 10, 7); err == nil {
			theirs = append(theirs, uint8(payload))
		}
	}
	if r.codec, r.payload, ok = choose(theirs, rtpmaps); !ok {
		return false
	}
	for _, payload := range theirs {
		switch name := rtpmaps[payload]; {
		case isSameRTPMap(name, "telephone-event/"+strconv.Itoa(r.codec.clock)):
			r.dtmf = payload
		case payload == comfortNoisePayload && r.codec.clock == 8000:
			r.comfortNoise = true
		}
	}
	return true
}

// isSameRTPMap compares the names of rtpmap attributes. "/1" for one channel is optional.
func isSameRTPMap(name, ours string) bool {
	return strings.EqualFold(name, ours) || strings.EqualFold(name, ours+"/1")
}

// connectionAddr returns the address of the first c= line that is present.
func connectionAddr(lines ...*sdp.ConnectionInformation) (netip.Addr, error) {
	for _, c := range lines {
		if c == nil || c.Address == nil {
			continue
		}
		ip, err := netip.ParseAddr(c.Address.Address)
		if err != nil {
			return netip.Addr{}, fault.Wrap(err, fault.Invalid, "%q in the session description is not an IP address", c.Address.Address)
		}
		return ip.Unmap(), nil
	}
	return netip.Addr{}, fault.New(fault.Invalid, "the session description has no c= line")
}

// direction returns whether the other side sends and receives audio.
func direction(d *sdp.SessionDescription, m *sdp.MediaDescription) (sends, receives bool) {
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
