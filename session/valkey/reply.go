package valkey

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

var errShortReply = errors.New("the store's reply is too short")

// reply is what store.lua returns when an operation succeeds.
type reply struct {
	epochChanged bool   // acquire did nothing, because the lease has another epoch
	history      string // the history that the server has
	replicas     int    // replicas that are connected to the server
	values       []valkey.ValkeyMessage
}

// parseReply reads {status, history, replicas, ...}. It returns a fault.Error when the
// script refused the operation.
func parseReply(result valkey.ValkeyResult) (reply, error) {
	values, err := result.ToArray()
	if err != nil {
		return reply{}, err
	}
	if len(values) < 3 {
		return reply{}, errShortReply
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
	if r.epochChanged = status == "changed"; r.epochChanged || status == "ok" {
		return r, nil
	}
	detail, _ := r.text(0)
	return reply{}, refusal(status, detail)
}

// refusal returns the error for a status of store.lua.
func refusal(status, detail string) error {
	switch status {
	case "none":
		return session.ErrNoSession()
	case "held":
		ms, _ := strconv.Atoi(detail)
		return session.ErrLeaseHeld(time.Duration(ms) * time.Millisecond)
	case "lost":
		return session.ErrLeaseLost()
	case "elsewhere":
		return fault.New(fault.Conflict, "another server of the store has taken over: renew the lease")
	case "late":
		return session.ErrEntryTooLate(detail)
	case "differs":
		return session.ErrEntryDiffers(detail)
	}
	return fault.New(fault.Internal, "unknown status %q in the store's reply", status)
}

func (r reply) text(i int) (string, error) {
	if i >= len(r.values) {
		return "", errShortReply
	}
	return r.values[i].ToString()
}

// entries reads the stream at position i of the reply.
func (r reply) entries(i int) ([]session.Entry, error) {
	if i >= len(r.values) {
		return nil, errShortReply
	}
	stream, err := r.values[i].AsXRange()
	if err != nil {
		return nil, err
	}
	var entries []session.Entry
	for _, x := range stream {
		e := session.Entry{ID: x.ID, Kind: x.FieldValues["kind"], Body: json.RawMessage(x.FieldValues["body"])}
		if e.At, err = time.Parse(time.RFC3339Nano, x.FieldValues["at"]); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}
