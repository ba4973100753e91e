package replay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errBroken = errors.New("broken")

// write adds 0 to n-1, one every second, and ends the stream with err.
func write(b *Buffer[int], n int, err error) {
	for i := range n {
		<-time.After(time.Second)
		b.Add(i)
	}
	b.End(err)
}

// read returns what the buffer yields.
func read(ctx context.Context, b *Buffer[int]) (items []int, err error) {
	for item, e := range b.All(ctx) {
		if e != nil {
			return items, e
		}
		items = append(items, item)
	}
	return items, nil
}

func TestReaderGetsEverythingWheneverItStarts(t *testing.T) {
	for name, start := range map[string]time.Duration{
		"before the writer": 0,
		"during the stream": 2500 * time.Millisecond,
		"after the end":     time.Minute,
	} {
		for _, want := range []error{nil, errBroken} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := New[int]()
					go write(b, 5, want)
					<-time.After(start)
					items, err := read(t.Context(), b)
					if !slices.Equal(items, []int{0, 1, 2, 3, 4}) || err != want {
						t.Errorf("read %v, %v, want 0 to 4 and %v", items, err, want)
					}
				})
			})
		}
	}
}

func TestReaderGetsEachItemAsItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, start := New[int](), time.Now()
		go write(b, 3, nil)
		for item := range b.All(t.Context()) {
			if got, want := time.Since(start), time.Duration(item+1)*time.Second; got != want {
				t.Errorf("item %d after %v, want %v", item, got, want)
			}
		}
	})
}

func TestReaderStopsWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int]()
		var writer sync.WaitGroup
		writer.Go(func() { write(b, 5, nil) })
		defer writer.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		items, err := read(ctx, b)
		if !slices.Equal(items, []int{0, 1}) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read %v, %v, want 0 and 1 and the context's error", items, err)
		}
	})
}

func TestReaderMayStopEarly(t *testing.T) {
	b := New[int]()
	for i := range 5 {
		b.Add(i)
	}
	b.End(errBroken)
	for item, err := range b.All(t.Context()) {
		if item != 0 || err != nil {
			t.Fatalf("got %d, %v after the reader had stopped", item, err)
		}
		break
	}
}
