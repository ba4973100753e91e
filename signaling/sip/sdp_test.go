package sip

import (
	"net/netip"
	"strings"
	"testing"

	"frontdesk/internal/fault"
)

const plainOffer = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n" +
	"m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:18 G729/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"

func TestWhatIsTakenOfAnOffer(t *testing.T) {
	const opus = "a=rtpmap:107 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n"
	const key = "a=crypto:%s inline:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5\r\n"
	strong, weak := strings.ReplaceAll(key, "%s", "2 AES_CM_128_HMAC_SHA1_80"), strings.ReplaceAll(key, "%s", "1 AES_CM_128_HMAC_SHA1_32")
	for name, tt := range map[string]struct {
		sdp    string
		codec  string
		keys   uint8
		media  string
		ways   string
		detail func(remote) bool
	}{
		"plain":        {plainOffer, "pcmu", 101, "192.0.2.7:4000", "both", func(r remote) bool { return r.payload == 0 && r.control.Port() == 4001 }},
		"static types": {"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", "pcma", 0, "192.0.2.7:4000", "both", nil},
		"dynamic type": {strings.ReplaceAll(plainOffer, "18 8 0 101\r\n", "98 101\r\na=rtpmap:98 PCMU/8000/1\r\n"), "pcmu", 101, "192.0.2.7:4000", "both",
			func(r remote) bool { return r.payload == 98 }},
		"mapped away": {strings.ReplaceAll(plainOffer, "0 PCMU/8000", "0 AMR/8000"), "pcma", 101, "192.0.2.7:4000", "both", nil},
		"opus": {strings.ReplaceAll(plainOffer, "0 101\r\n", "0 107 101 110\r\n"+opus), "opus", 110, "192.0.2.7:4000", "both",
			func(r remote) bool { return r.payload == 107 }},
		"own address":    {strings.ReplaceAll(plainOffer, "a=sendrecv", "c=IN IP4 192.0.2.9\r\na=sendrecv"), "pcmu", 101, "192.0.2.9:4000", "both", nil},
		"IPv6":           {strings.ReplaceAll(plainOffer, "IP4 192.0.2.7", "IP6 2001:db8::7"), "pcmu", 101, "[2001:db8::7]:4000", "both", nil},
		"held":           {strings.ReplaceAll(plainOffer, "sendrecv", "sendonly"), "pcmu", 101, "192.0.2.7:4000", "gives", nil},
		"held, inactive": {strings.ReplaceAll(plainOffer, "sendrecv", "inactive"), "pcmu", 101, "192.0.2.7:4000", "", nil},
		"listens only":   {strings.ReplaceAll(plainOffer, "sendrecv", "recvonly"), "pcmu", 101, "192.0.2.7:4000", "takes", nil},
		"held, old way":  {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0"), "pcmu", 101, "0.0.0.0:4000", "gives", nil},
		"with video":     {plainOffer + "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n", "pcmu", 101, "192.0.2.7:4000", "both", nil},
		"reports elsewhere": {plainOffer + "a=rtcp:4444 IN IP4 192.0.2.7\r\n", "pcmu", 101, "192.0.2.7:4000", "both",
			func(r remote) bool { return r.control.Port() == 4444 && !r.mux }},
		"reports on the same port": {plainOffer + "a=rtcp-mux\r\n", "pcmu", 101, "192.0.2.7:4000", "both", func(r remote) bool { return r.mux }},
		"encrypted": {strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP") + weak + strong, "pcmu", 101, "192.0.2.7:4000", "both",
			func(r remote) bool { return r.crypto.tag == 2 && r.crypto.suite == bestSuite }},
		"encrypted or not": {plainOffer + strings.ReplaceAll(plainOffer[strings.Index(plainOffer, "m="):], "4000 RTP/AVP", "5000 RTP/SAVP") + weak, "pcmu", 101,
			"192.0.2.7:5000", "both", func(r remote) bool { return r.line == 1 && r.crypto.tag == 1 }},
		"comfort noise": {strings.ReplaceAll(plainOffer, "0 101\r\n", "0 13 101\r\n"), "pcmu", 101, "192.0.2.7:4000", "both", func(r remote) bool { return r.noise }},
	} {
		o, err := parseOffer([]byte(tt.sdp), allCodecs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ways := map[[2]bool]string{{true, true}: "both", {true, false}: "gives", {false, true}: "takes"}[[2]bool{o.gives, o.takes}]
		if o.codec.name != tt.codec || o.keys != tt.keys || o.media.String() != tt.media || ways != tt.ways || tt.detail != nil && !tt.detail(o) {
			t.Errorf("%s: %+v", name, o)
		}
		ours := newLocal(netip.MustParseAddrPort("192.0.2.1:10000"))
		if o.crypto.suite != "" {
			ours.crypto = newCrypto(o.crypto.tag, o.crypto.suite)
		}
		again, err := parseAnswer(ours.answer(o), allCodecs)
		if err != nil || again.codec.name != o.codec.name || again.payload != o.payload || again.keys != o.keys || again.media.Port() != 10000 ||
			again.mux != o.mux || again.gives != o.takes || again.crypto.suite != o.crypto.suite || again.crypto.tag != o.crypto.tag {
			t.Errorf("%s: the answer is %+v, %v", name, again, err)
		}
		if got, want := len(again.lines), len(o.lines); got != want {
			t.Errorf("%s: %d media are answered, %d were offered", name, got, want)
		}
	}
}

func TestWhatWeOfferCanBeAnswered(t *testing.T) {
	for _, tt := range []struct {
		codecs []string
		srtp   bool
		want   string
	}{{nil, false, "opus"}, {[]string{"pcma", "pcmu"}, false, "pcma"}, {[]string{"pcmu"}, true, "pcmu"}} {
		codecs, err := findCodecs(tt.codecs)
		if err != nil {
			t.Fatal(err)
		}
		ours := newLocal(netip.MustParseAddrPort("[2001:db8::1]:10000"))
		if tt.srtp {
			ours.crypto = newCrypto(1, bestSuite)
		}
		o, err := parseAnswer(ours.offer(codecs, keysPT), allCodecs)
		if err != nil || o.codec.name != tt.want || o.keys == 0 || !o.mux || !o.gives || !o.takes || (o.crypto.suite != "") != tt.srtp {
			t.Errorf("%v: %+v, %v", tt.codecs, o, err)
		}
	}
	if _, err := findCodecs([]string{"g729"}); err == nil {
		t.Error("g729 is no codec of ours")
	}
}

func TestOffersThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		sdp  string
		code fault.Code
	}{
		"nothing":      {"", fault.Media},
		"no SDP":       {"hello", fault.Invalid},
		"other codecs": {strings.ReplaceAll(strings.ReplaceAll(plainOffer, "18 8 0", "18"), "PCM", "XXX"), fault.Media},
		"no key":       {strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP"), fault.Media},
		"a bad key":    {strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1\r\n", fault.Media},
		"DTLS":         {strings.ReplaceAll(plainOffer, "RTP/AVP", "UDP/TLS/RTP/SAVPF"), fault.Media},
		"many media":   {plainOffer + strings.Repeat("m=audio 0 RTP/AVP 0\r\n", maxMedia), fault.TooLarge},
		"port 0":       {strings.ReplaceAll(plainOffer, "audio 4000", "audio 0"), fault.Media},
		"port 70000":   {strings.ReplaceAll(plainOffer, "audio 4000", "audio 70000"), fault.Invalid},
		"a host name":  {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7", "c=IN IP4 example.com"), fault.Invalid},
		"no address":   {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7\r\n", ""), fault.Invalid},
		"huge":         {plainOffer + strings.Repeat("a=x:y\r\n", maxSDP/6), fault.TooLarge},
	} {
		if _, err := parseOffer([]byte(tt.sdp), allCodecs); err == nil || fault.From(err).Code != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

func TestKeysBesideTheSound(t *testing.T) {
	for body, want := range map[string]byte{
		"Signal=5\r\nDuration=160\r\n": '5', "signal= #": '#', "Signal=a": 'A',
		"5": '5', "*\r\n": '*',
		"": 0, "Signal=": 0, "Signal=12": 0, "Signal=x": 0, "55": 0, strings.Repeat(" ", 300) + "Signal=5": 0,
	} {
		if got, ok := relayed([]byte(body)); got != want || ok != (want != 0) {
			t.Errorf("%.20q: %q", body, got)
		}
	}
}

func FuzzOffer(f *testing.F) {
	f.Add([]byte(plainOffer))
	f.Add([]byte(strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5|2^20\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := parseOffer(body, allCodecs)
		if err != nil {
			return
		}
		ours := newLocal(netip.MustParseAddrPort("192.0.2.1:10000"))
		if o.crypto.suite != "" {
			ours.crypto = newCrypto(o.crypto.tag, o.crypto.suite)
		}
		answer := ours.answer(o)
		if again, err := parseAnswer(answer, allCodecs); err != nil || again.payload != o.payload {
			t.Fatalf("%q is answered with %q: %v", body, answer, err)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("Signal=5\r\nDuration=160\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) { relayed(body) })
}
