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
// fillers and prompts repeat. It keeps the 8 MB that were used last, and nothing that a
// substitute has said.
func Cached(s dialog.Synthesizer) dialog.ClauseSynthesizer {
	return &cachedSynthesizer{s, newClipCache(cacheSize)}
}

type cachedSynthesizer struct {
	synthesizer dialog.Synthesizer
	clips       *clipCache
}

// Speak implements dialog.Synthesizer.
func (s *cachedSynthesizer) Speak(ctx context.Context, text string, voice dialog.Voice) iter.Seq2[[]int16, error] {
	return dialog.Audio(s.SpeakClause(ctx, dialog.Clause{Text: text, Voice: voice}))
}

// SpeakClause implements dialog.ClauseSynthesizer.
func (s *cachedSynthesizer) SpeakClause(ctx context.Context, c dialog.Clause) iter.Seq2[dialog.Speech, error] {
	if c.Substitute {
		return dialog.SpeakClause(ctx, s.synthesizer, c)
	}
	key := c.Voice.Language + "\x00" + c.Voice.Name + "\x00" + c.Text
	return func(yield func(dialog.Speech, error) bool) {
		if whole, ok := s.clips.get(key); ok {
			yield(whole, nil)
			return
		}
		var all dialog.Speech
		isOwn := true
		for piece, err := range dialog.SpeakClause(ctx, s.synthesizer, c) {
			all.PCM = append(all.PCM, piece.PCM...) // copied first: the receiver may change it
			all.Words = append(all.Words, piece.Words...)
			isOwn = isOwn && !piece.Substitute
			if !yield(piece, err) || err != nil {
				return
			}
		}
		if ctx.Err() == nil && isOwn {
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
	key    string
	speech dialog.Speech
}

// bytes estimates the memory of a clip.
func (c *clip) bytes() int { return 2*len(c.speech.PCM) + 16*len(c.speech.Words) + len(c.key) + 200 }

func newClipCache(limit int) *clipCache {
	return &clipCache{limit: limit, recent: list.New(), clips: make(map[string]*list.Element)}
}

// get returns a copy.
func (c *clipCache) get(key string) (dialog.Speech, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.clips[key]
	if !ok {
		return dialog.Speech{}, false
	}
	c.recent.MoveToFront(e)
	s := e.Value.(*clip).speech
	s.PCM = slices.Clone(s.PCM)
	return s, true
}

// put keeps s, unless it is larger than a quarter of the cache.
func (c *clipCache) put(key string, s dialog.Speech) {
	s.PCM, s.Words = slices.Clip(s.PCM), slices.Clip(s.Words)
	added := &clip{key: key, speech: s}
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
