//go:build cgo

package media

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/require"
)

// phrase returns speech-like audio with moving harmonics, of the given length in frames, and silence after it.
func phrase(seed uint64, frames int) []int16 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	out := make([]int16, 0, (frames+gapFrames)*MouthFrame)
	for len(out) < frames*MouthFrame {
		hz := 100 + 100*rnd.Float64()
		part := audiotest.Tone(hz, MouthRate, 4*MouthFrame, 3000)
		for i, s := range audiotest.Tone(hz*float64(2+rnd.IntN(8)), MouthRate, len(part), 3000) {
			part[i] += s
		}
		out = append(out, part...)
	}
	return append(out[:frames*MouthFrame], make([]int16, gapFrames*MouthFrame)...)
}

func encodeAll(t testing.TB, enc interface {
	Encode(packet []byte, frame []int16) ([]byte, error)
}, pcm []int16) (packets [][]byte) {
	t.Helper()
	buf := make([]byte, 1500)
	for ; len(pcm) >= MouthFrame; pcm = pcm[MouthFrame:] {
		p, err := enc.Encode(buf, pcm[:MouthFrame])
		require.NoError(t, err)
		packets = append(packets, slices.Clone(p))
	}
	return packets
}

func newCached(t testing.TB, c *OpusCache) *CachedOpusEncoder {
	t.Helper()
	e, err := NewCachedOpusEncoder(c)
	require.NoError(t, err)
	return e
}

// countCached returns how many frames of pcm come from the cache.
func countCached(t *testing.T, c *OpusCache, pcm []int16) (n int) {
	e := newCached(t, c)
	buf := make([]byte, 1500)
	for ; len(pcm) > 0; pcm = pcm[MouthFrame:] {
		if _, err := e.Encode(buf, pcm[:MouthFrame]); err != nil {
			t.Fatal(err)
		}
		if e.state == stateBehind {
			n++
		}
	}
	return n
}

// encodeUncached encodes with an empty cache.
func encodeUncached(t testing.TB, pcm []int16) [][]byte {
	return encodeAll(t, newCached(t, NewOpusCache()), pcm)
}

func TestRepeatedSpeechIsEncodedOnce(t *testing.T) {
	cache := NewOpusCache()
	hello := phrase(1, 60)
	for call, want := range []int{0, 0, 62 - leadFrames, 62 - leadFrames} {
		if n := countCached(t, cache, hello); n != want {
			t.Errorf("call %d: %d frames came from the cache, want %d", call, n, want)
		}
	}
	e := newCached(t, cache)
	for _, pcm := range [][]int16{hello, phrase(2, 60), hello} {
		if !slices.EqualFunc(encodeAll(t, e, pcm), encodeUncached(t, pcm), bytes.Equal) {
			t.Error("cached packets differ from encoded ones")
		}
	}
}

func TestSentencesWithTheSameBeginningAreNotMixed(t *testing.T) {
	cache := NewOpusCache()
	known := phrase(1, 60)
	for range 2 {
		encodeAll(t, newCached(t, cache), known)
	}
	order := func(n uint64) []int16 { return slices.Concat(known[:30*MouthFrame], phrase(n, 20)) }
	for n := range uint64(maxSplits) {
		countCached(t, cache, order(100+n))
	}
	if pcm := order(200); !slices.EqualFunc(encodeAll(t, newCached(t, cache), pcm), encodeUncached(t, pcm), bytes.Equal) {
		t.Error("cached packets differ from encoded ones")
	}
	if n := countCached(t, cache, known); n != 62-31 {
		t.Errorf("%d frames of the first sentence came from the cache", n)
	}
}

// difference returns the RMS of a-b relative to that of a.
func difference(a, b []int16) float64 {
	diff := make([]int16, len(a))
	for i := range a {
		diff[i] = a[i] - b[i]
	}
	return audiotest.RMS(diff) / audiotest.RMS(a)
}

