package knowledge

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"frontdesk/internal/fault"
)

// Embedder turns texts into vectors of length 1 whose cosine says how much their meanings
// agree. It is safe for concurrent use.
type Embedder interface {
	// Name tells which model makes the vectors.
	Name() string
	// Query returns the vector of a question.
	Query(ctx context.Context, text string) ([]float32, error)
	// Passages returns the vectors of texts that answer questions, in their order.
	Passages(ctx context.Context, texts []string) ([][]float32, error)
}

const (
	queryTimeout   = time.Second      // for the vector of a question; after it, the search is by words
	batchTimeout   = 2 * time.Minute  // for the vectors of a batch of passages
	batchSize      = 8                // passages
	maxSentences   = 8                // of a passage that have a vector of their own
	firstRetry     = 10 * time.Second // after a batch that failed; doubles from there
	lastRetry      = 10 * time.Minute
	reportInterval = time.Minute // between reports of questions without a vector
	maxDimensions  = 8192
)

// denseIndex holds the vectors of the passages. One goroutine computes them, so passages are
// found by their words before they are found by their meaning. A nil denseIndex is empty.
type denseIndex struct {
	model   Embedder
	report  func(error)
	stop    context.CancelFunc
	stopped chan struct{}
	wake    chan struct{} // has room for one signal: there are new passages

	mu       sync.Mutex
	pending  []densePassage
	idle     chan struct{} // closed while no passage waits
	done     []densePassage
	slots    map[int64]int // index in done
	size     int           // of a vector; 0 before the first one
	reported time.Time     // when a failed question was last reported
}

// densePassage is a passage and, once they are computed, the vectors of the whole and of its
// sentences: a question often is about one of them.
type densePassage struct {
	id        int64
	texts     []string // the whole with its headings, then the sentences
	whole     smallVector
	sentences []smallVector
}

// smallVector is a vector in a quarter of the memory of floats.
type smallVector struct {
	scale  float32 // of the values
	values []int8
}

func shrink(v []float32) smallVector {
	var most float32
	for _, x := range v {
		most = max(most, x, -x)
	}
	s := smallVector{scale: most / math.MaxInt8, values: make([]int8, len(v))}
	for i, x := range v {
		s.values[i] = int8(math.Round(float64(x / s.scale)))
	}
	return s
}

// dot returns the inner product with a vector of the same size.
func (s *smallVector) dot(v []float32) float64 {
	values := s.values[:len(v)]
	var s0, s1, s2, s3 float32
	for len(v) >= 4 {
		s0 += v[0] * float32(values[0])
		s1 += v[1] * float32(values[1])
		s2 += v[2] * float32(values[2])
		s3 += v[3] * float32(values[3])
		v, values = v[4:], values[4:]
	}
	for i, x := range v {
		s0 += x * float32(values[i])
	}
	return float64(s.scale * (s0 + s1 + s2 + s3))
}

// newDenseIndex starts the goroutine that close ends.
func newDenseIndex(model Embedder, report func(error)) *denseIndex {
	ctx, stop := context.WithCancel(context.Background())
	d := &denseIndex{
		model: model, report: report, stop: stop, stopped: make(chan struct{}), wake: make(chan struct{}, 1),
		idle: make(chan struct{}), slots: make(map[int64]int),
	}
	close(d.idle)
	go d.run(ctx)
	return d
}

// close ends the goroutine and waits for it.
func (d *denseIndex) close() {
	if d != nil {
		d.stop()
		<-d.stopped
	}
}

// WaitForVectors returns when all passages so far have vectors, or none will get one because
// there is no embedder. The error is that of ctx.
func (k *Base) WaitForVectors(ctx context.Context) error {
	if k.dense == nil {
		return nil
	}
	k.dense.mu.Lock()
	idle := k.dense.idle
	k.dense.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fault.From(ctx.Err())
	}
}

// add plans the vectors of passages.
func (d *denseIndex) add(passages []densePassage) {
	if d == nil || len(passages) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pending) == 0 {
		d.idle = make(chan struct{})
	}
	d.pending = append(d.pending, passages...)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// remove forgets the passages first to last.
func (d *denseIndex) remove(first, last int64) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.pending)
	d.pending = slices.DeleteFunc(d.pending, func(p densePassage) bool { return p.id >= first && p.id <= last })
	if before > 0 && len(d.pending) == 0 {
		close(d.idle)
	}
	for id := first; id <= last; id++ {
		if slot, ok := d.slots[id]; ok {
			end := len(d.done) - 1
			d.done[slot] = d.done[end]
			d.slots[d.done[slot].id] = slot
			d.done = d.done[:end]
			delete(d.slots, id)
		}
	}
}

