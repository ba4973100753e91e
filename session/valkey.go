package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"frontdesk/internal/fault"
)

// Valkey is a Store on a Valkey or Redis server (7.0 or later), or a cluster of them,
// that any number of processes share. A session's keys are fd:{ID}:lease, :log and
// :state, so they are in one slot of a cluster. Times are the server's.
type Valkey struct {
	client valkey.Client
	o      ValkeyOptions
}

// Acquire implements Store. The nonce is chosen here, so a try whose answer was lost
// is recognised when it is repeated; one that arrives when another owner has come since
// does nothing.
func (v *Valkey) Acquire(ctx context.Context, session, owner string, ttl time.Duration, take bool) (Lease, error) {
	taking := "0"
	if take {
		taking = "1"
	}
	l := Lease{Session: session, Owner: owner, Nonce: rand.Text(), Expires: expiry(ttl)}
	epoch := "0" // of a session that is new
	for range maxContenders {
		r, err := v.write(ctx, session, "acquire", l.Nonce, owner, decimal(ttl), taking, epoch)
		if err != nil {
			return Lease{}, err
		}
		if epoch, err = r.text(0); err != nil {
			return Lease{}, valkeyFault(ctx, err)
		}
		if !r.changed {
			l.History = r.history
			l.Epoch, err = strconv.ParseInt(epoch, 10, 64)
			return l, err
		}
	}
	return Lease{}, fault.New(fault.Conflict, "too many want this session at once").Retryable(time.Second)
}

// Renew implements Store.
func (v *Valkey) Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error) {
	l.Expires = expiry(ttl)
	r, err := v.call(ctx, l.Session, "renew", l.Nonce, l.History, decimal(ttl), l.Owner, strconv.FormatInt(l.Epoch, 10))
	if err != nil {
		return Lease{}, err
	}
	l.History = r.history
	return l, nil
}

// Release implements Store. Giving up a lease that has run out is no error.
func (v *Valkey) Release(ctx context.Context, l Lease) error {
	_, err := v.call(ctx, l.Session, "release", l.Nonce, l.History)
	return err
}

// Commit implements Store.
func (v *Valkey) Commit(ctx context.Context, l Lease, entries []Entry, state State, life time.Duration) error {
	stateJSON, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	args := []string{"commit", l.Nonce, l.History, decimal(life), strconv.Itoa(state.Version), string(stateJSON)}
	for _, e := range entries {
		turn, seq, err := parseEntryID(e.ID)
		if err != nil {
			return err
		}
		if !json.Valid(e.Body) {
			return fault.New(fault.Invalid, "the body of entry %s is not JSON", e.ID)
		}
		args = append(args, fmt.Sprintf("%d-%d", turn, seq), e.Kind, e.At.UTC().Format(time.RFC3339Nano), string(e.Body))
	}
	_, err = v.write(ctx, l.Session, args...)
	return err
}

// Load implements Store.
func (v *Valkey) Load(ctx context.Context, session string) (State, []Entry, error) {
	var state State
	r, err := v.call(ctx, session, "load")
	if err != nil {
		return state, nil, err
	}
	stateJSON, err := r.text(0)
	if err == nil {
		err = json.Unmarshal([]byte(stateJSON), &state)
	}
	if err != nil {
		return State{}, nil, valkeyFault(ctx, err)
	}
	entries, err := r.entries(1)
	if err != nil {
		return State{}, nil, valkeyFault(ctx, err)
	}
	return state, entries, nil
}

// Remember implements Store.
func (v *Valkey) Remember(ctx context.Context, caller string, known []byte, life time.Duration) error {
	key := "fd:caller:" + caller
	return repeat(ctx, func() error {
		if len(known) == 0 {
			return v.client.Do(ctx, v.client.B().Del().Key(key).Build()).Error()
		}
		return v.client.Do(ctx, v.client.B().Set().Key(key).Value(string(known)).PxMilliseconds(milliseconds(life)).Build()).Error()
	})
}

// Recall implements Store.
func (v *Valkey) Recall(ctx context.Context, caller string) (known []byte, err error) {
	err = repeat(ctx, func() (err error) {
		known, err = v.client.Do(ctx, v.client.B().Get().Key("fd:caller:"+caller).Build()).AsBytes()
		if valkey.IsValkeyNil(err) {
			known, err = nil, nil
		}
		return err
	})
	return known, err
}

