// Package replay keeps what a stream yields for a reader that may come later.
package replay

import (
	"context"
	"iter"
	"sync"
)

// tape keeps what a stream yields, for a reader who may come while it still runs. One
// goroutine writes, one reads.
type Buffer[T any] struct {
	more chan struct{} // something was added, or the end

	mu    sync.Mutex
	items []T
	err   error
	ended bool
}

func New[T any]() *Buffer[T] { return &Buffer[T]{more: make(chan struct{}, 1)} }

func (t *Buffer[T]) Add(item T) { t.change(func() { t.items = append(t.items, item) }) }

// end says that there is no more, or why.
func (t *Buffer[T]) End(err error) { t.change(func() { t.ended, t.err = true, err }) }

func (t *Buffer[T]) change(f func()) {
	t.mu.Lock()
	f()
	t.mu.Unlock()
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// all yields what there is and what comes, until the end or until ctx ends.
func (t *Buffer[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := 0; ; {
			t.mu.Lock()
			fresh, ended, err := t.items[i:], t.ended, t.err
			t.mu.Unlock()
			for _, item := range fresh {
				if !yield(item, nil) {
					return
				}
			}
			i += len(fresh)
			var none T
			switch {
			case len(fresh) > 0:
			case ended && err != nil:
				yield(none, err)
				return
			case ended:
				return
			default:
				select {
				case <-t.more:
				case <-ctx.Done():
					yield(none, ctx.Err())
					return
				}
			}
		}
	}
}
