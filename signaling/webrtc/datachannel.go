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
	// MaxMessage bounds a message in either direction, in bytes.
	MaxMessage   = 256 << 10
	maxUnsent    = 1 << 20                // bytes; a client further behind loses its line
	firstBuffer  = 4 << 10                // bytes; the buffer grows with longer messages
	flushTimeout = 500 * time.Millisecond // for sent messages to arrive before the line closes
)

// messageStream is what this package needs of a detached data channel.
type messageStream interface {
	datachannel.ReadWriteCloser
	BufferedAmount() uint64
}

// acceptChannel uses the data channel the client opened for events. It closes all others.
func (p *Peer) acceptChannel(c *webrtc.DataChannel) {
	c.OnOpen(func() {
		raw, err := c.Detach()
		if err != nil {
			return
		}
		stream, ok := raw.(messageStream)
		isAccepted := false
		p.advance(func() {
			if ok && p.stream == nil && c.Label() == ChannelLabel {
				p.stream, isAccepted = stream, true
				close(p.opened)
			}
		})
		if !isAccepted {
			_ = raw.Close()
		}
	})
}

// Send queues a message and does not block. A client that is more than 1 MB behind
// loses its line with ErrSlow. Without a data channel, Send discards the message.
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

// Receive blocks for the client's next message, which is valid until the next call. The
// error is fault.TooLarge for a message over MaxMessage, after which Receive can be called
// again, and io.EOF at the end.
func (p *Peer) Receive() ([]byte, error) {
	select {
	case <-p.opened:
	case <-p.done:
		return nil, io.EOF
	}
	if p.received == nil {
		p.received = make([]byte, firstBuffer)
	}
	for {
		n, _, err := p.stream.ReadDataChannel(p.received)
		switch {
		case err == nil && n <= MaxMessage:
			return p.received[:n], nil
		case err == nil:
			p.received = nil // do not keep a huge buffer
			return nil, fault.New(fault.TooLarge, "the message is too large (at most %d bytes)", MaxMessage)
		case errors.Is(err, io.ErrShortBuffer):
			p.received = make([]byte, 2*len(p.received))
		default:
			p.finish(ErrHungUp)
			return nil, io.EOF
		}
	}
}

// Flush waits, at most flushTimeout, until the client has received what was sent.
func (p *Peer) Flush() {
	p.mu.Lock()
	stream := p.stream
	p.mu.Unlock()
	if stream == nil {
		return
	}
	deadline := time.NewTimer(flushTimeout)
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
