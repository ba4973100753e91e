package program

import (
	"container/list"
	"slices"
	"sync"
)

// cache remembers the sound of recent clauses, since greetings and prompts repeat.
// The least recently used go first. It is safe for concurrent use.
type cache struct {
	limit int // bytes

	mu      sync.Mutex
	size    int
	recent  *list.List // of *clip, the latest used in front
	entries map[string]*list.Element
}

type clip struct {
	key string
	pcm []int16
}

// bytes is what a clip costs, its bookkeeping included.
func (c *clip) bytes() int { return 2*len(c.pcm) + len(c.key) + 200 }

func newCache(limit int) *cache {
	return &cache{limit: limit, recent: list.New(), entries: make(map[string]*list.Element)}
}

// get returns a copy.
func (c *cache) get(key string) ([]int16, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return nil, false
	}
	c.recent.MoveToFront(e)
	return slices.Clone(e.Value.(*clip).pcm), true
}

// put keeps a copy, unless one clip would fill much of the cache.
func (c *cache) put(key string, pcm []int16) {
	added := &clip{key: key, pcm: slices.Clone(pcm)}
	if added.bytes() > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok { // said twice at the same time
		c.recent.MoveToFront(e)
		return
	}
	c.entries[key] = c.recent.PushFront(added)
	c.size += added.bytes()
	for c.size > c.limit {
		oldest := c.recent.Back()
		gone := c.recent.Remove(oldest).(*clip)
		delete(c.entries, gone.key)
		c.size -= gone.bytes()
	}
}
