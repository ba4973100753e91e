package mouth

import (
	"container/list"
	"context"
	"iter"
	"slices"
	"sync"

	"frontdesk/dialog"
)

const cacheSize = 8 << 20 // bytes

// Cached returns a Synthesizer that keeps the audio of what s has said, because greetings,
// fillers and prompts repeat. It keeps the 8 MB that were used last.
func Cached(s dialog.Synthesizer) dialog.Synthesizer {
	return &cachedSynthesizer{s, newClipCache(cacheSize)}
}

type cachedSynthesizer struct {
	dialog.Synthesizer
	clips *clipCache
}

// Speak implements dialog.Synthesizer.
func (s *cachedSynthesizer) Speak(ctx context.Context, text string, voice dialog.Voice) iter.Seq2[[]int16, error] {
	key := voice.Language + "\x00" + voice.Name + "\x00" + text
	return func(yield func([]int16, error) bool) {
		if pcm, ok := s.clips.get(key); ok {
			yield(pcm, nil)
			return
		}
		var all []int16
		for pcm, err := range s.Synthesizer.Speak(ctx, text, voice) {
			all = append(all, pcm...) // copied first: the receiver may change pcm
			if !yield(pcm, err) || err != nil {
				return
			}
		}
		if ctx.Err() == nil {
			s.clips.put(key, all)
		}
	}
}

// clipCache holds the audio of clauses; the least recently used are dropped first. It is
// safe for concurrent use.
type clipCache struct {
	limit int // bytes

	mu     sync.Mutex
	size   int
	recent *list.List // of *clip, the last used first
	clips  map[string]*list.Element
}

type clip struct {
	key string
	pcm []int16
}

// bytes estimates the memory of a clip.
func (c *clip) bytes() int { return 2*len(c.pcm) + len(c.key) + 200 }

func newClipCache(limit int) *clipCache {
	return &clipCache{limit: limit, recent: list.New(), clips: make(map[string]*list.Element)}
}

// get returns a copy.
func (c *clipCache) get(key string) ([]int16, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.clips[key]
	if !ok {
		return nil, false
	}
	c.recent.MoveToFront(e)
	return slices.Clone(e.Value.(*clip).pcm), true
}

// put keeps pcm, unless it is larger than a quarter of the cache.
func (c *clipCache) put(key string, pcm []int16) {
	added := &clip{key: key, pcm: slices.Clip(pcm)}
	if added.bytes() > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.clips[key]; ok { // synthesized twice at the same time
		c.recent.MoveToFront(e)
		return
	}
	c.clips[key] = c.recent.PushFront(added)
	c.size += added.bytes()
	for c.size > c.limit {
		oldest := c.recent.Remove(c.recent.Back()).(*clip)
		delete(c.clips, oldest.key)
		c.size -= oldest.bytes()
	}
}
