package pocketsphinx

import (
	"context"
	"sync"
)

// pool holds the decoders of one model. It keeps one more ready than are in use, up to a
// limit; then utterances wait for a decoder.
type pool struct {
	options []string
	idle    chan *decoder // decoders not in use
	slots   chan struct{} // one element for each existing decoder
	loading sync.WaitGroup
}

// newPool loads the first of at most limit decoders.
func newPool(options []string, limit int) (*pool, error) {
	p := &pool{options: options, idle: make(chan *decoder, limit), slots: make(chan struct{}, limit)}
	d, err := newDecoder(options)
	if err != nil {
		return nil, err
	}
	p.slots <- struct{}{}
	p.idle <- d
	return p, nil
}

// acquire waits for a decoder and starts loading the next one.
func (p *pool) acquire(ctx context.Context) (*decoder, error) {
	p.loadSpare()
	select {
	case d := <-p.idle:
		p.loadSpare()
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// loadSpare loads a decoder in the background if none is idle and the limit allows it.
func (p *pool) loadSpare() {
	if len(p.idle) > 0 {
		return
	}
	select {
	case p.slots <- struct{}{}:
	default:
		return
	}
	p.loading.Go(func() {
		d, err := newDecoder(p.options)
		if err != nil { // probably out of memory: go on with the existing decoders
			<-p.slots
			return
		}
		p.idle <- d
	})
}

func (p *pool) release(d *decoder) { p.idle <- d }

// close frees all decoders. None may be in use.
func (p *pool) close() {
	p.loading.Wait()
	for range len(p.slots) {
		(<-p.idle).close()
	}
}
