package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/dialog"
)

const (
	aftermath = 20 * time.Second // in which an owner must get hold of a session once all is well
	life      = time.Hour
	effect    = "effect:" // before an effect's key, in the message that records it
)

// checked is a session that owners fight for, and what is known of it.
type checked struct {
	world   *world
	name    string
	rng     *rand.Rand // of live alone
	running sync.WaitGroup

	mu      sync.Mutex
	clock   int // orders what follows
	said    int
	began   map[string]int // by id of an append: the first try
	acked   []ack
	reads   [][]string
	effects map[string]int // by key: how often it happened
	wanted  []string       // effects that nobody knows to have happened
	last    error          // that kept an owner from the session
	final   []string
}

// ack is an append that was acknowledged, with when it began and ended.
type ack struct {
	id         string
	began, end int
}

// owner is a node that believes it has the session.
type owner struct {
	s       *checked
	node    *checkedNode
	journal *journal
	stop    context.CancelFunc
	gone    context.Context // ends when the owner is killed or fenced
	read    []string        // what the log held when it began
}

// live is the session's caller, who appends, lets effects happen and changes nodes, or
// finds that the node has died or hangs, until ctx ends. Then it is judged by a last owner.
func (s *checked) live(ctx context.Context) {
	var o *owner
	for ctx.Err() == nil {
		switch n := s.rng.IntN(20); {
		case o == nil || n < 3:
			old := o
			if o = s.takeOver(ctx, fast); o == nil {
				o = old
			} else if old != nil {
				s.haunt(old)
			}
		case n < 5:
			o.stop() // killed: nobody renews, nothing is released
			o = nil
		case n < 7: // it hangs
			o.journal.mu.Lock()
			s.wait(ctx, fast.ttl+fast.renewal)
			o.journal.mu.Unlock()
		case n < 10:
			o.act(s.next(effect))
		case n < 12:
			o.actAgain()
		default:
			o.append(s.next("word"))
		}
		s.wait(ctx, time.Duration(s.rng.IntN(40))*time.Millisecond)
	}
	if o != nil {
		o.stop()
	}
	s.running.Wait()
	s.finish()
}

func (s *checked) wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// next is an id nobody has used.
func (s *checked) next(kind string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said++
	return fmt.Sprint(kind, s.said)
}

func (s *checked) tick() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	return s.clock
}

// begin is when id was first tried.
func (s *checked) begin(id string) int {
	now := s.tick()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.began[id]; !known {
		s.began[id] = now
	}
	return s.began[id]
}

// takeOver does what Call.prepare does on a resumption, on some node.
func (s *checked) takeOver(ctx context.Context, p pace) *owner {
	node := s.world.nodes[s.rng.IntN(len(s.world.nodes))]
	ctx, cancel := context.WithTimeout(ctx, 2*p.timeout)
	defer cancel()
	lease, err := node.store.Acquire(ctx, s.name, node.name+s.next("-"), p.ttl, true)
	if err != nil {
		s.failed(node, err)
		return nil
	}
	state, entries, err := node.store.Load(ctx, s.name)
	if err != nil {
		s.failed(node, err)
		return nil
	}
	s.world.seen.takeovers.Add(1)
	o := &owner{s: s, node: node, journal: newJournal(node.store, lease, state, entries, life), read: texts(entries)}
	s.mu.Lock()
	s.reads = append(s.reads, o.read)
	s.mu.Unlock()
	o.journal.pace = p
	o.gone, o.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() {
		defer o.stop()
		if err := o.journal.keep(o.gone, func(error) {}); err != nil {
			s.world.seen.fenced.Add(1)
		}
	})
	return o
}

func (s *checked) failed(n *checkedNode, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = fmt.Errorf("%s: %w", n.name, err)
}

func texts(entries []Entry) []string {
	var ids []string
	for _, m := range messages(entries) {
		ids = append(ids, m.ID)
	}
	return ids
}

// haunt lets an owner that has not heard of the next one go on for a while.
func (s *checked) haunt(o *owner) {
	ids := []string{s.next("late"), s.next(effect), s.next("later")}
	s.running.Go(func() {
		defer o.stop()
		for _, id := range ids {
			o.act(id)
			s.wait(o.gone, fast.renewal/2)
		}
		s.wait(o.gone, fast.ttl)
	})
}

// append says whether what it appended will last.
func (o *owner) append(id string) bool {
	began := o.s.begin(id)
	if err := o.journal.Append(o.gone, dialog.JournalEntry{Messages: []dialog.Message{{ID: id, Text: id}}}); err != nil {
		o.s.world.seen.unknown.Add(1)
		o.s.failed(o.node, err)
		return false
	}
	o.s.world.seen.acked.Add(1)
	end := o.s.tick()
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.s.acked = append(o.s.acked, ack{id, began, end})
	return true
}

// act appends id and, where it records an effect, lets that happen: as the conversation
// does, which runs a tool once its record is durable.
func (o *owner) act(id string) {
	isEffect, done := strings.HasPrefix(id, effect), o.append(id)
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	switch {
	case isEffect && done:
		o.s.world.seen.effects.Add(1)
		o.s.effects[id]++
	case isEffect:
		o.s.wanted = append(o.s.wanted, id)
	}
}

// actAgain lets an effect happen that the caller asks for once more, unless the log says
// that it was begun: then nobody may begin it again.
func (o *owner) actAgain() {
	o.s.mu.Lock()
	if len(o.s.wanted) == 0 {
		o.s.mu.Unlock()
		return
	}
	id := o.s.wanted[0]
	o.s.wanted = o.s.wanted[1:]
	o.s.mu.Unlock()
	if !slices.Contains(o.read, id) {
		o.s.world.seen.again.Add(1)
		o.act(id)
	}
}

// finish reads the log under the last lease.
func (s *checked) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), aftermath)
	defer cancel()
	for ctx.Err() == nil {
		if o := s.takeOver(ctx, usualPace); o != nil {
			done := o.append(s.next("end"))
			o.stop()
			if !done {
				continue
			}
			if _, entries, err := o.node.store.Load(ctx, s.name); err == nil {
				s.final = texts(entries)
				break
			}
		}
		s.wait(ctx, fast.renewal)
	}
	s.running.Wait()
}

// judge compares what was seen with the end.
func (s *checked) judge(t *testing.T) {
	t.Helper()
	if s.final == nil {
		t.Errorf("%s: nobody got hold of it when all was well: %v", s.name, s.last)
		return
	}
	place := make(map[string]int)
	for i, id := range s.final {
		if at, twice := place[id]; twice {
			t.Errorf("%s: %s is there twice, at %d and %d", s.name, id, at, i)
		}
		place[id] = i
	}
	for _, read := range s.reads {
		if len(read) > len(s.final) || !slices.Equal(read, s.final[:len(read)]) {
			t.Errorf("%s forked: %v was read, the end is %v", s.name, read, s.final)
		}
	}
	for _, a := range s.acked {
		if _, there := place[a.id]; !there {
			t.Errorf("%s: %s was acknowledged and is lost: %v", s.name, a.id, s.final)
		}
		for _, b := range s.acked {
			if a.end < b.began && place[a.id] > place[b.id] {
				t.Errorf("%s: %s was there before %s was begun, and comes behind it", s.name, a.id, b.id)
			}
		}
	}
	for key, n := range s.effects {
		if _, recorded := place[key]; n > 1 || !recorded {
			t.Errorf("%s: %s happened %d times, recorded: %v", s.name, key, n, recorded)
		}
	}
}
