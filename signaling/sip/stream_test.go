package sip

import (
	"strconv"
	"strings"
	"testing"
)

func TestStreamsAreSplitIntoMessages(t *testing.T) {
	const message = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\nl : 3\r\n\r\nabc"
	for name, tt := range map[string]struct {
		stream  string
		size    int
		isError bool
	}{
		"empty":               {"", 0, false},
		"keep-alive":          {"\r\n\r\n", 4, false},
		"incomplete headers":  {"\r\nOPTIONS sip:a@b SIP/2.0\r\nVia", 0, false},
		"incomplete body":     {message[:len(message)-1], 0, false},
		"one message":         {message, len(message), false},
		"one and a half":      {"\r\n" + message + message[:20], len(message) + 2, false},
		"no Content-Length":   {"OPTIONS sip:a@b SIP/2.0\r\n\r\nabc", 0, true},
		"negative length":     {"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n", 0, true},
		"two lengths":         {"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n", 0, true},
		"too large":           {"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 999999\r\n\r\n", 0, true},
		"headers without end": {strings.Repeat("x", maxHead+1), 0, true},
	} {
		if size, err := messageSize([]byte(tt.stream)); size != tt.size || (err != nil) != tt.isError {
			t.Errorf("%s: got size %d, %v, want %d", name, size, err, tt.size)
		}
	}
}

func TestPartialMessagesAreLimited(t *testing.T) {
	var p partialMessages
	for i := range maxPartial + 1 {
		if isStored := p.store(strconv.Itoa(i), []byte("x")); isStored != (i < maxPartial) {
			t.Errorf("message %d is stored: %t", i, isStored)
		}
	}
	if got := p.join("7", []byte("y")); string(got) != "xy" || !p.store("new", nil) {
		t.Errorf("got %q, want xy", got)
	}
}

func TestFoldedHeadersAreJoinedUpToALimit(t *testing.T) {
	head := "OPTIONS sip:a@b SIP/2.0\r\nSubject: a" + strings.Repeat("\r\n x", maxHead/4) + "\r\n\r\n"
	if m, normalized, errorResponse := normalize([]byte(head)); m != nil || normalized != nil || errorResponse != nil {
		t.Errorf("a message with too large headers is parsed as %v", m)
	}
	if got := string(unfold([]byte("A: b\r\nC:  d \r\n\te\r\n  f"))); got != "A: b\r\nC: d e f" {
		t.Errorf("got %q", got)
	}
}

func FuzzStreams(f *testing.F) {
	f.Add([]byte("\r\nOPTIONS sip:a@b SIP/2.0\r\nContent-Length:\r\n 3\r\n\r\nabcINVITE"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for len(raw) > 0 {
			size, err := messageSize(raw)
			if err != nil || size == 0 {
				return
			}
			normalize(raw[:size])
			raw = raw[size:]
		}
	})
}
