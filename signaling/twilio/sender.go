package twilio

import (
	"encoding/base64"
	"time"

	"github.com/gorilla/websocket"

	"frontdesk/media"
)

// sendQueue is how many audio messages may wait for the network: one second. While it is
// full, new frames are dropped, because the caller would hear them too late.
const sendQueue = 50

// sender encodes frames as media messages and queues them for the network.
type sender struct {
	encoder *media.G711Encoder
	prefix  string      // of a media message, up to the payload
	free    chan []byte // buffers for audio messages
	queue   chan []byte // messages to write
	packet  [2 * packetSize]byte
	frames  int
}

func newSender(sid string) *sender {
	s := &sender{
		encoder: media.NewG711Encoder(media.EncodePCMU),
		prefix:  `{"event":"media","streamSid":` + quote(sid) + `,"media":{"payload":"`,
		free:    make(chan []byte, sendQueue), queue: make(chan []byte, 2*sendQueue),
	}
	for range sendQueue {
		s.free <- make([]byte, 0, len(s.prefix)+base64.StdEncoding.EncodedLen(len(s.packet))+3)
	}
	return s
}

// sendFrame queues a frame and returns the number of frames so far. It neither allocates
// nor blocks.
func (s *sender) sendFrame(frame []int16) int {
	s.frames++
	payload, err := s.encoder.Encode(s.packet[:], frame)
	if err != nil {
		return s.frames
	}
	select {
	case b := <-s.free:
		b = append(b[:0], s.prefix...)
		b = base64.StdEncoding.AppendEncode(b, payload)
		b = append(b, `"}}`...)
		select {
		case s.queue <- b:
		default:
			s.free <- b // has room, because b was taken from it
		}
	default:
	}
	return s.frames
}

// sendControl queues a message without audio, or drops it if the queue is full.
func (s *sender) sendControl(text string) {
	select {
	case s.queue <- []byte(text):
	default:
	}
}

// write writes queued messages until over is closed or the connection fails.
func (s *sender) write(conn *websocket.Conn, over <-chan struct{}) error {
	for {
		select {
		case b := <-s.queue:
			if err := conn.SetWriteDeadline(time.Now().Add(messageTimeout)); err != nil {
				return err
			}
			err := conn.WriteMessage(websocket.TextMessage, b)
			select {
			case s.free <- b:
			default: // b was a control message
			}
			if err != nil {
				return err
			}
		case <-over:
			return nil
		}
	}
}
