package media

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
	"sync"
)

const (
	cachedFrames    = 1 << 14 // 5 min 27 s of speech
	maxCachedPacket = 240     // bytes; longer packets, which are rare in speech, are not cached
	leadFrames      = 10      // first frames of a talkspurt: always encoded, they identify it
	warmFrames      = 3       // frames that an encoder encodes again to continue after packets of the cache
	gapFrames       = 2       // frames of silence between talkspurts
	maxSplits       = 2       // continuations of a frame that were not cached, after which the frames up to it are always encoded
)

// OpusCache caches the Opus packets of repeated speech, so that greetings, fillers and
// common answers are encoded once for all calls. The key of a frame covers all frames of
// its talkspurt so far. Encoders are reset between talkspurts, so a cached packet is exactly
// what the encoder would have made. A talkspurt is cached when it is spoken for the second
// time; the least recently used frames are replaced first. The cache takes 4.5 MB and is
// safe for concurrent use.
type OpusCache struct {
	seed maphash.Seed

	mu     sync.Mutex
	index  map[uint64]int32 // key to position in frames
	frames []cachedFrame    // a ring in order of use; frames[0] is its anchor
	seen   []uint64         // keys of talkspurts that were spoken once
}

type cachedFrame struct {
	key          uint64
	older, newer int32
	splits       uint8  // how often a talkspurt continued after this frame with one that is not cached
	isComplete   bool   // of the last lead frame: the talkspurt was cached to its end
	from         uint16 // of the last lead frame: cached packets are valid after this many frames
	n            uint8
	packet       [maxCachedPacket]byte
}

// NewOpusCache returns an empty cache.
func NewOpusCache() *OpusCache {
	return &OpusCache{
		seed:   maphash.MakeSeed(),
		index:  make(map[uint64]int32, cachedFrames),
		frames: make([]cachedFrame, 1, 1+cachedFrames),
		seen:   make([]uint64, 4096),
	}
}

// begin returns after how many frames cached packets may be used in the talkspurt whose
// lead has this key, and whether to cache the talkspurt.
func (c *OpusCache) begin(key uint64) (from int, shouldCache bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.index[key]; ok {
		c.touch(i)
		if f := &c.frames[i]; f.isComplete {
			return int(f.from), true
		}
		return math.MaxInt, true // another call is caching it now, and this one could overtake it
	}
	last := &c.seen[key%uint64(len(c.seen))]
	shouldCache, *last = *last == key, key
	return math.MaxInt, shouldCache
}

// end marks a talkspurt as cached to its end.
func (c *OpusCache) end(lead uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.index[lead]; ok {
		c.frames[i].isComplete = true
	}
}

// get copies the packet with this key to packet. It returns nil if there is none.
func (c *OpusCache) get(packet []byte, key uint64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.index[key]
	if !ok {
		return nil
	}
	c.touch(i)
	f := &c.frames[i]
	return packet[:copy(packet, f.packet[:f.n])]
}

