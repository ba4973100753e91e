// Package replay buffers a stream for a reader that may come later. It imports nothing of
// Frontdesk.
package replay

import (
	"context"
	"iter"
	"sync"
)

// Buffer keeps what a stream yields. One goroutine writes, one reads; the reader may start
// before or after the end.
type Buffer[T any] struct {
	changed chan struct{}

	mu       sync.Mutex
	items    []T
	err      error
	hasEnded bool
}

// New returns an empty buffer.
func New[T any]() *Buffer[T] { return &Buffer[T]{changed: make(chan struct{}, 1)} }

// Add appends item.
func (b *Buffer[T]) Add(item T) { b.change(func() { b.items = append(b.items, item) }) }

// End ends the stream, with err unless it is nil.
func (b *Buffer[T]) End(err error) { b.change(func() { b.hasEnded, b.err = true, err }) }

func (b *Buffer[T]) change(f func()) {
	b.mu.Lock()
	f()
	b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// All yields the items from the first on and waits for further ones, until the stream or
// ctx ends.
func (b *Buffer[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := 0; ; {
			b.mu.Lock()
			items, hasEnded, err := b.items[i:], b.hasEnded, b.err
			b.mu.Unlock()
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			i += len(items)
			var none T
			switch {
			case len(items) > 0:
			case hasEnded && err != nil:
				yield(none, err)
				return
			case hasEnded:
				return
			default:
				select {
				case <-b.changed:
				case <-ctx.Done():
					yield(none, ctx.Err())
					return
				}
			}
		}
	}
}
