package webrtc

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// dtmfTrack is a track that can send telephone events in addition to its audio. It numbers
// the packets of both.
type dtmfTrack struct {
	*webrtc.TrackLocalStaticSample
	ssrc  webrtc.SSRC
	codec webrtc.RTPCodecParameters // of the events

	mu   sync.Mutex
	out  webrtc.TrackLocalWriter
	sent uint16
}

// dtmfContext makes the wrapped track write its packets through the dtmfTracd.
type dtmfContext struct {
	webrtc.TrackLocalContext
	track *dtmfTrack
}

func (c dtmfContext) WriteStream() webrtc.TrackLocalWriter { return c.track }

// Write implements webrtc.TrackLocalWriter.
func (d *dtmfTrack) Write([]byte) (int, error) { panic("not used") }

// WriteRTP implements webrtc.TrackLocalWriter.
func (d *dtmfTrack) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	numbered := *h
	numbered.SequenceNumber = d.sent
	d.sent++
	return d.out.WriteRTP(&numbered, payload)
}

func (d *dtmfTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	d.out, d.ssrc = c.WriteStream(), c.SSRC()
	for _, codec := range c.CodecParameters() {
		if isDTMF(codec.MimeType) {
			d.codec = codec
		}
	}
	return d.TrackLocalStaticSample.Bind(dtmfContext{c, d})
}

// press sends a digit as browsers do: some packets while it is held, the last one three times.
func (d *dtmfTrack) press(t *testing.T, event byte, stamp uint32) {
	t.Helper()
	for i := range 6 {
		end := byte(0)
		if i > 2 {
			end = 0x80
		}
		h := rtp.Header{
			Version: 2, Marker: i == 0, PayloadType: uint8(d.codec.PayloadType), SSRC: uint32(d.ssrc), Timestamp: stamp,
		}
		if _, err := d.WriteRTP(&h, []byte{event, end | 10, 0, byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEachDTMFDigitArrivesOnce(t *testing.T) {
	caller := newClient(t, clientOptions{offersDTMF: true})
	peer := caller.connect(t, newTransport(t))
	caller.sendFrames(t, opusTone(t, 440))
	waitForTone(t, peer.Source(), 440)
	if caller.dtmf.codec.PayloadType == 0 {
		t.Fatal("the answer does not accept telephone events")
	}
	for i, event := range []byte{4, 7, 7, 11, 16, 15} { // 16 is a flash, not a digit
		caller.dtmf.press(t, event, 1<<20+uint32(i)*8000)
	}
	for _, want := range "477#D" {
		select {
		case got := <-peer.DTMF():
			if rune(got) != want {
				t.Errorf("digit %c, want %c", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("digit %c did not arrive", want)
		}
	}
	waitForTone(t, peer.Source(), 440)
	select {
	case more := <-peer.DTMF():
		t.Errorf("unexpected digit %c", more)
	default:
	}
}
