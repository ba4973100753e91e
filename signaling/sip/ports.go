package sip

import (
	"net"
	"sync"
	"time"

	"frontdesk/internal/fault"
)

// ports are where calls' sound goes, one after the other, so that a late packet of one
// call is not taken for the next one's.
type ports struct {
	mu        sync.Mutex
	min, next int
	max       int
}

func newPorts(lowest, highest int) *ports {
	lowest += lowest % 2
	return &ports{min: lowest, next: lowest, max: highest}
}

// open opens the next even port that is free, and the one behind it for reports. The
// error is Unavailable.
func (p *ports) open() (sound, reports *net.UDPConn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range (p.max - p.min + 1) / 2 {
		port := p.next
		if p.next += 2; p.next >= p.max {
			p.next = p.min
		}
		sound, err := net.ListenUDP("udp", &net.UDPAddr{Port: port})
		if err != nil {
			continue
		}
		reports, err := net.ListenUDP("udp", &net.UDPAddr{Port: port + 1})
		if err == nil {
			return sound, reports, nil
		}
		_ = sound.Close()
	}
	return nil, nil, fault.New(fault.Unavailable, "all lines are busy").Retryable(5 * time.Second)
}