// Watch implements Store.
func (v *Valkey) Watch(ctx context.Context, taken func(session string)) error {
	err := v.client.Receive(ctx, v.client.B().Subscribe().Channel("fd:taken").Build(), func(m valkey.PubSubMessage) { taken(m.Message) })
	if ctx.Err() != nil {
		return nil
	}
	return valkeyFault(ctx, err)
}

// List implements Store. The server is gone through a few keys at a time. A node of a
// cluster that is away does not keep the others' sessions from being listed.
func (v *Valkey) List(ctx context.Context, each func(session string, s State) error) error {
	var away error
	for _, node := range v.client.Nodes() {
		for cursor, begun := uint64(0), false; !begun || cursor != 0; begun = true {
			page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match("fd:{*}:state").Count(500).Build()).AsScanEntry()
			if err != nil {
				away = valkeyFault(ctx, err)
				break
			}
			cursor = page.Cursor
			for _, key := range page.Elements {
				text, err := v.client.Do(ctx, v.client.B().Get().Key(key).Build()).AsBytes()
				if valkey.IsValkeyNil(err) {
					continue // it has ended meanwhile
				}
				var state State
				if err == nil {
					err = json.Unmarshal(text, &state)
				}
				if err != nil {
					return valkeyFault(ctx, err)
				}
				if err := each(strings.TrimSuffix(strings.TrimPrefix(key, "fd:{"), "}:state"), state); err != nil {
					return err
				}
			}
		}
	}
	return away
}

// Delete implements Store.
func (v *Valkey) Delete(ctx context.Context, l Lease) error {
	_, err := v.write(ctx, l.Session, "delete", l.Nonce, l.History)
	return err
}

// Sweep implements Store: the server deletes sessions by itself.
func (v *Valkey) Sweep(context.Context) (int, error) { return 0, nil }

var errShort = errors.New("the store's answer is too short")

// reply is what the script answered.
type reply struct {
	changed  bool   // nothing was done: the lease is of another epoch
	history  string // which history of the store the server has
	replicas int    // connected to it
	values   []valkey.ValkeyMessage
}

func (r reply) text(i int) (string, error) {
	if i >= len(r.values) {
		return "", errShort
	}
	return r.values[i].ToString()
}

// entries reads the stream at i of the answer.
func (r reply) entries(i int) ([]Entry, error) {
	if i >= len(r.values) {
		return nil, errShort
	}
	found, err := r.values[i].AsXRange()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, x := range found {
		e := Entry{ID: x.ID, Kind: x.FieldValues["kind"], Body: json.RawMessage(x.FieldValues["body"])}
		if e.At, err = time.Parse(time.RFC3339Nano, x.FieldValues["at"]); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// parseReply reads {status, history, replicas, ...}. A status other than ok is a
// fault.Error.
func parseReply(answer valkey.ValkeyResult) (reply, error) {
	values, err := answer.ToArray()
	if err != nil {
		return reply{}, err
	}
	if len(values) < 3 {
		return reply{}, errShort
	}
	var r reply
	status, err := values[0].ToString()
	if err == nil {
		r.history, err = values[1].ToString()
	}
	if err != nil {
		return reply{}, err
	}
	replicas, err := values[2].AsInt64()
	if err != nil {
		return reply{}, err
	}
	r.replicas, r.values = int(replicas), values[3:]
	if r.changed = status == "changed"; r.changed || status == "ok" {
		return r, nil
	}
	detail, _ := r.text(0)
	return reply{}, refused(status, detail)
}

// refused tells what a status of the script's means.
func refused(status, detail string) error {
	switch status {
	case "none":
		return errNoSession()
	case "held":
		ms, _ := strconv.Atoi(detail)
		return fault.New(fault.Conflict, "this session is in use elsewhere").Retryable(time.Duration(ms) * time.Millisecond)
	case "lost":
		return fault.New(fault.Conflict, "the right to write this session was lost")
	case "elsewhere":
		return fault.New(fault.Conflict, "another server has taken over: the right to write has to be taken anew")
	case "late":
		return fault.New(fault.Conflict, "entry %s comes before one that is there already", detail)
	case "differs":
		return fault.New(fault.Conflict, "entry %s is there already with other content", detail)
	}
	return fault.New(fault.Internal, "the store answered %q", status)
}

// decimal is d in milliseconds.
func decimal(d time.Duration) string { return strconv.FormatInt(milliseconds(d), 10) }
