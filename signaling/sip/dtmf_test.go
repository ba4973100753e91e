package sip

import (
	"strings"
	"testing"
)

func TestInfoDTMFIsParsed(t *testing.T) {
	for body, want := range map[string]byte{
		"Signal=5\r\nDuration=160\r\n": '5', "signal= #": '#', "Signal=a": 'A',
		"5": '5', "*\r\n": '*',
		"": 0, "Signal=": 0, "Signal=12": 0, "Signal=x": 0, "55": 0, strings.Repeat(" ", 300) + "Signal=5": 0,
	} {
		if got, ok := parseInfoDTMF([]byte(body)); got != want || ok != (want != 0) {
			t.Errorf("%.20q: got %q, %t, want %q", body, got, ok, want)
		}
	}
}

func FuzzInfoDTMF(f *testing.F) {
	f.Add([]byte("Signal=5\r\nDuration=160\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) { parseInfoDTMF(body) })
}
