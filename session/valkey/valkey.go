// Package valkey stores sessions on a Valkey or Redis server (7.0 or later), or on a
// cluster of them, which any number of processes share. It imports session and
// internal/fault. Open connects to the store; Store.Limiter returns a limiter whose counts
// are in the same store.
//
// A session's keys are fd:{ID}:lease, :log and :state, so that they are in one slot of a
// cluster. All times are the server's.
package valkey

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

// Store is a session.Store, a session.CallerMemory and a gate.Counter. Safe for concurrent use.
type Store struct {
	client valkey.Client
	o      Options
}

// maxContenders is how many times others may acquire a lease, or write under it, before an
// Acquire that wants it fails.
const maxContenders = 10

// Acquire implements session.Store. The nonce is chosen here, so that the script
// recognizes a retry after a lost answer. An Acquire that arrives after another owner's
// has no effect.
func (s *Store) Acquire(ctx context.Context, id, owner string, ttl time.Duration, force bool) (session.Lease, error) {
	forceArg := "0"
	if force {
		forceArg = "1"
	}
	l := session.Lease{Session: id, Owner: owner, Nonce: rand.Text(), Expires: session.LeaseExpiry(ttl)}
	epoch := "0" // of a new session
	for range maxContenders {
		r, err := s.write(ctx, id, "acquire", l.Nonce, owner, decimal(ttl), forceArg, epoch)
		if err != nil {
			return session.Lease{}, err
		}
		if epoch, err = r.text(0); err != nil {
			return session.Lease{}, storeFault(ctx, err)
		}
		if !r.epochChanged {
			l.History = r.history
			l.Epoch, err = strconv.ParseInt(epoch, 10, 64)
			return l, err
		}
	}
	return session.Lease{}, fault.New(fault.Conflict, "too many clients want this session at once").Retryable(time.Second)
}

// Renew implements session.Store.
func (s *Store) Renew(ctx context.Context, l session.Lease, ttl time.Duration) (session.Lease, error) {
	l.Expires = session.LeaseExpiry(ttl)
	r, err := s.call(ctx, l.Session, "renew", l.Nonce, l.History, decimal(ttl), l.Owner, strconv.FormatInt(l.Epoch, 10))
	if err != nil {
		return session.Lease{}, err
	}
	l.History = r.history
	return l, nil
}

// Release implements session.Store.
func (s *Store) Release(ctx context.Context, l session.Lease) error {
	_, err := s.call(ctx, l.Session, "release", l.Nonce, l.History)
	return err
}

// Commit implements session.Store.
func (s *Store) Commit(ctx context.Context, l session.Lease, entries []session.Entry, state session.State, ttl time.Duration) error {
	stateJSON, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	args := []string{"commit", l.Nonce, l.History, decimal(ttl), strconv.Itoa(state.Version), string(stateJSON)}
	for _, e := range entries {
		turn, seq, err := e.Position()
		if err != nil {
			return err
		}
		args = append(args, fmt.Sprintf("%d-%d", turn, seq), e.Kind, e.At.UTC().Format(time.RFC3339Nano), string(e.Body))
	}
	_, err = s.write(ctx, l.Session, args...)
	return err
}

// Load implements session.Store.
func (s *Store) Load(ctx context.Context, id string) (session.State, []session.Entry, error) {
	var state session.State
	r, err := s.call(ctx, id, "load")
	if err != nil {
		return state, nil, err
	}
	stateJSON, err := r.text(0)
	if err == nil {
		err = json.Unmarshal([]byte(stateJSON), &state)
	}
	if err != nil {
		return session.State{}, nil, storeFault(ctx, err)
	}
	entries, err := r.entries(1)
	if err != nil {
		return session.State{}, nil, storeFault(ctx, err)
	}
	return state, entries, nil
}

