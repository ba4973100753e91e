package session_test

import (
	"slices"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/internal/valkeytest"
	"frontdesk/session"
	"frontdesk/session/valkey"
)

// replicatedJournal is a journal whose store fails over to a replica that lacks what
// replication dropped.
type replicatedJournal struct {
	primary, replica      *valkeytest.Server
	replication, frontend *valkeytest.Relay
	store                 *valkey.Store
	journal               *session.Journal
}

func newReplicatedJournal(t *testing.T) *replicatedJournal {
	t.Helper()
	f := &replicatedJournal{primary: valkeytest.Start(t)}
	f.replication = valkeytest.NewRelay(t, f.primary.Addr)
	f.replica = f.primary.Replica(t, f.replication.Addr)
	f.frontend = valkeytest.NewRelay(t, f.primary.Addr)
	f.store = openValkey(t, valkey.Options{Addresses: []string{f.frontend.Addr}})
	f.journal = f.openJournal(t, "here")
	return f
}

func (f *replicatedJournal) openJournal(t *testing.T, owner string) *session.Journal {
	t.Helper()
	lease, err := f.store.Acquire(t.Context(), "sess_1", owner, time.Hour, true)
	require.NoError(t, err)
	state, entries, err := f.store.Load(t.Context(), "sess_1")
	require.NoError(t, err)
	return session.NewJournal(f.store, lease, state, entries, time.Hour)
}

func (f *replicatedJournal) append(t *testing.T, id string) {
	t.Helper()
	if err := f.journal.Append(t.Context(), said(id)); err != nil {
		t.Fatalf("append %s: %v", id, err)
	}
}

// failOver kills the primary and promotes the replica.
func (f *replicatedJournal) failOver(t *testing.T) {
	t.Helper()
	f.primary.Kill()
	f.replica.Must(t, "REPLICAOF", "NO", "ONE")
	f.frontend.To(f.replica.Addr)
}

func (f *replicatedJournal) wantLog(t *testing.T, ids ...string) {
	t.Helper()
	_, entries, err := f.store.Load(t.Context(), "sess_1")
	require.NoError(t, err)
	if got := messageIDs(entries); !slices.Equal(got, ids) {
		t.Errorf("the log has %v, want %v", got, ids)
	}
}

// messageIDs returns the IDs of the messages in a log.
func messageIDs(entries []session.Entry) []string {
	var ids []string
	for _, m := range session.Messages(entries) {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestRenewalAfterAFailoverWritesMissedEntriesAgain(t *testing.T) {
	f := newReplicatedJournal(t)
	f.append(t, "one")
	f.primary.Must(t, "WAIT", "1", "5000")
	f.replica.Until(t, "one", "XREVRANGE", "fd:{sess_1}:log", "+", "-")
	f.replication.HoldReplies()
	f.append(t, "two")
	f.append(t, "three")
	f.failOver(t)
	f.wantLog(t, "one")
	require.NoError(t, f.journal.RenewLease(t.Context()))
	f.wantLog(t, "one", "two", "three")
	f.append(t, "four")
	f.wantLog(t, "one", "two", "three", "four")
}

func TestAppendAfterAFailoverWritesMissedEntriesAgain(t *testing.T) {
	f := newReplicatedJournal(t)
	f.replication.HoldReplies() // the replica never gets the session
	f.append(t, "one")
	f.journal = f.openJournal(t, "there") // also knows what the former owner wrote
	f.append(t, "two")
	f.failOver(t)
	f.append(t, "three")
	f.wantLog(t, "one", "two", "three")
}

func TestOwnerThatLosesItsSessionInAFailoverStops(t *testing.T) {
	f := newReplicatedJournal(t)
	f.replication.HoldReplies()
	f.append(t, "one")
	f.failOver(t)
	former := f.journal
	f.journal = f.openJournal(t, "there")
	f.append(t, "other")
	for name, err := range map[string]error{
		"renew":  former.RenewLease(t.Context()),
		"append": former.Append(t.Context(), said("two")),
	} {
		if err == nil || fault.From(err).Code != fault.Conflict {
			t.Errorf("%s: got %v, want conflict", name, err)
		}
	}
	f.wantLog(t, "other")
}
