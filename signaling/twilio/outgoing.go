package twilio

import (
	"encoding/base64"
	"time"

	"github.com/gorilla/websocket"

	"frontdesk/media"
)

// soundQueue is how many messages may wait for the network: a second. When it is full the
// newest frame is lost; the caller would hear it too late.
const soundQueue = 50

// outgoing sends frames as messages. frame neither allocates nor waits.
type outgoing struct {
	encoder *media.G711Encoder
	head    string
	free    chan []byte
	full    chan []byte
	packet  [2 * chunk]byte
	frames  int
}

func newOutgoing(sid string) *outgoing {
	o := &outgoing{
		encoder: media.NewG711Encoder(media.EncodePCMU),
		head:    `{"event":"media","streamSid":` + quoted(sid) + `,"media":{"payload":"`,
		free:    make(chan []byte, soundQueue), full: make(chan []byte, 2*soundQueue),
	}
	for range soundQueue {
		o.free <- make([]byte, 0, len(o.head)+base64.StdEncoding.EncodedLen(len(o.packet))+3)
	}
	return o
}

// frame queues a frame, and returns how many have been.
func (o *outgoing) frame(frame []int16) int {
	o.frames++
	payload, err := o.encoder.Encode(o.packet[:], frame)
	if err != nil {
		return o.frames
	}
	select {
	case b := <-o.free:
		b = append(b[:0], o.head...)
		b = base64.StdEncoding.AppendEncode(b, payload)
		b = append(b, `"}}`...)
		select {
		case o.full <- b:
		default:
			o.free <- b // there is room where it came from
		}
	default:
	}
	return o.frames
}

// control queues a message that is no sound; when the queue is full it is lost.
func (o *outgoing) control(text string) {
	select {
	case o.full <- []byte(text):
	default:
	}
}

// write sends what is queued until over is closed. The error says that the line broke.
func (o *outgoing) write(conn *websocket.Conn, over <-chan struct{}) error {
	for {
		select {
		case b := <-o.full:
			if err := conn.SetWriteDeadline(time.Now().Add(messageTime)); err != nil {
				return err
			}
			err := conn.WriteMessage(websocket.TextMessage, b)
			select {
			case o.free <- b:
			default: // it was no sound
			}
			if err != nil {
				return err
			}
		case <-over:
			return nil
		}
	}
}
