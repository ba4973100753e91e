package webrtc

import (
	"errors"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

// Why a peer's connection ended.
var (
	ErrHungUp       = errors.New("the caller closed the connection")
	ErrLost         = errors.New("the connection was lost")
	ErrNotConnected = errors.New("the connection could not be established")
	ErrSlow         = errors.New("the caller's client does not read its events")
	ErrClosed       = errors.New("the server closed the connection")
)

// Peer is one caller's connection. Close must be called. Its methods are safe for
// concurrent use, except that Receive, the Source and the Sink have one user each.
type Peer struct {
	transport    *Transport
	pc           *webrtc.PeerConnection
	incoming     *incomingAudio // nil without audio, as outgoing
	outgoing     *outgoingAudio
	wantsChannel bool   // the offer has a data channel
	received     []byte // Receive's buffer

	mu          sync.Mutex
	setup       *time.Timer // ends a peer that does not connect
	isConnected bool
	stream      messageStream // nil until the data channel is open

	ready    chan struct{} // closed when the line can be used
	opened   chan struct{} // closed when the data channel is open
	done     chan struct{} // closed when the connection has ended
	released chan struct{} // closed when no goroutine of the peer runs any more
	end      sync.Once
	err      error // why done is closed
}

func (t *Transport) newPeer() (*Peer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, fault.New(fault.Unavailable, "the server is stopping").Retryable(5 * time.Second)
	}
	pc, err := t.api.NewPeerConnection(t.config)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the peer connection could not be created")
	}
	p := &Peer{
		transport: t, pc: pc,
		ready:    make(chan struct{}),
		opened:   make(chan struct{}),
		done:     make(chan struct{}),
		released: make(chan struct{}),
	}
	pc.OnConnectionStateChange(p.handleState)
	pc.OnDataChannel(p.acceptChannel)
	t.peers[p] = struct{}{}
	return p, nil
}

// addAudio prepares audio in both directions.
func (p *Peer) addAudio() error {
	incoming, err := newIncomingAudio()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the audio decoder could not be created")
	}
	p.incoming, p.outgoing = incoming, newOutgoingAudio(p.transport.cache)
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.incoming.readTrack(track) })
	return nil
}

// startSetupTimer ends the peer if it is not ready within setupTimeout.
func (p *Peer) startSetupTimer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setup = time.AfterFunc(setupTimeout, func() {
		select {
		case <-p.ready:
		default:
			p.finish(ErrNotConnected)
		}
	})
}

func (p *Peer) handleState(s webrtc.PeerConnectionState) {
	switch s {
	case webrtc.PeerConnectionStateConnected:
		p.advance(func() { p.isConnected = true })
	case webrtc.PeerConnectionStateFailed:
		select {
		case <-p.ready:
			p.finish(ErrLost)
		default:
			p.finish(ErrNotConnected)
		}
	case webrtc.PeerConnectionStateClosed:
		p.finish(ErrHungUp)
	}
}

// advance runs a step of the set-up, with p.mu held, and closes ready after the last one.
func (p *Peer) advance(step func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wasUsable := p.isUsable()
	step()
	if !wasUsable && p.isUsable() {
		close(p.ready)
	}
}

func (p *Peer) isUsable() bool {
	return p.isConnected && (p.stream != nil || !p.wantsChannel)
}

// finish ends the peer for a reason; the first reason counts. It does not wait.
func (p *Peer) finish(reason error) {
	p.end.Do(func() {
		p.err = reason
		close(p.done)
		p.transport.work.Go(p.release)
	})
}

func (p *Peer) release() {
	p.mu.Lock()
	if p.setup != nil {
		p.setup.Stop()
	}
	p.mu.Unlock()
	if p.incoming != nil {
		p.incoming.close()
	}
	_ = p.pc.GracefulClose() // fails only for a connection that has ended
	if p.incoming != nil {
		p.incoming.reading.Wait()
	}
	p.transport.remove(p)
	close(p.released)
}

func (t *Transport) remove(p *Peer) {
	t.mu.Lock()
	delete(t.peers, p)
	t.mu.Unlock()
}

// Close ends the peer and waits for its goroutines.
func (p *Peer) Close() {
	p.finish(ErrClosed)
	<-p.released
}

// Ready is closed when the connection is established and its data channel, if the offer
// has one, is open.
func (p *Peer) Ready() <-chan struct{} { return p.ready }

// Done is closed when the connection has ended; Err then says why.
func (p *Peer) Done() <-chan struct{} { return p.done }

// Err returns why the connection ended, nil while it lasts.
func (p *Peer) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Source returns the caller's audio, nil if the offer has none.
func (p *Peer) Source() media.Source {
	if p.incoming == nil {
		return nil
	}
	return p.incoming
}

// Sink plays audio to the caller. It is nil if the offer has no audio.
func (p *Peer) Sink() media.Sink {
	if p.outgoing == nil {
		return nil
	}
	return p.outgoing
}

// DTMF receives the digits 0-9 * # A-D that the caller sends as telephone events. It is
// nil if the offer has no audio, and is never closed.
func (p *Peer) DTMF() <-chan byte {
	if p.incoming == nil {
		return nil
	}
	return p.incoming.dtmf.Digits
}
