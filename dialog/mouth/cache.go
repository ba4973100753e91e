package mouth

import (
	"container/list"
	"context"
	"iter"
	"slices"
	"sync"

	"frontdesk/dialog"
)

const remembered = 8 << 20 // bytes of sound

// Remember makes a Synthesizer say again what it has said before without making it
// anew: greetings, fillers and prompts repeat. It keeps 8 MB of clauses, those used last.
func Cached(s dialog.Synthesizer) dialog.Synthesizer { return &rememberer{s, newClips(remembered)} }

type rememberer struct {
	dialog.Synthesizer
	clips *clips
}

// Speak implements Synthesizer.
func (r *rememberer) Speak(ctx context.Context, text string, voice dialog.Voice) iter.Seq2[[]int16, error] {
	key := voice.Language + "\x00" + voice.Name + "\x00" + text
	return func(yield func([]int16, error) bool) {
		if pcm, ok := r.clips.get(key); ok {
			yield(pcm, nil)
			return
		}
		var all []int16
		for pcm, err := range r.Synthesizer.Speak(ctx, text, voice) {
			all = append(all, pcm...) // before it is another's
			if !yield(pcm, err) || err != nil {
				return
			}
		}
		if ctx.Err() == nil {
			r.clips.put(key, all)
		}
	}
}

// clips are the sound of recent clauses. The least recently used go first. It is safe
// for concurrent use.
type clips struct {
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

func newClips(limit int) *clips {
	return &clips{limit: limit, recent: list.New(), entries: make(map[string]*list.Element)}
}

// get returns a copy.
func (c *clips) get(key string) ([]int16, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return nil, false
	}
	c.recent.MoveToFront(e)
	return slices.Clone(e.Value.(*clip).pcm), true
}

// put keeps pcm, unless it would fill much of the room.
func (c *clips) put(key string, pcm []int16) {
	added := &clip{key: key, pcm: slices.Clip(pcm)}
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
