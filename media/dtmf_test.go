package media

import (
	"errors"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// sendDigits sends digits, drops packet number n if isLost(n), and returns the digits that
// the other side receives.
func sendDigits(t *testing.T, digits string, isLost func(n int) bool) string {
	t.Helper()
	var s DTMFSender
	require.NoError(t, s.Queue(digits))
	r := NewDTMFReceiver()
	var packet [16]byte
	for n, now := 0, uint32(1<<32-2000); s.IsSending(); n, now = n+1, now+160 {
		payload, stamp, _ := s.Next(packet[:], now, 160)
		if len(payload) > 0 && !isLost(n) {
			r.Push(stamp, payload)
		}
		if n > 10_000 {
			t.Fatal("sending never ends")
		}
	}
	close(r.Digits)
	var got []byte
	for digit := range r.Digits {
		got = append(got, digit)
	}
	return string(got)
}

func TestDigitsArriveOnceEach(t *testing.T) {
	const digits = "1223*0#abcd"
	if got := sendDigits(t, digits, func(int) bool { return false }); got != "1223*0#ABCD" {
		t.Errorf("%s", got)
	}
	if got := sendDigits(t, digits, func(n int) bool { return n%3 != 0 }); got != "1223*0#ABCD" {
		t.Errorf("with two of three packets lost: %s", got)
	}
}

func TestDigitIsOneEventWithThreeEndPackets(t *testing.T) {
	var s DTMFSender
	require.NoError(t, s.Queue("7,"))
	var packet [16]byte
	sent, ends, firsts, frames := 0, 0, 0, 0
	var last uint16
	for now := uint32(160); s.IsSending(); now += 160 {
		frames++
		payload, stamp, first := s.Next(packet[:], now, 160)
		if len(payload) == 0 {
			continue
		}
		sent++
		duration := uint16(payload[2])<<8 | uint16(payload[3])
		if payload[0] != 7 || stamp != 160 || duration < last || duration > 8*160 {
			t.Errorf("packet %d: %v at %d", sent, payload, stamp)
		}
		last = duration
		if payload[1]&0x80 != 0 {
			ends++
		}
		if first {
			firsts++
		}
	}
	if sent != dtmfFrames+dtmfEnds-1 || ends != dtmfEnds || firsts != 1 || frames != dtmfFrames+dtmfEnds-1+dtmfGap+dtmfPauseFrames {
		t.Errorf("%d packets, %d ends, %d firsts in %d frames", sent, ends, firsts, frames)
	}
}

func TestInvalidDigitsAreNotQueued(t *testing.T) {
	var s DTMFSender
	for _, digits := range []string{"12x", "ä", "1x2", string(make([]byte, 3))} {
		if err := s.Queue(digits); !errors.Is(err, ErrDTMF) {
			t.Errorf("%q: %v", digits, err)
		}
	}
	if err := s.Queue(strings.Repeat("1", dtmfSending)); err != nil {
		t.Error(err)
	}
	if err := s.Queue("1"); !errors.Is(err, ErrDTMFQueue) {
		t.Errorf("one too many: %v", err)
	}
}

func TestMalformedTelephoneEventsAreIgnored(t *testing.T) {
	r := NewDTMFReceiver()
	for _, payload := range [][]byte{nil, {1}, {1, 0, 0}, {200, 0, 0, 0}} {
		r.Push(0, payload)
	}
	for i := range 3 * dtmfQueue { // nobody reads
		r.Push(uint32(i), []byte{5, 0, 0, 0})
	}
	if len(r.Digits) != dtmfQueue {
		t.Errorf("%d digits", len(r.Digits))
	}
}
