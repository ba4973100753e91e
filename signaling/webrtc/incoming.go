package webrtc

import (
	"errors"
	"io"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"frontdesk/media"
)

const (
	maxPacket   = 1500 // bytes of an RTP packet
	maxFailures = 100  // failed reads in a row, after which a track is given up
)

// incomingAudio is the caller's audio: a media.Source that is silent until the caller's
// track begins, which decides the codec.
type incomingAudio struct {
	dtmf    *media.DTMFReceiver // used by the track's reader only
	reading sync.WaitGroup

	mu       sync.Mutex
	receiver *media.Receiver
	hasTrack bool
	isClosed bool
}

func newIncomingAudio() (*incomingAudio, error) {
	r, err := newReceiver(webrtc.MimeTypeOpus)
	if err != nil {
		return nil, err
	}
	return &incomingAudio{receiver: r, dtmf: media.NewDTMFReceiver()}, nil
}

func (a *incomingAudio) currentReceiver() *media.Receiver {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.receiver
}

// ReadFrame implements media.Source.
func (a *incomingAudio) ReadFrame(frame []int16) error {
	for {
		r := a.currentReceiver()
		err := r.ReadFrame(frame)
		if err != io.EOF || r == a.currentReceiver() {
			return err
		}
	}
}

// readTrack reads a track until it ends. It ignores all tracks but the first.
func (a *incomingAudio) readTrack(track *webrtc.TrackRemote) {
	receiver := a.startTrack(track.Codec().MimeType)
	if receiver == nil {
		return
	}
	defer a.reading.Done()
	var packet rtp.Packet
	buf := make([]byte, maxPacket)
	audioType := uint8(track.PayloadType())
	for failures := 0; failures < maxFailures; {
		n, _, err := track.Read(buf)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || packet.Unmarshal(buf[:n]) != nil {
			failures++
			continue
		}
		if packet.PayloadType != audioType {
			if failures++; isDTMF(track.Codec().MimeType) { // pion has set the codec of this packet
				a.dtmf.Push(packet.Timestamp, packet.Payload)
				failures = 0
			}
			continue
		}
		failures = 0
		receiver.Push(packet.SequenceNumber, packet.Timestamp, packet.Payload)
	}
}

// startTrack returns the receiver for a track of the given codec, or nil if the track is
// to be ignored. With a receiver, the caller must call a.reading.Done at the track's end.
func (a *incomingAudio) startTrack(mime string) *media.Receiver {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hasTrack || a.isClosed {
		return nil
	}
	if mime != webrtc.MimeTypeOpus {
		r, err := newReceiver(mime)
		if err != nil || r == nil {
			return nil
		}
		_ = a.receiver.Close()
		a.receiver = r
	}
	a.hasTrack = true
	a.reading.Add(1)
	return a.receiver
}

func (a *incomingAudio) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.isClosed = true
	_ = a.receiver.Close()
}
