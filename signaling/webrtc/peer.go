package webrtc

import (
	"errors"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

// Why a peer is gone.
var (
	ErrHungUp       = errors.New("the caller closed the connection")
	ErrLost         = errors.New("the connection was lost")
	ErrNotConnected = errors.New("no connection came about")
	ErrSlow         = errors.New("the caller's client does not read its events")
	ErrClosed       = errors.New("the connection was closed from this side")
)

// Peer is one caller's connection. Close must be called. Its methods are safe for
// concurrent use, except that Receive, the Source and the Sink have one user each.
type Peer struct {
	transport *Transport
	pc        *webrtc.PeerConnection
	voice     *voice // nil without sound, like ear
	ear       *ear

	wantsChannel bool // the offer has a data channel

	mu        sync.Mutex
	setup     *time.Timer // ends a peer that does not connect
	connected bool
	stream    messageStream // nil until the data channel is open

	ready  chan struct{} // closed when the line can be used
	opened chan struct{} // closed when the data channel is open
	done   chan struct{} // closed when the line is gone
	shut   chan struct{} // closed when nothing of the peer runs any more
	end    sync.Once
	err    error // why done is closed
}

func (t *Transport) newPeer() (*Peer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, fault.New(fault.Unavailable, "this server is about to stop").Retryable(5 * time.Second)
	}
	pc, err := t.api.NewPeerConnection(t.config)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no connection could be prepared")
	}
	p := &Peer{
		transport: t, pc: pc,
		ready:  make(chan struct{}),
		opened: make(chan struct{}),
		done:   make(chan struct{}),
		shut:   make(chan struct{}),
	}
	pc.OnConnectionStateChange(p.changed)
	pc.OnDataChannel(p.offered)
	t.peers[p] = struct{}{}
	return p, nil
}

// listen gives the peer an ear and a voice.
func (p *Peer) listen() error {
	ear, err := newEar()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "no decoder could be made")
	}
	p.ear, p.voice = ear, newVoice(p.transport.spoken)
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.ear.hear(track) })
	return nil
}

// await gives the caller time to connect.
func (p *Peer) await() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setup = time.AfterFunc(setupTime, func() {
		select {
		case <-p.ready:
		default:
			p.finish(ErrNotConnected)
		}
	})
}

func (p *Peer) changed(s webrtc.PeerConnectionState) {
	switch s {
	case webrtc.PeerConnectionStateConnected:
		p.progress(func() { p.connected = true })
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

// progress notes a step of the set-up and tells when it was the last one.
func (p *Peer) progress(step func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.usable()
	step()
	if !before && p.usable() {
		close(p.ready)
	}
}

func (p *Peer) usable() bool {
	return p.connected && (p.stream != nil || !p.wantsChannel)
}

// finish ends the peer for a reason; only the first one counts. It does not wait.
func (p *Peer) finish(why error) {
	p.end.Do(func() {
		p.err = why
		close(p.done)
		p.transport.work.Go(p.tearDown)
	})
}

func (p *Peer) tearDown() {
	p.mu.Lock()
	if p.setup != nil {
		p.setup.Stop()
	}
	p.mu.Unlock()
	if p.ear != nil {
		p.ear.close()
	}
	_ = p.pc.GracefulClose() // its errors are those of a connection that is gone
	if p.ear != nil {
		p.ear.reading.Wait()
	}
	p.transport.forget(p)
	close(p.shut)
}

func (t *Transport) forget(p *Peer) {
	t.mu.Lock()
	delete(t.peers, p)
	t.mu.Unlock()
}

// Close ends the peer and waits until nothing of it runs any more.
func (p *Peer) Close() {
	p.finish(ErrClosed)
	<-p.shut
}

// Ready is closed when the connection stands and its data channel, if the offer had
// one, is open.
func (p *Peer) Ready() <-chan struct{} { return p.ready }

// Done is closed when the connection is gone; Err then tells why.
func (p *Peer) Done() <-chan struct{} { return p.done }

// Err is why the connection is gone, nil before.
func (p *Peer) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Source is the caller's voice, nil when the offer had no sound.
func (p *Peer) Source() media.Source {
	if p.ear == nil {
		return nil
	}
	return p.ear
}

// Keys are the keys the caller presses on the line itself, 0-9 * # A-D; nil when the
// offer had no sound. The channel is not closed.
func (p *Peer) Keys() <-chan byte {
	if p.ear == nil {
		return nil
	}
	return p.ear.keys.Digits
}

// Sink is where the agent's voice goes, nil when the offer had no sound.
func (p *Peer) Sink() media.Sink {
	if p.voice == nil {
		return nil
	}
	return p.voice
}
