package media

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
	"sync"
)

const (
	cachedFrames = 1 << 14 // 5 min 27 s of speech
	cachedPacket = 240     // bytes; longer packets, which speech hardly has, are not kept
	leadFrames   = 10      // of a stretch, always encoded: what it is known by
	stateFrames  = 3       // frames an encoder hears again to go on where it did not encode
	restFrames   = 2       // frames of silence between stretches
	maxSplits    = 2       // other ways to go on, after which all that leads there is encoded
)

// OpusCache keeps Opus packets of speech that was said before, so that greetings,
// fillers and answers that many callers get are encoded once for all calls. A frame is
// known by itself and all frames before it since a silence (a stretch), behind which
// encoders start anew: a cached packet is the very one the encoder would have made. A
// stretch is kept when it is said a second time; the frames used least recently go first.
// It takes 4.5 MB and is safe for concurrent use.
type OpusCache struct {
	seed maphash.Seed

	mu     sync.Mutex
	index  map[uint64]int32 // key to place in frames
	frames []cachedFrame    // a ring by use: frames[0] is its anchor
	once   []uint64         // keys of stretches, a few of which were said once
}

type cachedFrame struct {
	key          uint64
	older, newer int32
	splits       uint8  // how often a stretch went on in a way that is not known
	whole        bool   // of a stretch's lead: it has been heard to its end
	from         uint16 // of a stretch's lead: packets behind so many frames may be used
	n            uint8
	packet       [cachedPacket]byte
}

// NewOpusCache makes an empty one.
func NewOpusCache() *OpusCache {
	return &OpusCache{
		seed:   maphash.MakeSeed(),
		index:  make(map[uint64]int32, cachedFrames),
		frames: make([]cachedFrame, 1, 1+cachedFrames),
		once:   make([]uint64, 4096),
	}
}

// begin tells behind how many frames of the stretch whose lead has this key packets may
// be used, and whether it is to be kept.
func (c *OpusCache) begin(key uint64) (from int, keep bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.index[key]; ok {
		c.use(i)
		if f := &c.frames[i]; f.whole {
			return int(f.from), true
		}
		return math.MaxInt, true // somebody is saying it now, and may be overtaken
	}
	seen := &c.once[key%uint64(len(c.once))]
	keep, *seen = *seen == key, key
	return math.MaxInt, keep
}

// end notes that a stretch was kept to its end.
func (c *OpusCache) end(lead uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.index[lead]; ok {
		c.frames[i].whole = true
	}
}

// get copies the packet of key to packet, and returns nil where there is none.
func (c *OpusCache) get(packet []byte, key uint64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.index[key]
	if !ok {
		return nil
	}
	c.use(i)
	f := &c.frames[i]
	return packet[:copy(packet, f.packet[:f.n])]
}

// put keeps a packet.
func (c *OpusCache) put(packet []byte, key uint64) {
	if len(packet) > cachedPacket {
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
		i = c.frames[0].newer // of the anchor: the oldest
		delete(c.index, c.frames[i].key)
		c.frames[i].from, c.frames[i].splits, c.frames[i].whole = 0, 0, false
	}
	c.index[key] = i
	c.use(i)
	f := &c.frames[i]
	f.key, f.n = key, uint8(copy(f.packet[:], packet))
}

// split notes that a stretch went on from the n-th frame, last, in a way that is not
// known. When that happens again it is no accident (as a lowered voice is), but one of
// several sentences with the same beginning, which from then on is always encoded.
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

// use makes a frame the one that was used last.
func (c *OpusCache) use(i int32) {
	f, anchor := &c.frames[i], &c.frames[0]
	c.frames[f.older].newer, c.frames[f.newer].older = f.newer, f.older
	f.older, f.newer = anchor.older, 0
	c.frames[anchor.older].newer, anchor.older = i, i
}

