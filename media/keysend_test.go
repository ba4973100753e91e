package media

import (
	"errors"
	"testing"
)

// sendKeys sends keys, loses the packets that lost names by their order, and returns what
// the other side takes them for.
func sendKeys(t *testing.T, keys string, lost func(n int) bool) string {
	t.Helper()
	var s KeySender
	if err := s.Press(keys); err != nil {
		t.Fatal(err)
	}
	k := NewKeys()
	var packet [16]byte
	for n, now := 0, uint32(1<<32-2000); s.Sending(); n, now = n+1, now+160 {
		payload, stamp, _ := s.Next(packet[:], now, 160)
		if len(payload) > 0 && !lost(n) {
			k.Take(stamp, payload)
		}
		if n > 10_000 {
			t.Fatal("it never ends")
		}
	}
	close(k.Pressed)
	var got []byte
	for key := range k.Pressed {
		got = append(got, key)
	}
	return string(got)
}

func TestKeysArriveOnceEach(t *testing.T) {
	const keys = "1223*0#abcd"
	if got := sendKeys(t, keys, func(int) bool { return false }); got != "1223*0#ABCD" {
		t.Errorf("%s", got)
	}
	if got := sendKeys(t, keys, func(n int) bool { return n%3 != 0 }); got != "1223*0#ABCD" {
		t.Errorf("with two of three packets lost: %s", got)
	}
}

func TestAKeyIsOneEventThatEndsThreeTimes(t *testing.T) {
	var s KeySender
	if err := s.Press("7,"); err != nil {
		t.Fatal(err)
	}
	var packet [16]byte
	sent, ends, firsts, frames := 0, 0, 0, 0
	var last uint16
	for now := uint32(160); s.Sending(); now += 160 {
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
	if sent != keyFrames+keyEnds-1 || ends != keyEnds || firsts != 1 || frames != keyFrames+keyEnds-1+keyGap+pauseFrames {
		t.Errorf("%d packets, %d ends, %d beginnings in %d frames", sent, ends, firsts, frames)
	}
}

func TestKeysThatCannotBeSent(t *testing.T) {
	var s KeySender
	for _, keys := range []string{"12x", "ä", "1x2", string(make([]byte, 3))} {
		if err := s.Press(keys); !errors.Is(err, ErrNoKey) {
			t.Errorf("%q: %v", keys, err)
		}
	}
	full := make([]byte, maxSending)
	for i := range full {
		full[i] = '1'
	}
	if err := s.Press(string(full)); err != nil {
		t.Error(err)
	}
	if err := s.Press("1"); !errors.Is(err, ErrManyKeys) {
		t.Errorf("one too many: %v", err)
	}
}
