package session_test

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
	"frontdesk/session"
)

const (
	recoveryTimeout = 20 * time.Second // for an owner to get the session once all faults have ended
	resumeWindow    = time.Hour
	effectPrefix    = "effect:" // of the ID of a message that records an effect
)

// contestedSession is a session for which owners on several nodes compete.
type contestedSession struct {
	cluster *cluster
	name    string
	rng     *rand.Rand // used by run alone
	clients sync.WaitGroup
	history history

	mu      sync.Mutex
	ids     int            // that next has returned
	effects map[string]int // by message ID: how often the effect happened
	retries []string       // effects whose append failed, so that the caller asks again
	lastErr error          // of a client
	final   []session.Entry
}

// owner is a node that believes that it holds the session's lease.
type owner struct {
	s       *contestedSession
	node    *node
	journal *session.Journal
	stop    context.CancelFunc
	ctx     context.Context // ends when the owner is killed or has lost its lease
	loaded  []string        // message IDs in the log when it took over
}

// run is the session's caller until ctx ends: the caller appends messages, causes effects,
// and moves to another node when they want to, or when the node is killed or hangs. Then a
// last owner reads the final log.
func (s *contestedSession) run(ctx context.Context) {
	var o *owner
	for ctx.Err() == nil {
		switch n := s.rng.IntN(20); {
		case o == nil || n < 3:
			former := o
			if o = s.takeOver(ctx, fast); o == nil {
				o = former
			} else if former != nil {
				s.continueUnaware(former)
			}
		case n < 5:
			o.stop() // killed: it neither renews nor releases its lease
			o = nil
		case n < 7:
			unblock := o.journal.Block() // it hangs until its lease has expired
			sleep(ctx, fastTTL+fastRenewal)
			unblock()
		case n < 10:
			o.act(s.next(effectPrefix))
		case n < 12:
			o.retryEffect()
		default:
			o.append(s.next("word"))
		}
		sleep(ctx, time.Duration(s.rng.IntN(40))*time.Millisecond)
	}
	if o != nil {
		o.stop()
	}
	s.clients.Wait()
	s.readFinalLog()
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// next returns a new message ID.
func (s *contestedSession) next(prefix string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	return fmt.Sprint(prefix, s.ids)
}

// takeOver does what Desk.Admit does to resume a session, on a random node. Leases are
// factor times as fast as in production.
func (s *contestedSession) takeOver(ctx context.Context, factor time.Duration) *owner {
	n := s.cluster.nodes[s.rng.IntN(len(s.cluster.nodes))]
	ctx, cancel := context.WithTimeout(ctx, 2*session.StoreTimeout/factor)
	defer cancel()
	store := &recordedStore{Store: n.store, history: &s.history}
	lease, err := store.Acquire(ctx, s.name, n.name+s.next("-"), session.LeaseTTL/factor, true)
	if err != nil {
		s.failed(n, err)
		return nil
	}
	state, entries, err := store.Load(ctx, s.name)
	if err != nil {
		s.failed(n, err)
		return nil
	}
	s.cluster.counts.takeovers.Add(1)
	o := &owner{s: s, node: n, journal: session.NewJournal(store, lease, state, entries, resumeWindow), loaded: messageIDs(entries)}
	o.journal.SetTiming(factor)
	o.ctx, o.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.clients.Go(func() {
		defer o.stop()
		if err := o.journal.KeepLease(o.ctx, func(error) {}); err != nil {
			s.cluster.counts.leasesLost.Add(1)
		}
	})
	return o
}

func (s *contestedSession) failed(n *node, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastErr = fmt.Errorf("%s: %w", n.name, err)
}

// continueUnaware lets a former owner, which does not know of the next one, go on for a while.
func (s *contestedSession) continueUnaware(o *owner) {
	ids := []string{s.next("late"), s.next(effectPrefix), s.next("late")}
	writesOnlyState := s.rng.IntN(3) == 0 // with which no entry of the next owner conflicts
	s.clients.Go(func() {
		defer o.stop()
		for _, id := range ids {
			if writesOnlyState {
				_ = o.journal.Append(o.ctx, dialog.JournalEntry{})
			} else {
				o.act(id)
			}
			sleep(o.ctx, fastRenewal/2)
		}
		sleep(o.ctx, fastTTL)
	})
}

// append appends a message and reports whether that was acknowledged.
func (o *owner) append(id string) (isAcknowledged bool) {
	if err := o.journal.Append(o.ctx, said(id)); err != nil {
		o.s.cluster.counts.failed.Add(1)
		o.s.failed(o.node, err)
		return false
	}
	o.s.cluster.counts.acknowledged.Add(1)
	o.s.history.acknowledged(id)
	return true
}

// act appends a message. If it records an effect, the effect happens only when its record
// is durable, as in the conversation.
func (o *owner) act(id string) {
	isEffect, isAcknowledged := strings.HasPrefix(id, effectPrefix), o.append(id)
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	switch {
	case isEffect && isAcknowledged:
		o.s.cluster.counts.effects.Add(1)
		o.s.effects[id]++
	case isEffect:
		o.s.retries = append(o.s.retries, id)
	}
}

// retryEffect causes an effect for which the caller asks again, unless the log records it:
// then it may have happened, and must not happen twice.
func (o *owner) retryEffect() {
	o.s.mu.Lock()
	if len(o.s.retries) == 0 {
		o.s.mu.Unlock()
		return
	}
	id := o.s.retries[0]
	o.s.retries = o.s.retries[1:]
	o.s.mu.Unlock()
	if !slices.Contains(o.loaded, id) {
		o.s.cluster.counts.retriedEffects.Add(1)
		o.act(id)
	}
}

// readFinalLog reads the log under the last lease.
func (s *contestedSession) readFinalLog() {
	ctx, cancel := context.WithTimeout(context.Background(), recoveryTimeout)
	defer cancel()
	for ctx.Err() == nil && s.final == nil {
		if o := s.takeOver(ctx, 1); o != nil {
			isAcknowledged := o.append(s.next("end"))
			o.stop()
			if !isAcknowledged {
				continue
			}
			if _, entries, err := o.node.store.Load(ctx, s.name); err == nil {
				s.final = entries
			}
		}
		sleep(ctx, fastRenewal)
	}
	s.clients.Wait()
}

// check fails the test unless what happened conforms to the contract of leases and commits,
// and every effect happened at most once and is recorded.
func (s *contestedSession) check(t *testing.T) {
	t.Helper()
	if s.final == nil {
		t.Errorf("%s: no owner got the session after all faults had ended: %v", s.name, s.lastErr)
		return
	}
	checkHistory(t, s.name, &s.history, s.final)
	recorded := make(map[string]int)
	for _, id := range messageIDs(s.final) {
		if recorded[id]++; recorded[id] > 1 {
			t.Errorf("%s: the log has message %s twice", s.name, id)
		}
	}
	for id, n := range s.effects {
		if n > 1 || recorded[id] == 0 {
			t.Errorf("%s: %s happened %d times and is recorded %d times", s.name, id, n, recorded[id])
		}
	}
}