// run computes planned vectors until ctx ends. Failures are reported once for each row of
// attempts.
func (d *denseIndex) run(ctx context.Context) {
	defer close(d.stopped)
	wait := firstRetry
	hasFailed := false
	for {
		batch := d.next()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-d.wake:
			}
			continue
		}
		err := d.compute(ctx, batch)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			wait, hasFailed = firstRetry, false
			continue
		}
		if !hasFailed {
			d.report(fault.Wrap(err, fault.From(err).Code, "pages are found by their words only, until their vectors can be computed"))
		}
		hasFailed = true
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, lastRetry)
		}
	}
}

// next returns the passages that are computed next.
func (d *denseIndex) next() []densePassage {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.pending[:min(batchSize, len(d.pending))])
}

// compute adds the vectors of a batch, unless the passages are gone by then.
func (d *denseIndex) compute(ctx context.Context, batch []densePassage) error {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	var texts []string
	for _, p := range batch {
		texts = append(texts, p.texts...)
	}
	vectors, err := d.model.Passages(ctx, texts)
	if err != nil {
		return err
	}
	if len(vectors) != len(texts) {
		return fault.New(fault.BadAnswer, "the embedding model returned %d vectors for %d texts", len(vectors), len(texts))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range vectors {
		if err := d.check(v); err != nil {
			return err
		}
	}
	for _, p := range batch {
		own := vectors[:len(p.texts)]
		vectors = vectors[len(p.texts):]
		at := slices.IndexFunc(d.pending, func(q densePassage) bool { return q.id == p.id })
		if at < 0 {
			continue
		}
		d.pending = slices.Delete(d.pending, at, at+1)
		p.texts, p.whole = nil, shrink(own[0])
		for _, v := range own[1:] {
			p.sentences = append(p.sentences, shrink(v))
		}
		d.slots[p.id] = len(d.done)
		d.done = append(d.done, p)
		if len(d.pending) == 0 {
			close(d.idle)
		}
	}
	return nil
}

// check returns an error if v cannot be compared with the other vectors. The first vector
// decides their size. The caller holds mu.
func (d *denseIndex) check(v []float32) error {
	size := d.size
	if size == 0 {
		size = min(len(v), maxDimensions)
	}
	if len(v) != size || size == 0 {
		return fault.New(fault.BadAnswer, "the embedding model returned a vector of %d numbers (want %d)", len(v), size)
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.Abs(sum-1) > 0.01 {
		return fault.New(fault.BadAnswer, "the embedding model returned a vector that has not the length 1")
	}
	d.size = size
	return nil
}

// query returns the vector of a question. It returns nil if there is none, which it reports,
// and while many passages wait for their vectors: those that have one would be preferred.
func (d *denseIndex) query(ctx context.Context, text string) []float32 {
	if !d.isNearlyComplete() {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	v, err := d.model.Query(within, text)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		err = d.check(v)
	}
	if err == nil {
		return v
	}
	if ctx.Err() == nil && time.Since(d.reported) >= reportInterval {
		d.reported = time.Now()
		d.report(fault.Wrap(err, fault.From(err).Code, "a question was answered by its words only"))
	}
	return nil
}

// isNearlyComplete reports whether at least 19 of 20 passages have vectors.
func (d *denseIndex) isNearlyComplete() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.done) > 0 && 19*len(d.pending) <= len(d.done)
}

// neighbor is a passage and its similarity with a question.
type neighbor struct {
	id         int64
	similarity float64
}

// nearest returns the n passages with the greatest similarity, the greatest first. It
// compares the vectors of all whole passages, and then the sentences of the nearest ones.
func (d *denseIndex) nearest(v []float32, n int) []neighbor {
	if d == nil || v == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(v) != d.size {
		return nil
	}
	best := make([]neighbor, 0, n+1)
	for i := range d.done {
		s := d.done[i].whole.dot(v)
		if len(best) == n && s <= best[n-1].similarity {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, s, func(b neighbor, s float64) int { return cmp.Compare(s, b.similarity) })
		best = slices.Insert(best, at, neighbor{d.done[i].id, s})
		best = best[:min(n, len(best))]
	}
	for i := range best {
		best[i].similarity = d.done[d.slots[best[i].id]].similarity(v)
	}
	slices.SortStableFunc(best, func(a, b neighbor) int { return cmp.Compare(b.similarity, a.similarity) })
	return best
}

// similarity returns the similarity of one passage with a question, 0 if it has no vector.
func (d *denseIndex) similarity(v []float32, id int64) float64 {
	if d == nil || v == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	slot, ok := d.slots[id]
	if !ok || len(v) != d.size {
		return 0
	}
	return d.done[slot].similarity(v)
}

// similarity is the mean of the similarities of the whole passage and of its nearest sentence.
func (p *densePassage) similarity(v []float32) float64 {
	whole := p.whole.dot(v)
	best := whole
	for i := range p.sentences {
		best = max(best, p.sentences[i].dot(v))
	}
	return (whole + best) / 2
}