// put caches a packet.
func (c *OpusCache) put(packet []byte, key uint64) {
	if len(packet) > maxCachedPacket {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.index[key]
	switch {
	case ok:
	case len(c.frames) < cap(c.frames):
		i = int32(len(c.frames))
		c.frames = append(c.frames, cachedFrame{older: i, newer: i})
	default:
		i = c.frames[0].newer // the least recently used
		delete(c.index, c.frames[i].key)
		c.frames[i].from, c.frames[i].splits, c.frames[i].isComplete = 0, 0, false
	}
	c.index[key] = i
	c.touch(i)
	f := &c.frames[i]
	f.key, f.n = key, uint8(copy(f.packet[:], packet))
}

// split counts that a talkspurt continued after its n-th frame, last, with a frame that is
// not cached. The first time may be an accident, such as a ducked voice. The second time
// there must be several sentences with the same beginning, and the beginning is always
// encoded from then on.
func (c *OpusCache) split(lead, last uint64, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.index[last]
	if !ok {
		return
	}
	if f := &c.frames[i]; f.splits < maxSplits {
		f.splits++
	}
	if l, ok := c.index[lead]; ok && c.frames[i].splits == maxSplits {
		c.frames[l].from = max(c.frames[l].from, uint16(min(n, 1<<16-1)))
	}
}

// touch makes a frame the most recently used.
func (c *OpusCache) touch(i int32) {
	f, anchor := &c.frames[i], &c.frames[0]
	c.frames[f.older].newer, c.frames[f.newer].older = f.newer, f.older
	f.older, f.newer = anchor.older, 0
	c.frames[anchor.older].newer, anchor.older = i, i
}

// CachedOpusEncoder is an OpusEncoder that uses the packets of a cache.
type CachedOpusEncoder struct {
	*OpusEncoder
	cache *OpusCache
	gap   int // frames of silence so far, up to gapFrames

	// The current talkspurt.
	n           int // frames so far
	lead, key   uint64
	from        int // cached packets may be used after this many frames
	shouldCache bool
	state       encoderState
	recent      [warmFrames][MouthFrame]int16 // the last frames
	hashed      [8 + 2*MouthFrame]byte
}

// encoderState says how much of the talkspurt the encoder has encoded.
type encoderState int

const (
	stateExact  encoderState = iota // all frames
	stateBehind                     // no frame whose packet came from the cache
	stateRough                      // only the last frames before the first cache miss, and all since
)

// NewCachedOpusEncoder returns an encoder for one stream.
func NewCachedOpusEncoder(cache *OpusCache) (*CachedOpusEncoder, error) {
	enc, err := NewOpusEncoder()
	if err != nil {
		return nil, err
	}
	// A reset does not quite restore the state of a new libopus encoder. After a first
	// frame all resets give the same state.
	if _, err := enc.Encode(make([]byte, MaxOpusPacket), make([]int16, MouthFrame)); err != nil {
		return nil, err
	}
	return &CachedOpusEncoder{OpusEncoder: enc, cache: cache, gap: gapFrames}, nil
}

// Encode does what OpusEncoder.Encode does.
func (e *CachedOpusEncoder) Encode(packet []byte, frame []int16) ([]byte, error) {
	isSilent := !slices.ContainsFunc(frame, func(s int16) bool { return s != 0 })
	switch {
	case !isSilent && e.gap == gapFrames, isSilent && e.gap == gapFrames && e.state == stateBehind:
		if err := e.reset(); err != nil {
			return nil, err
		}
		e.n, e.key, e.lead, e.shouldCache, e.state = 0, 0, 0, false, stateExact
	}
	switch {
	case !isSilent:
		e.gap = 0
	case e.gap == gapFrames:
		return e.OpusEncoder.Encode(packet, frame)
	default:
		e.gap++
	}
	last := e.key
	e.extend(frame)
	out, err := e.next(packet, frame, last)
	copy(e.recent[e.n%warmFrames][:], frame)
	if e.gap == gapFrames && e.shouldCache && e.state == stateExact {
		e.cache.end(e.lead)
	}
	return out, err
}

// next returns the packet of the next frame. last is the key of the frame before it.
func (e *CachedOpusEncoder) next(packet []byte, frame []int16, last uint64) ([]byte, error) {
	e.n++
	if e.n == leadFrames {
		e.lead = e.key
		e.from, e.shouldCache = e.cache.begin(e.key)
	}
	if e.state != stateRough && e.n > max(leadFrames, e.from) {
		if out := e.cache.get(packet, e.key); out != nil {
			e.state = stateBehind
			return out, nil
		}
	}
	if e.state == stateBehind {
		e.cache.split(e.lead, last, e.n)
		if err := e.catchUp(packet); err != nil {
			return nil, err
		}
		e.state = stateRough
	}
	out, err := e.OpusEncoder.Encode(packet, frame)
	if err == nil && e.shouldCache && e.state == stateExact && e.n >= leadFrames {
		e.cache.put(out, e.key)
	}
	return out, err
}

// extend adds frame to key.
func (e *CachedOpusEncoder) extend(frame []int16) {
	binary.NativeEndian.PutUint64(e.hashed[:], e.key)
	for i, s := range frame {
		binary.NativeEndian.PutUint16(e.hashed[8+2*i:], uint16(s))
	}
	e.key = maphash.Bytes(e.cache.seed, e.hashed[:8+2*len(frame)])
}

// catchUp makes the encoder repeat the last frames, so that it continues almost as if it
// had encoded all of them. packet is scratch space.
func (e *CachedOpusEncoder) catchUp(packet []byte) error {
	if err := e.reset(); err != nil {
		return err
	}
	for i := max(1, e.n-warmFrames); i < e.n; i++ {
		if _, err := e.OpusEncoder.Encode(packet, e.recent[i%warmFrames][:]); err != nil {
			return err
		}
	}
	return nil
}
