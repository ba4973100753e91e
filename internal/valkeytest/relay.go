package valkeytest

import (
	"net"
	"sync"
	"testing"
)

// Relay forwards connections to a server and simulates failures of the network. Safe for
// concurrent use.
type Relay struct {
	Addr string // host:port where it listens

	listener net.Listener
	running  sync.WaitGroup

	mu            sync.Mutex
	changed       *sync.Cond // signals that a failure or a connection has ended
	target        string
	isClosed      bool
	isDown        bool // connections are refused
	holdsRequests bool // requests are held back
	holdsReplies  bool // replies are held back
	connected     map[net.Conn]bool
}

// NewRelay starts a relay to the server at target, which runs until the test ends.
func NewRelay(t testing.TB, target string) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{Addr: l.Addr().String(), listener: l, target: target, connected: make(map[net.Conn]bool)}
	r.changed = sync.NewCond(&r.mu)
	r.running.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

// To breaks all connections and forwards later ones to another server.
func (r *Relay) To(target string) { r.set(func() { r.target = target }); r.Break() }

// Down breaks all connections and refuses new ones until Up.
func (r *Relay) Down() { r.set(func() { r.isDown = true }); r.Break() }

// HoldRequests holds requests back until Up, as in a network that drops packets.
func (r *Relay) HoldRequests() { r.set(func() { r.holdsRequests = true }) }

// HoldReplies forwards requests but holds their replies back until Up.
func (r *Relay) HoldReplies() { r.set(func() { r.holdsReplies = true }) }

// Up ends all failures and forwards what was held back.
func (r *Relay) Up() {
	r.set(func() { r.isDown, r.holdsRequests, r.holdsReplies = false, false, false })
}

// Break closes all connections and discards what was held back.
func (r *Relay) Break() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.connected {
		_ = c.Close()
		delete(r.connected, c)
	}
	r.changed.Broadcast()
}

func (r *Relay) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.changed.Broadcast()
}

func (r *Relay) close() {
	_ = r.listener.Close()
	r.set(func() { r.isClosed = true })
	r.Break()
	r.running.Wait()
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.running.Go(func() { r.forward(client) })
	}
}

// forward connects a client with the server until one of them closes its connection.
func (r *Relay) forward(client net.Conn) {
	defer client.Close()
	r.mu.Lock()
	target, isRefused := r.target, r.isDown || r.isClosed
	r.mu.Unlock()
	if isRefused {
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	r.mu.Lock()
	if r.isDown || r.isClosed || r.target != target {
		r.mu.Unlock()
		return
	}
	r.connected[client], r.connected[server] = true, true
	r.mu.Unlock()
	var directions sync.WaitGroup
	directions.Go(func() { r.copy(server, client, &r.holdsRequests) })
	directions.Go(func() { r.copy(client, server, &r.holdsReplies) })
	directions.Wait()
	r.mu.Lock()
	delete(r.connected, client)
	delete(r.connected, server)
	r.mu.Unlock()
}

// copy copies until either connection is closed. It holds data back while *isHeld.
func (r *Relay) copy(to, from net.Conn, isHeld *bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 1<<15)
	for {
		n, err := from.Read(buf)
		if err != nil || !r.waitWhile(isHeld, to) {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// waitWhile waits while *isHeld, and reports whether the connection is still open.
func (r *Relay) waitWhile(isHeld *bool, conn net.Conn) (isOpen bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for *isHeld && r.connected[conn] {
		r.changed.Wait()
	}
	return r.connected[conn]
}
