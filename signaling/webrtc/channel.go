package webrtc

import (
	"errors"
	"io"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"

	"frontdesk/internal/fault"
)

const (
	// ChannelLabel names the data channel that carries events.
	ChannelLabel = "oai-events"
	// MaxMessage bounds a message either way, in bytes.
	MaxMessage = 256 << 10
	maxUnsent  = 1 << 20 // bytes the client may be behind before its line is given up
	firstRead  = 4 << 10 // bytes of the buffer a channel begins with
)

// messageStream is what this package needs of a detached data channel.
type messageStream interface {
	datachannel.ReadWriteCloser
	BufferedAmount() uint64
}

// offered takes the data channel the client opened. Others it opens are closed.
func (p *Peer) offered(c *webrtc.DataChannel) {
	c.OnOpen(func() {
		raw, err := c.Detach()
		if err != nil {
			return
		}
		stream, ok := raw.(messageStream)
		taken := false
		p.progress(func() {
			if ok && p.stream == nil && c.Label() == ChannelLabel {
				p.stream, taken = stream, true
				close(p.opened)
			}
		})
		if !taken {
			_ = raw.Close()
		}
	})
}

// Send queues a message and does not block. A client that is more than 1 MB behind
// does not read: its line ends as ErrSlow. Without a data channel messages go nowhere.
func (p *Peer) Send(message []byte) error {
	p.mu.Lock()
	stream := p.stream
	p.mu.Unlock()
	switch {
	case p.Err() != nil:
		return p.Err()
	case stream == nil:
		return nil
	case stream.BufferedAmount()+uint64(len(message)) > maxUnsent:
		p.finish(ErrSlow)
		return ErrSlow
	}
	_, err := stream.WriteDataChannel(message, true)
	return err
}

// Receive returns a function that blocks for the client's next message, which
// belongs to the receiver until the next call. Its error is fault.TooLarge for a
// message over MaxMessage, after which it can be called again, and io.EOF at the end.
func (p *Peer) Receive() func() ([]byte, error) {
	buf := make([]byte, firstRead)
	return func() ([]byte, error) {
		select {
		case <-p.opened:
		case <-p.done:
			return nil, io.EOF
		}
		for {
			n, _, err := p.stream.ReadDataChannel(buf)
			switch {
			case err == nil && n <= MaxMessage:
				return buf[:n], nil
			case err == nil:
				buf = make([]byte, firstRead)
				return nil, fault.New(fault.TooLarge, "the message is larger than %d bytes", MaxMessage)
			case errors.Is(err, io.ErrShortBuffer):
				buf = make([]byte, 2*len(buf))
			default:
				p.finish(ErrHungUp)
				return nil, io.EOF
			}
		}
	}
}

// linger lets a message that was just sent reach the client before the line closes.
const linger = 500 * time.Millisecond

// Flush waits, for a moment, until the client has received what was sent.
func (p *Peer) Flush() {
	p.mu.Lock()
	stream := p.stream
	p.mu.Unlock()
	if stream == nil {
		return
	}
	deadline := time.NewTimer(linger)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for stream.BufferedAmount() > 0 {
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		case <-p.done:
			return
		}
	}
}
