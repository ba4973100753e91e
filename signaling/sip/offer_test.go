package sip

import (
	"net/netip"
	"strings"
	"testing"

	"frontdesk/fault"
)

const plainOffer = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n" +
	"m=audio 4000 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"

func TestWhatIsTakenOfAnOffer(t *testing.T) {
	for name, tt := range map[string]struct {
		sdp     string
		codec   string
		payload uint8
		keys    uint8
		media   string
		hold    bool
	}{
		"plain":          {plainOffer, "PCMA", 8, 101, "192.0.2.7:4000", false},
		"static types":   {"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", "PCMU", 0, 0, "192.0.2.7:4000", false},
		"dynamic type":   {strings.ReplaceAll(plainOffer, "9 8 0 101\r\n", "98 101\r\na=rtpmap:98 PCMU/8000\r\n"), "PCMU", 98, 101, "192.0.2.7:4000", false},
		"mapped away":    {strings.ReplaceAll(plainOffer, "PCMA/8000", "AMR/8000"), "PCMU", 0, 101, "192.0.2.7:4000", false},
		"own address":    {strings.ReplaceAll(plainOffer, "a=sendrecv", "c=IN IP4 192.0.2.9\r\na=sendrecv"), "PCMA", 8, 101, "192.0.2.9:4000", false},
		"IPv6":           {strings.ReplaceAll(plainOffer, "IP4 192.0.2.7", "IP6 2001:db8::7"), "PCMA", 8, 101, "[2001:db8::7]:4000", false},
		"held":           {strings.ReplaceAll(plainOffer, "sendrecv", "sendonly"), "PCMA", 8, 101, "192.0.2.7:4000", true},
		"held, inactive": {strings.ReplaceAll(plainOffer, "sendrecv", "inactive"), "PCMA", 8, 101, "192.0.2.7:4000", true},
		"held, old way":  {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0"), "PCMA", 8, 101, "0.0.0.0:4000", true},
		"with video":     {plainOffer + "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n", "PCMA", 8, 101, "192.0.2.7:4000", false},
	} {
		o, err := parseOffer([]byte(tt.sdp))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if o.codec.name != tt.codec || o.payload != tt.payload || o.keys != tt.keys || o.media.String() != tt.media || o.hold != tt.hold {
			t.Errorf("%s: %+v", name, o)
		}
		again, err := parseOffer(o.answer(netip.MustParseAddrPort("192.0.2.1:10000"), 1, 1))
		if err != nil || again.codec.name != o.codec.name || again.payload != o.payload || again.keys != o.keys || again.media.Port() != 10000 {
			t.Errorf("%s: the answer is %+v, %v", name, again, err)
		}
		if got, want := len(again.lines), len(o.lines); got != want {
			t.Errorf("%s: %d media are answered, %d were offered", name, got, want)
		}
	}
}

func TestOffersThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		sdp  string
		code fault.Code
	}{
		"nothing":      {"", fault.Media},
		"no SDP":       {"hello", fault.Invalid},
		"other codecs": {strings.ReplaceAll(strings.ReplaceAll(plainOffer, "9 8 0", "9"), "PCM", "XXX"), fault.Media},
		"SRTP":         {strings.ReplaceAll(plainOffer, "RTP/AVP", "RTP/SAVP"), fault.Media},
		"port 0":       {strings.ReplaceAll(plainOffer, "audio 4000", "audio 0"), fault.Media},
		"port 70000":   {strings.ReplaceAll(plainOffer, "audio 4000", "audio 70000"), fault.Invalid},
		"a host name":  {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7", "c=IN IP4 example.com"), fault.Invalid},
		"no address":   {strings.ReplaceAll(plainOffer, "c=IN IP4 192.0.2.7\r\n", ""), fault.Invalid},
		"huge":         {plainOffer + strings.Repeat("a=x:y\r\n", maxSDP/6), fault.TooLarge},
	} {
		if _, err := parseOffer([]byte(tt.sdp)); err == nil || fault.From(err).Code != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

func TestKeysBesideTheSound(t *testing.T) {
	for body, want := range map[string]byte{
		"Signal=5\r\nDuration=160\r\n": '5', "signal= #": '#', "Signal=a": 'A',
		"": 0, "Signal=": 0, "Signal=12": 0, "Signal=x": 0, "5": 0, strings.Repeat(" ", 300) + "Signal=5": 0,
	} {
		if got, ok := relayed([]byte(body)); got != want || ok != (want != 0) {
			t.Errorf("%.20q: %q", body, got)
		}
	}
}

func FuzzOffer(f *testing.F) {
	f.Add([]byte(plainOffer))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := parseOffer(body)
		if err != nil {
			return
		}
		answer := o.answer(netip.MustParseAddrPort("192.0.2.1:10000"), 1, 1)
		if again, err := parseOffer(answer); err != nil || again.payload != o.payload {
			t.Fatalf("%q is answered with %q: %v", body, answer, err)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("Signal=5\r\nDuration=160\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) { relayed(body) })
}
