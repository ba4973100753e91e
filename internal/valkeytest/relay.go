package valkeytest

import (
	"net"
	"sync"
	"testing"
)

// Relay passes connections on to a server, and fails as networks do. Safe for
// concurrent use.
type Relay struct {
	Addr string // where it listens

	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	open   *sync.Cond // told when deaf or mute ends, or a connection does
	target string
	closed bool
	down   bool // connections are refused
	deaf   bool // requests do not arrive
	mute   bool // answers do not arrive
	links  map[net.Conn]bool
}

// NewRelay listens in front of the server at target until t ends.
func NewRelay(t testing.TB, target string) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{Addr: l.Addr().String(), listener: l, target: target, links: make(map[net.Conn]bool)}
	r.open = sync.NewCond(&r.mu)
	r.running.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

// To sends later connections to another server, and breaks those there are.
func (r *Relay) To(target string) { r.set(func() { r.target = target }); r.Break() }

// Down refuses connections and breaks those there are; Up ends it.
func (r *Relay) Down() { r.set(func() { r.down = true }); r.Break() }

// Deafen keeps requests from arriving: they wait, as in a network that drops packets.
func (r *Relay) Deafen() { r.set(func() { r.deaf = true }) }

// Mute lets requests through and keeps their answers.
func (r *Relay) Mute() { r.set(func() { r.mute = true }) }

// Up lets everything through, also what waited.
func (r *Relay) Up() { r.set(func() { r.down, r.deaf, r.mute = false, false, false }) }

// Break ends all connections; what waited in them is lost.
func (r *Relay) Break() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.links {
		_ = c.Close()
		delete(r.links, c)
	}
	r.open.Broadcast()
}

func (r *Relay) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.open.Broadcast()
}

func (r *Relay) close() {
	_ = r.listener.Close()
	r.set(func() { r.closed = true })
	r.Break()
	r.running.Wait()
}

func (r *Relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.running.Go(func() { r.connect(near) })
	}
}

func (r *Relay) connect(near net.Conn) {
	defer near.Close()
	r.mu.Lock()
	target, refused := r.target, r.down || r.closed
	r.mu.Unlock()
	if refused {
		return
	}
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer far.Close()
	r.mu.Lock()
	if r.down || r.closed || r.target != target {
		r.mu.Unlock()
		return
	}
	r.links[near], r.links[far] = true, true
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.pass(far, near, &r.deaf) })
	both.Go(func() { r.pass(near, far, &r.mute) })
	both.Wait()
	r.mu.Lock()
	delete(r.links, near)
	delete(r.links, far)
	r.mu.Unlock()
}

// pass copies until either end is closed, and holds what it has while *held.
func (r *Relay) pass(to, from net.Conn, held *bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 1<<15)
	for {
		n, err := from.Read(buf)
		if err != nil || !r.wait(to, held) {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// wait returns when nothing is held; false when the connection to is over.
func (r *Relay) wait(to net.Conn, held *bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for *held && r.links[to] {
		r.open.Wait()
	}
	return r.links[to]
}
