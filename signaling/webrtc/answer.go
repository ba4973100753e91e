package webrtc

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"frontdesk/internal/fault"
)

const (
	// MaxOffer bounds an SDP offer, in bytes.
	MaxOffer = 64 << 10
	maxMedia = 8 // m-lines in an offer
)

// Answer creates a peer for an SDP offer and returns it with the SDP answer, which contains
// all ICE candidates. The caller of Answer closes the peer. An invalid offer is
// fault.Invalid.
func (t *Transport) Answer(ctx context.Context, offer string) (*Peer, string, error) {
	hasAudio, err := checkOffer(offer)
	if err != nil {
		return nil, "", err
	}
	p, err := t.newPeer()
	if err != nil {
		return nil, "", err
	}
	answer, err := p.answer(ctx, offer, hasAudio)
	if err != nil {
		p.Close()
		return nil, "", err
	}
	p.startSetupTimer()
	return p, answer, nil
}

// checkOffer validates an offer and reports whether it has audio.
func checkOffer(offer string) (hasAudio bool, err error) {
	if len(offer) > MaxOffer {
		return false, fault.New(fault.TooLarge, "the SDP offer is too large (at most %d bytes)", MaxOffer)
	}
	var s sdp.SessionDescription
	if err := s.UnmarshalString(offer); err != nil {
		return false, fault.Wrap(err, fault.Invalid, "the body is not a valid SDP offer")
	}
	if n := len(s.MediaDescriptions); n == 0 || n > maxMedia {
		return false, fault.New(fault.Invalid, "the SDP offer has %d media sections (want 1 to %d)", n, maxMedia)
	}
	hasChannel := false
	for _, m := range s.MediaDescriptions {
		switch m.MediaName.Media {
		case "audio":
			hasAudio = true
		case "application":
			hasChannel = true
		}
	}
	if !hasAudio && !hasChannel {
		return false, fault.New(fault.Invalid, "the SDP offer has neither audio nor a data channel")
	}
	return hasAudio, checkFingerprint(s)
}

// fingerprint matches a certificate's fingerprint (RFC 8122, section 5).
var fingerprint = regexp.MustCompile(`^[\w-]+ +[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+$`)

// checkFingerprint refuses a malformed fingerprint, which would otherwise be noticed only
// when the DTLS handshake fails.
func checkFingerprint(s sdp.SessionDescription) error {
	attributes := s.Attributes
	for _, m := range s.MediaDescriptions {
		attributes = append(attributes, m.Attributes...)
	}
	for _, a := range attributes {
		if a.Key == "fingerprint" && !fingerprint.MatchString(strings.TrimSpace(a.Value)) {
			return fault.New(fault.Invalid, "the SDP offer has no valid fingerprint")
		}
	}
	return nil
}

func (p *Peer) answer(ctx context.Context, offer string, hasAudio bool) (string, error) {
	invalid := func(err error) error { return fault.Wrap(err, fault.Invalid, "the SDP offer cannot be answered") }
	if hasAudio {
		if err := p.addAudio(); err != nil {
			return "", err
		}
		sender, err := p.pc.AddTrack(p.outgoing)
		if err != nil {
			return "", invalid(err)
		}
		p.transport.work.Go(func() { discardRTCP(sender) })
	}
	err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
	if err != nil {
		return "", invalid(err)
	}
	p.wantsChannel = strings.Contains(offer, "m=application")
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", invalid(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", invalid(err)
	}
	ctx, cancel := context.WithTimeout(ctx, gatherTimeout)
	defer cancel()
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", fault.Wrap(ctx.Err(), fault.Unavailable, "gathering ICE candidates took too long").Retryable(time.Second)
	}
	return p.pc.LocalDescription().SDP, nil
}

// discardRTCP reads a sender's RTCP until it stops; unread RTCP would fill its buffer.
func discardRTCP(sender *webrtc.RTPSender) {
	buf := make([]byte, 1500)
	for {
		if _, _, err := sender.Read(buf); err != nil {
			return
		}
	}
}