// CachedOpusEncoder is an OpusEncoder that looks into a cache first.
type CachedOpusEncoder struct {
	*OpusEncoder
	cache *OpusCache
	rest  int // frames of silence, up to restFrames

	// Of the stretch under way.
	n         int // frames
	lead, key uint64
	from      int // packets may be used behind so many frames
	keep      bool
	state     encoderState
	recent    [stateFrames][MouthFrame]int16 // the last frames
	hashed    [8 + 2*MouthFrame]byte
}

// encoderState is what the encoder knows of the stretch.
type encoderState int

const (
	exact  encoderState = iota // it heard all
	behind                     // packets came from the cache
	rough                      // it heard a little before the first frame that was not there
)

// NewCachedOpusEncoder makes an encoder for one stream.
func NewCachedOpusEncoder(cache *OpusCache) (*CachedOpusEncoder, error) {
	enc, err := NewOpusEncoder()
	if err != nil {
		return nil, err
	}
	// libopus resets not quite to the state a new encoder has. After a first frame all
	// resets are alike.
	if _, err := enc.Encode(make([]byte, MaxOpusPacket), make([]int16, MouthFrame)); err != nil {
		return nil, err
	}
	return &CachedOpusEncoder{OpusEncoder: enc, cache: cache, rest: restFrames}, nil
}

// Encode is OpusEncoder's.
func (e *CachedOpusEncoder) Encode(packet []byte, frame []int16) ([]byte, error) {
	silent := !slices.ContainsFunc(frame, func(s int16) bool { return s != 0 })
	switch {
	case !silent && e.rest == restFrames, silent && e.rest == restFrames && e.state == behind:
		if err := e.reset(); err != nil {
			return nil, err
		}
		e.n, e.key, e.lead, e.keep, e.state = 0, 0, 0, false, exact
	}
	switch {
	case !silent:
		e.rest = 0
	case e.rest == restFrames:
		return e.OpusEncoder.Encode(packet, frame)
	default:
		e.rest++
	}
	last := e.key
	e.extend(frame)
	out, err := e.next(packet, frame, last)
	copy(e.recent[e.n%stateFrames][:], frame)
	if e.rest == restFrames && e.keep && e.state == exact {
		e.cache.end(e.lead)
	}
	return out, err
}

// next is the packet of frame, the stretch's n-th. last is the key before it.
func (e *CachedOpusEncoder) next(packet []byte, frame []int16, last uint64) ([]byte, error) {
	e.n++
	if e.n == leadFrames {
		e.lead = e.key
		e.from, e.keep = e.cache.begin(e.key)
	}
	if e.state != rough && e.n > max(leadFrames, e.from) {
		if out := e.cache.get(packet, e.key); out != nil {
			e.state = behind
			return out, nil
		}
	}
	if e.state == behind {
		e.cache.split(e.lead, last, e.n)
		if err := e.catchUp(packet); err != nil {
			return nil, err
		}
		e.state = rough
	}
	out, err := e.OpusEncoder.Encode(packet, frame)
	if err == nil && e.keep && e.state == exact && e.n >= leadFrames {
		e.cache.put(out, e.key)
	}
	return out, err
}

// extend makes key that of the stretch with frame at its end.
func (e *CachedOpusEncoder) extend(frame []int16) {
	binary.NativeEndian.PutUint64(e.hashed[:], e.key)
	for i, s := range frame {
		binary.NativeEndian.PutUint16(e.hashed[8+2*i:], uint16(s))
	}
	e.key = maphash.Bytes(e.cache.seed, e.hashed[:8+2*len(frame)])
}

// catchUp lets the encoder hear the last frames, so that it goes on about as if it had
// heard all. packet is scratch.
func (e *CachedOpusEncoder) catchUp(packet []byte) error {
	if err := e.reset(); err != nil {
		return err
	}
	for i := max(1, e.n-stateFrames); i < e.n; i++ {
		if _, err := e.OpusEncoder.Encode(packet, e.recent[i%stateFrames][:]); err != nil {
			return err
		}
	}
	return nil
}