// SaveCaller implements session.CallerMemory.
func (s *Store) SaveCaller(ctx context.Context, caller string, memory []byte, ttl time.Duration) error {
	return retry(ctx, func() error {
		if len(memory) == 0 {
			return s.client.Do(ctx, s.client.B().Del().Key(callerKey(caller)).Build()).Error()
		}
		set := s.client.B().Set().Key(callerKey(caller)).Value(string(memory)).PxMilliseconds(session.Milliseconds(ttl))
		return s.client.Do(ctx, set.Build()).Error()
	})
}

// LoadCaller implements session.CallerMemory.
func (s *Store) LoadCaller(ctx context.Context, caller string) (memory []byte, err error) {
	err = retry(ctx, func() (err error) {
		memory, err = s.client.Do(ctx, s.client.B().Get().Key(callerKey(caller)).Build()).AsBytes()
		if valkey.IsValkeyNil(err) {
			memory, err = nil, nil
		}
		return err
	})
	return memory, err
}

// ListCaller implements session.CallerMemory. It scans the keys of all nodes of a cluster.
func (s *Store) ListCaller(ctx context.Context, known string) (callers []string, err error) {
	for _, node := range s.client.Nodes() {
		for cursor, isFirst := uint64(0), true; isFirst || cursor != 0; isFirst = false {
			page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(callerKey("*")).Count(500).Build()).AsScanEntry()
			if err != nil {
				return nil, storeFault(ctx, err)
			}
			cursor = page.Cursor
			for _, key := range page.Elements {
				caller := strings.TrimPrefix(key, callerKey(""))
				if _, name, _ := strings.Cut(caller, "/"); name == known && !slices.Contains(callers, caller) {
					callers = append(callers, caller)
				}
			}
		}
	}
	slices.Sort(callers)
	return callers, nil
}

func callerKey(caller string) string { return "fd:caller:" + caller }

// Watch implements session.Store.
func (s *Store) Watch(ctx context.Context, onTaken func(session string)) error {
	err := s.client.Receive(ctx, s.client.B().Subscribe().Channel("fd:taken").Build(), func(m valkey.PubSubMessage) { onTaken(m.Message) })
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the caller ended the watch
	}
	return storeFault(ctx, err)
}

// List calls each with every stored session, with some of them maybe twice, until each
// returns an error, and returns that error. It scans a few keys at a time. When a node of
// a cluster cannot be reached, List goes on with the other nodes and then returns an error.
func (s *Store) List(ctx context.Context, each func(id string, state session.State) error) error {
	var unreachable error
	for _, node := range s.client.Nodes() {
		for cursor, isFirst := uint64(0), true; isFirst || cursor != 0; isFirst = false {
			page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match("fd:{*}:state").Count(500).Build()).AsScanEntry()
			if err != nil {
				unreachable = storeFault(ctx, err)
				break
			}
			cursor = page.Cursor
			if err := s.listPage(ctx, page.Elements, each); err != nil {
				return err
			}
		}
	}
	return unreachable
}

// listPage calls each with the sessions of the state keys.
func (s *Store) listPage(ctx context.Context, keys []string, each func(id string, state session.State) error) error {
	for _, key := range keys {
		text, err := s.client.Do(ctx, s.client.B().Get().Key(key).Build()).AsBytes()
		if valkey.IsValkeyNil(err) {
			continue // the session has expired since the scan
		}
		var state session.State
		if err == nil {
			err = json.Unmarshal(text, &state)
		}
		if err != nil {
			return storeFault(ctx, err)
		}
		if err := each(strings.TrimSuffix(strings.TrimPrefix(key, "fd:{"), "}:state"), state); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a session and all of its entries.
func (s *Store) Delete(ctx context.Context, l session.Lease) error {
	_, err := s.write(ctx, l.Session, "delete", l.Nonce, l.History)
	return err
}

// decimal formats d in milliseconds.
func decimal(d time.Duration) string { return strconv.FormatInt(session.Milliseconds(d), 10) }
