package mouth

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// countingSynthesizer yields each clause in two pieces and counts how often it is asked.
type countingSynthesizer struct{ count map[string]int }

func (s countingSynthesizer) Speak(_ context.Context, text string, voice dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		s.count[voice.Name+text]++
		if !yield([]int16{1, 2}, nil) {
			return
		}
		if text == "bad" {
			yield(nil, fault.New(fault.Provider, "no"))
			return
		}
		yield([]int16{3}, nil)
	}
}

func TestCachedClauseIsNotSynthesizedAgain(t *testing.T) {
	voice := countingSynthesizer{map[string]int{}}
	r := Cached(voice)
	say := func(text, name string, pieces int) (n int) {
		for pcm := range r.Speak(t.Context(), text, dialog.Voice{Name: name}) {
			n += len(pcm)
			for i := range pcm {
				pcm[i] = 9 // the pieces belong to the caller of Speak
			}
			if pieces--; pieces == 0 {
				break
			}
		}
		return n
	}
	for range 3 {
		if n := say("hello", "a", 0); n != 3 {
			t.Errorf("%d samples, want 3", n)
		}
	}
	say("hello", "b", 0)
	say("cut", "a", 1)
	say("cut", "a", 0)
	say("bad", "a", 0)
	say("bad", "a", 0)
	for text, want := range map[string]int{"ahello": 1, "bhello": 1, "acut": 2, "abad": 2} {
		if voice.count[text] != want {
			t.Errorf("%q was synthesized %d times, want %d", text, voice.count[text], want)
		}
	}
	for pcm := range r.Speak(t.Context(), "hello", dialog.Voice{Name: "a"}) {
		if pcm[0] != 1 || pcm[2] != 3 {
			t.Errorf("the cached audio was changed to %v", pcm)
		}
	}
}

func TestCacheKeepsTheClipsUsedLast(t *testing.T) {
	c := newClipCache(10 * 1200)
	for i := range 20 {
		c.put(fmt.Sprint(i), dialog.Speech{PCM: make([]int16, 500)})
		if _, ok := c.get("0"); !ok {
			t.Fatalf("the clip in use was evicted after %d others", i)
		}
	}
	if _, ok := c.get("1"); ok {
		t.Error("the oldest clip was not evicted")
	}
	if _, ok := c.get("19"); !ok {
		t.Error("the newest clip was evicted")
	}
	if c.size > c.limit || c.recent.Len() != len(c.clips) {
		t.Errorf("%d bytes, want at most %d; %d list entries for %d clips", c.size, c.limit, c.recent.Len(), len(c.clips))
	}
	c.put("huge", dialog.Speech{PCM: make([]int16, 100000)})
	if _, ok := c.get("huge"); ok || len(c.clips) < 5 {
		t.Error("a clip larger than the cache must not evict the others")
	}
}

func TestCacheIsSafeForConcurrentUse(t *testing.T) {
	c := newClipCache(20000)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for j := range 200 {
				key := fmt.Sprint(j % 30)
				if s, ok := c.get(key); ok && len(s.PCM) != 100+j%30 {
					t.Errorf("%s has %d samples", key, len(s.PCM))
				}
				c.put(key, dialog.Speech{PCM: make([]int16, 100+j%30)})
			}
		})
	}
	callers.Wait()
}

func BenchmarkCachedClause(b *testing.B) {
	r := Cached(countingSynthesizer{map[string]int{}})
	b.ReportAllocs()
	for b.Loop() {
		for range r.Speak(b.Context(), "Hello, how can I help you?", dialog.Voice{}) {
		}
	}
}
