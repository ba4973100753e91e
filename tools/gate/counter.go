package gate

import (
	"context"
	"sync"
	"time"
)

// maxCounted bounds how many keys a LocalCounter remembers. Beyond it the counter forgets
// windows that have ended, and refuses new keys if there are none.
const maxCounted = 100_000

// LocalCounter is a Counter in the memory of one process.
type LocalCounter struct {
	mu      sync.Mutex
	windows map[string]*countedWindow
}

type countedWindow struct {
	ends  time.Time
	count int
}

// NewCounter returns a counter that has counted nothing.
func NewCounter() *LocalCounter {
	return &LocalCounter{windows: make(map[string]*countedWindow)}
}

// Take implements Counter. It never returns an error.
func (c *LocalCounter) Take(_ context.Context, key string, limit int, window time.Duration) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	w := c.windows[key]
	if w == nil || !now.Before(w.ends) {
		if len(c.windows) >= maxCounted && w == nil && !c.forget(now) {
			return false, nil
		}
		w = &countedWindow{ends: now.Add(window)}
		c.windows[key] = w
	}
	if w.count >= limit {
		return false, nil
	}
	w.count++
	return true, nil
}

// forget removes the windows that have ended, and reports whether there were any.
func (c *LocalCounter) forget(now time.Time) bool {
	before := len(c.windows)
	for key, w := range c.windows {
		if !now.Before(w.ends) {
			delete(c.windows, key)
		}
	}
	return len(c.windows) < before
}
