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
	maxFailures = 100  // reads in a row that may fail before a track is given up
)

// ear is the caller's sound on its way in: a media.Source that is silent until the
// track's first packet says how it is coded.
type ear struct {
	mu       sync.Mutex
	receiver *media.Receiver
	taken    bool // a track is being read
	closed   bool
	reading  sync.WaitGroup
	keys     *media.DTMFReceiver // of the track's reader
}

func newEar() (*ear, error) {
	r, err := newReceiver(webrtc.MimeTypeOpus)
	if err != nil {
		return nil, err
	}
	return &ear{receiver: r, keys: media.NewDTMFReceiver()}, nil
}

func (e *ear) current() *media.Receiver {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.receiver
}

// ReadFrame implements media.Source.
func (e *ear) ReadFrame(frame []int16) error {
	for {
		r := e.current()
		err := r.ReadFrame(frame)
		if err != io.EOF || r == e.current() {
			return err
		}
	}
}

// hear reads a track until it ends. Only the first track is heard.
func (e *ear) hear(track *webrtc.TrackRemote) {
	receiver := e.take(track.Codec().MimeType)
	if receiver == nil {
		return
	}
	defer e.reading.Done()
	var packet rtp.Packet
	buf := make([]byte, maxPacket)
	coded := uint8(track.PayloadType())
	for failures := 0; failures < maxFailures; {
		n, _, err := track.Read(buf)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || packet.Unmarshal(buf[:n]) != nil {
			failures++
			continue
		}
		if packet.PayloadType != coded {
			if failures++; isKeys(track.Codec().MimeType) { // what this packet is, by its payload type
				e.keys.Push(packet.Timestamp, packet.Payload)
				failures = 0
			}
			continue
		}
		failures = 0
		receiver.Push(packet.SequenceNumber, packet.Timestamp, packet.Payload)
	}
}

// take makes the receiver for a track of that codec, nil when it will not be heard.
// Its reader calls e.reading.Done.
func (e *ear) take(mime string) *media.Receiver {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.taken || e.closed {
		return nil
	}
	if mime != webrtc.MimeTypeOpus {
		r, err := newReceiver(mime)
		if err != nil || r == nil {
			return nil
		}
		_ = e.receiver.Close()
		e.receiver = r
	}
	e.taken = true
	e.reading.Add(1)
	return e.receiver
}

func (e *ear) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	_ = e.receiver.Close()
}
