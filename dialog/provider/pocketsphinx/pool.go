package pocketsphinx

import (
	"context"
	"sync"
)

// pool is the decoders of one model. One more than is taken is always kept ready, up
// to a bound; then speakers wait for one another.
type pool struct {
	options []string
	idle    chan *decoder // those not taken
	room    chan struct{} // one element for each decoder there is
	loading sync.WaitGroup
}

// newPool loads the first of at most so many decoders.
func newPool(options []string, most int) (*pool, error) {
	p := &pool{options: options, idle: make(chan *decoder, most), room: make(chan struct{}, most)}
	d, err := newDecoder(options)
	if err != nil {
		return nil, err
	}
	p.room <- struct{}{}
	p.idle <- d
	return p, nil
}

// take returns a decoder when there is one, and begins to load the next.
func (p *pool) take(ctx context.Context) (*decoder, error) {
	p.provide()
	select {
	case d := <-p.idle:
		p.provide()
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// provide loads a decoder if none is idle and there is room.
func (p *pool) provide() {
	if len(p.idle) > 0 {
		return
	}
	select {
	case p.room <- struct{}{}:
	default:
		return
	}
	p.loading.Go(func() {
		d, err := newDecoder(p.options)
		if err != nil { // no memory, most likely: those there are must do
			<-p.room
			return
		}
		p.idle <- d
	})
}

func (p *pool) giveBack(d *decoder) { p.idle <- d }

// close frees all decoders. None may be taken.
func (p *pool) close() {
	p.loading.Wait()
	for range len(p.room) {
		(<-p.idle).close()
	}
}
