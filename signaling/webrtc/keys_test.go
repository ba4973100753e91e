package webrtc

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// keypad is a track that can send telephone events beside its sound. It numbers the
// packets of both.
type keypad struct {
	*webrtc.TrackLocalStaticSample
	ssrc  webrtc.SSRC
	codec webrtc.RTPCodecParameters // of the events

	mu   sync.Mutex
	out  webrtc.TrackLocalWriter
	sent uint16
}

// keypadContext has a track's packets written by its keypad.
type keypadContext struct {
	webrtc.TrackLocalContext
	k *keypad
}

func (c keypadContext) WriteStream() webrtc.TrackLocalWriter { return c.k }

// Write implements webrtc.TrackLocalWriter.
func (k *keypad) Write([]byte) (int, error) { panic("not used") }

// WriteRTP implements webrtc.TrackLocalWriter.
func (k *keypad) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	numbered := *h
	numbered.SequenceNumber = k.sent
	k.sent++
	return k.out.WriteRTP(&numbered, payload)
}

func (k *keypad) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	k.out, k.ssrc = c.WriteStream(), c.SSRC()
	for _, codec := range c.CodecParameters() {
		if isKeys(codec.MimeType) {
			k.codec = codec
		}
	}
	return k.TrackLocalStaticSample.Bind(keypadContext{c, k})
}

// press sends a key as browsers do: a few packets while it is held, the last one thrice.
func (k *keypad) press(t *testing.T, event byte, stamp uint32) {
	t.Helper()
	for i := range 6 {
		end := byte(0)
		if i > 2 {
			end = 0x80
		}
		h := rtp.Header{
			Version: 2, Marker: i == 0, PayloadType: uint8(k.codec.PayloadType), SSRC: uint32(k.ssrc), Timestamp: stamp,
		}
		if _, err := k.WriteRTP(&h, []byte{event, end | 10, 0, byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeysPressedOnTheLineAreHeardOnce(t *testing.T) {
	caller := newClient(t, clientOptions{keys: true})
	peer := caller.connect(t, newTransport(t))
	caller.talk(t, opusTone(t, 440))
	listenFor(t, peer.Source(), 440)
	if caller.keypad.codec.PayloadType == 0 {
		t.Fatal("the answer takes no telephone events")
	}
	for i, event := range []byte{4, 7, 7, 11, 16, 15} { // 16 is a flash, no key
		caller.keypad.press(t, event, 1<<20+uint32(i)*8000)
	}
	for _, want := range "477#D" {
		select {
		case got := <-peer.Keys():
			if rune(got) != want {
				t.Errorf("key %c, want %c", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("key %c was not heard", want)
		}
	}
	listenFor(t, peer.Source(), 440)
	select {
	case more := <-peer.Keys():
		t.Errorf("key %c was not pressed", more)
	default:
	}
}
