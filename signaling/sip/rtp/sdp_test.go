package rtp

import (
	"net/netip"
	"strings"
	"testing"

	"frontdesk/internal/fault"
)

const plainOffer = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n" +
	"m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:18 G729/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"

func TestOffersAreParsedAndAnswered(t *testing.T) {
	const opus = "a=rtpmap:107 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n"
	const key = "a=crypto:%s inline:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5\r\n"
	strong, weak := strings.ReplaceAll(key, "%s", "2 AES_CM_128_HMAC_SHA1_80"), strings.ReplaceAll(key, "%s", "1 AES_CM_128_HMAC_SHA1_32")
	for name, tt := range map[string]struct {
		sdp       string
		codec     string
		dtmf      uint8
		media     string
		direction string // of the other side
		check     func(Remote) bool
	}{
		"plain":        {plainOffer, "pcmu", 101, "192.0.2.7:4000", "sendrecv", func(r Remote) bool { return r.payload == 0 && r.control.Port() == 4001 }},
		"static types": {"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", "pcma", 0, "192.0.2.7:4000", "sendrecv", nil},
		"dynamic type": {strings.ReplaceAll(plainOffer, "18 8 0 101\r\n", "98 101\r\na=rtpmap:98 PCMU/8000/1\r\n"), "pcmu", 101, "192.0.2.7:4000", "sendrecv",
			func(r Remote) bool { return r.payload == 98 }},
		"static type mapped to another codec": {strings.ReplaceAll(plainOffer, "0 PCMU/8000", "0 AMR/8000"), "pcma", 101, "192.0.2.7:4000", "sendrecv", nil},
		"opus": {strings.ReplaceAll(plainOffer, "0 101\r\n", "0 107 101 110\r\n"+opus), "opus", 110, "192.0.2.7:4000", "sendrecv",
			func(r Remote) bool { return r.payload == 107 }},
		"c= line of the media": {strings.ReplaceAll(plainOffer, "a=sendrecv", "c=IN IP4 192.0.2.9\r\na=sendrecv"), "pcmu", 101, "192.0.2.9:4000", "sendrecv", nil},
		"IPv6":                 {strings.ReplaceAll(plainOffer, "IP4 192.0.2.7", "IP6 2001:db8::7"), "pcmu", 101, "[2001:db8::7]:4000", "sendrecv", nil},
		"sendonly":             {strings.ReplaceAll(plainOffer, "sendrecv", "sendonly"), "pcmu", 101, "192.0.2.7:4000", "sendonly", nil},
		"inactive":             {strings.ReplaceAll(plainOffer, "sendrecv", "inactive"), "pcmu", 101, "192.0.2.7:4000", "", nil},
		"recvonly":             {strings.ReplaceAll(plainOffer, "sendrecv", "recvonly"), "pcmu", 101, "192.0.2.7:4000", "recvonly", nil},
		"hold as in RFC 2543":  {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0"), "pcmu", 101, "0.0.0.0:4000", "sendonly", nil},
		"with video":           {plainOffer + "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n", "pcmu", 101, "192.0.2.7:4000", "sendrecv", nil},
		"RTCP on another port": {plainOffer + "a=rtcp:4444 IN IP4 192.0.2.7\r\n", "pcmu", 101, "192.0.2.7:4000", "sendrecv",
			func(r Remote) bool { return r.control.Port() == 4444 && !r.mux }},
		"RTCP on the same port": {plainOffer + "a=rtcp-mux\r\n", "pcmu", 101, "192.0.2.7:4000", "sendrecv", func(r Remote) bool { return r.mux }},
		"encrypted": {strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP") + weak + strong, "pcmu", 101, "192.0.2.7:4000", "sendrecv",
			func(r Remote) bool { return r.crypto.tag == 2 && r.crypto.suite == bestSuite }},
		"encrypted or not": {plainOffer + strings.ReplaceAll(plainOffer[strings.Index(plainOffer, "m="):], "4000 RTP/AVP", "5000 RTP/SAVP") + weak, "pcmu", 101,
			"192.0.2.7:5000", "sendrecv", func(r Remote) bool { return r.index == 1 && r.crypto.tag == 1 }},
		"comfort noise": {strings.ReplaceAll(plainOffer, "0 101\r\n", "0 13 101\r\n"), "pcmu", 101, "192.0.2.7:4000", "sendrecv", func(r Remote) bool { return r.comfortNoise }},
	} {
		r, err := ParseOffer([]byte(tt.sdp), allCodecs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		direction := map[[2]bool]string{{true, true}: "sendrecv", {true, false}: "sendonly", {false, true}: "recvonly"}[[2]bool{r.sends, r.receives}]
		if r.codec.Name != tt.codec || r.dtmf != tt.dtmf || r.media.String() != tt.media || direction != tt.direction || tt.check != nil && !tt.check(r) {
			t.Errorf("%s: got %+v", name, r)
		}
		ours := newLocal(netip.MustParseAddrPort("192.0.2.1:10000"))
		if r.IsEncrypted() {
			ours.crypto = newCrypto(r.crypto.tag, r.crypto.suite)
		}
		answer, err := ParseAnswer(ours.answer(r), allCodecs)
		if err != nil || answer.codec.Name != r.codec.Name || answer.payload != r.payload || answer.dtmf != r.dtmf || answer.media.Port() != 10000 ||
			answer.mux != r.mux || answer.sends != r.receives || answer.crypto.suite != r.crypto.suite || answer.crypto.tag != r.crypto.tag {
			t.Errorf("%s: got answer %+v, %v", name, answer, err)
		}
		if got, want := len(answer.declined), len(r.declined); got != want {
			t.Errorf("%s: the answer has %d media, want %d as the offer", name, got, want)
		}
	}
}

func TestOffersOfOursCanBeAnswered(t *testing.T) {
	for _, tt := range []struct {
		codecs      []string
		isEncrypted bool
		want        string
	}{{nil, false, "opus"}, {[]string{"pcma", "pcmu"}, false, "pcma"}, {[]string{"pcmu"}, true, "pcmu"}} {
		codecs, err := FindCodecs(tt.codecs)
		if err != nil {
			t.Fatal(err)
		}
		ours := newLocal(netip.MustParseAddrPort("[2001:db8::1]:10000"))
		if tt.isEncrypted {
			ours.crypto = newCrypto(1, bestSuite)
		}
		r, err := ParseAnswer(ours.offer(codecs, dtmfPayload), allCodecs)
		if err != nil || r.codec.Name != tt.want || r.dtmf == 0 || !r.mux || !r.sends || !r.receives || r.IsEncrypted() != tt.isEncrypted {
			t.Errorf("%v: got %+v, %v", tt.codecs, r, err)
		}
	}
	if _, err := FindCodecs([]string{"g729"}); err == nil {
		t.Error("g729 is accepted, but unknown")
	}
}

func TestBadOffersAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		sdp  string
		code fault.Code
	}{
		"empty":          {"", fault.Media},
		"not SDP":        {"hello", fault.Invalid},
		"other codecs":   {strings.ReplaceAll(strings.ReplaceAll(plainOffer, "18 8 0", "18"), "PCM", "XXX"), fault.Media},
		"SRTP, no key":   {strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP"), fault.Media},
		"SRTP, bad key":  {strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1\r\n", fault.Media},
		"DTLS":           {strings.ReplaceAll(plainOffer, "RTP/AVP", "UDP/TLS/RTP/SAVPF"), fault.Media},
		"too many media": {plainOffer + strings.Repeat("m=audio 0 RTP/AVP 0\r\n", maxMedia), fault.TooLarge},
		"port 0":         {strings.ReplaceAll(plainOffer, "audio 4000", "audio 0"), fault.Media},
		"port 70000":     {strings.ReplaceAll(plainOffer, "audio 4000", "audio 70000"), fault.Invalid},
		"host name":      {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7", "c=IN IP4 example.com"), fault.Invalid},
		"no c= line":     {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7\r\n", ""), fault.Invalid},
		"too large":      {plainOffer + strings.Repeat("a=x:y\r\n", maxSDP/6), fault.TooLarge},
	} {
		if _, err := ParseOffer([]byte(tt.sdp), allCodecs); err == nil || fault.From(err).Code != tt.code {
			t.Errorf("%s: got error %v, want %s", name, err, tt.code)
		}
	}
}

func FuzzOffer(f *testing.F) {
	f.Add([]byte(plainOffer))
	f.Add([]byte(strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5|2^20\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseOffer(body, allCodecs)
		if err != nil {
			return
		}
		ours := newLocal(netip.MustParseAddrPort("192.0.2.1:10000"))
		if r.IsEncrypted() {
			ours.crypto = newCrypto(r.crypto.tag, r.crypto.suite)
		}
		answer := ours.answer(r)
		if again, err := ParseAnswer(answer, allCodecs); err != nil || again.payload != r.payload {
			t.Fatalf("the answer to %q is %q: %v", body, answer, err)
		}
	})
}
