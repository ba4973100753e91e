package dialog

import (
	"context"
	"iter"
	"sync"
)

// tape keeps what a stream yields, for a reader who may come while it still runs. One
// goroutine writes, one reads.
type tape[T any] struct {
	more chan struct{} // something was added, or the end

	mu    sync.Mutex
	items []T
	err   error
	ended bool
}

func newTape[T any]() *tape[T] { return &tape[T]{more: make(chan struct{}, 1)} }

func (t *tape[T]) add(item T) { t.change(func() { t.items = append(t.items, item) }) }

// end says that there is no more, or why.
func (t *tape[T]) end(err error) { t.change(func() { t.ended, t.err = true, err }) }

func (t *tape[T]) change(f func()) {
	t.mu.Lock()
	f()
	t.mu.Unlock()
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// all yields what there is and what comes, until the end or until ctx ends.
func (t *tape[T]) all(ctx context.Context) iter.Seq2[T, error] {
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