func TestSpeechContinuesSmoothlyAfterACacheMiss(t *testing.T) {
	const cuts = 8
	decode := func(packets [][]byte) (pcm []int16) {
		dec, err := NewOpusDecoder()
		require.NoError(t, err)
		for _, p := range packets {
			if pcm, err = dec.Decode(pcm, p); err != nil {
				t.Fatal(err)
			}
		}
		return pcm
	}
	first, later := 0.0, 0.0
	for seed := range uint64(cuts) {
		cache := NewOpusCache()
		known := phrase(seed, 70)
		for range 2 {
			encodeAll(t, newCached(t, cache), known)
		}
		n := 25 + 3*int(seed)
		said := slices.Clone(known) // ducked from there on
		for i := n * MouthFrame; i < len(said); i++ {
			said[i] = int16(float32(said[i]) * max(duckGain, 1-gainStep*float32(i-n*MouthFrame)))
		}
		want, got := decode(encodeUncached(t, said)), decode(encodeAll(t, newCached(t, cache), said))
		at := n * EarFrame
		if difference(want[:at], got[:at]) != 0 {
			t.Error("the cached audio differs")
		}
		first += difference(want[at:at+5*EarFrame], got[at:at+5*EarFrame]) / cuts
		at += 10 * EarFrame
		later += difference(want[at:at+10*EarFrame], got[at:at+10*EarFrame]) / cuts
	}
	// Two encodings of the same audio differ by as much as the codec loses.
	t.Logf("two encodings differ by %.2f, after the change by %.2f", later, first)
	if first > 2*later {
		t.Error("the change of the encoder is audible")
	}
}

func TestOpusCacheIsBoundedAndKeepsRecentFrames(t *testing.T) {
	cache := NewOpusCache()
	packet := []byte("packet")
	for key := range uint64(3 * cachedFrames) {
		cache.put(packet, key+1)
		if cache.get(make([]byte, 10), 1) == nil { // used every time
			t.Fatalf("a used frame was replaced after %d others", key)
		}
	}
	if n := len(cache.index); n != cachedFrames || len(cache.frames) != 1+cachedFrames {
		t.Errorf("%d frames are cached in %d slots", n, len(cache.frames))
	}
	for key := uint64(3 * cachedFrames); key > 2*cachedFrames+1; key-- {
		if !bytes.Equal(cache.get(make([]byte, 10), key), packet) {
			t.Fatalf("recent frame %d was replaced", key)
		}
	}
	cache.put(make([]byte, maxCachedPacket+1), 1<<60)
	if cache.get(make([]byte, 1500), 1<<60) != nil {
		t.Error("an oversized packet was cached")
	}
}

func TestOpusCacheIsSharedByCalls(t *testing.T) {
	cache := NewOpusCache()
	phrases := [][]int16{phrase(7, 40), phrase(8, 40), phrase(9, 40)}
	want := [][][]byte{encodeUncached(t, phrases[0]), encodeUncached(t, phrases[1]), encodeUncached(t, phrases[2])}
	var calls sync.WaitGroup
	for range 6 {
		e := newCached(t, cache)
		calls.Go(func() {
			for i := range 12 {
				if n := i % 3; !slices.EqualFunc(encodeAll(t, e, phrases[n]), want[n], bytes.Equal) {
					t.Error("cached packets differ from encoded ones")
				}
			}
		})
	}
	calls.Wait()
}

func TestCachedEncoderDoesNotAllocate(t *testing.T) {
	cache := NewOpusCache()
	pcm := phrase(1, 48)
	e := newCached(t, cache)
	packet := make([]byte, 1500)
	i := 0
	if n := testing.AllocsPerRun(400, func() { // missed, cached and found
		_, _ = e.Encode(packet, pcm[i%50*MouthFrame:][:MouthFrame])
		i++
	}); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkOpusEncodeCached(b *testing.B) {
	cache := NewOpusCache()
	pcm := phrase(1, 48)
	e := newCached(b, cache)
	for range 3 {
		encodeAll(b, e, pcm)
	}
	packet := make([]byte, 1500)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = e.Encode(packet, pcm[i%50*MouthFrame:][:MouthFrame])
	}
}
