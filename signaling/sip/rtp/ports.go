package rtp

import (
	"net"
	"sync"
	"time"

	"frontdesk/internal/fault"
)

// Ports hands out pairs of UDP ports in turn. It does not reuse a pair at once, so that a
// late packet of one call does not reach the next call.
type Ports struct {
	mu        sync.Mutex
	min, next int
	max       int
}

// NewPorts returns the ports from lowest to highest. An odd lowest port is skipped.
func NewPorts(lowest, highest int) *Ports {
	lowest += lowest % 2
	return &Ports{min: lowest, next: lowest, max: highest}
}

// open opens the next free even port for RTP, and the port above it for RTCP. The error is
// Unavailable.
func (p *Ports) open() (rtp, rtcp *net.UDPConn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range (p.max - p.min + 1) / 2 {
		port := p.next
		if p.next += 2; p.next >= p.max {
			p.next = p.min
		}
		rtp, err := net.ListenUDP("udp", &net.UDPAddr{Port: port})
		if err != nil {
			continue
		}
		rtcp, err := net.ListenUDP("udp", &net.UDPAddr{Port: port + 1})
		if err == nil {
			return rtp, rtcp, nil
		}
		_ = rtp.Close()
	}
	return nil, nil, fault.New(fault.Unavailable, "all lines are busy").Retryable(5 * time.Second)
}
