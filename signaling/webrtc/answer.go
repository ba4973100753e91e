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

// Answer takes an SDP offer and returns the peer it comes from and the answer, with
// all candidates in it. The caller of Answer closes the peer. An offer that cannot
// be understood is fault.Invalid.
func (t *Transport) Answer(ctx context.Context, offer string) (*Peer, string, error) {
	audio, err := inspect(offer)
	if err != nil {
		return nil, "", err
	}
	p, err := t.newPeer()
	if err != nil {
		return nil, "", err
	}
	answer, err := p.answer(ctx, offer, audio)
	if err != nil {
		p.Close()
		return nil, "", err
	}
	p.await()
	return p, answer, nil
}

// inspect reports whether an offer brings sound.
func inspect(offer string) (audio bool, err error) {
	if len(offer) > MaxOffer {
		return false, fault.New(fault.TooLarge, "the SDP offer is larger than %d bytes", MaxOffer)
	}
	var s sdp.SessionDescription
	if err := s.UnmarshalString(offer); err != nil {
		return false, fault.Wrap(err, fault.Invalid, "the body is not an SDP offer")
	}
	if n := len(s.MediaDescriptions); n == 0 || n > maxMedia {
		return false, fault.New(fault.Invalid, "the SDP offer has %d media sections, not 1 to %d", n, maxMedia)
	}
	channel := false
	for _, m := range s.MediaDescriptions {
		switch m.MediaName.Media {
		case "audio":
			audio = true
		case "application":
			channel = true
		}
	}
	if !audio && !channel {
		return false, fault.New(fault.Invalid, "the SDP offer has neither sound nor a data channel")
	}
	return audio, checkFingerprint(s)
}

// hexPairs is a certificate's fingerprint (RFC 8122, section 5).
var hexPairs = regexp.MustCompile(`^[\w-]+ +[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+$`)

// checkFingerprint refuses a fingerprint that no certificate can have, which would
// otherwise come to light only when the handshake has failed.
func checkFingerprint(s sdp.SessionDescription) error {
	attributes := s.Attributes
	for _, m := range s.MediaDescriptions {
		attributes = append(attributes, m.Attributes...)
	}
	for _, a := range attributes {
		if a.Key == "fingerprint" && !hexPairs.MatchString(strings.TrimSpace(a.Value)) {
			return fault.New(fault.Invalid, "the SDP offer's fingerprint is none")
		}
	}
	return nil
}

func (p *Peer) answer(ctx context.Context, offer string, audio bool) (string, error) {
	bad := func(err error) error { return fault.Wrap(err, fault.Invalid, "the SDP offer cannot be answered") }
	if audio {
		if err := p.listen(); err != nil {
			return "", err
		}
		sender, err := p.pc.AddTrack(p.voice)
		if err != nil {
			return "", bad(err)
		}
		p.transport.work.Go(func() { drain(sender) })
	}
	err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
	if err != nil {
		return "", bad(err)
	}
	p.wantsChannel = strings.Contains(offer, "m=application")
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", bad(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", bad(err)
	}
	ctx, cancel := context.WithTimeout(ctx, gatherTime)
	defer cancel()
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", fault.Wrap(ctx.Err(), fault.Unavailable, "this machine's addresses could not be found").Retryable(time.Second)
	}
	return p.pc.LocalDescription().SDP, nil
}

// drain reads a sender's RTCP, which would fill its buffer otherwise, until it stops.
func drain(sender *webrtc.RTPSender) {
	buf := make([]byte, 1500)
	for {
		if _, _, err := sender.Read(buf); err != nil {
			return
		}
	}
}
