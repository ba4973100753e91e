package session

import (
	"slices"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/valkeytest"
)

// failing is a journal whose store can be handed to a replica that has missed what
// link kept from it.
type failing struct {
	primary, replica *valkeytest.Server
	link, front      *valkeytest.Relay
	store            *Valkey
	journal          *journal
}

func newFailing(t *testing.T) *failing {
	t.Helper()
	f := &failing{primary: valkeytest.Start(t)}
	f.link = valkeytest.NewRelay(t, f.primary.Addr)
	f.replica = f.primary.Replica(t, f.link.Addr)
	f.front = valkeytest.NewRelay(t, f.primary.Addr)
	var err error
	if f.store, err = OpenValkey(t.Context(), ValkeyOptions{Addresses: []string{f.front.Addr}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.store.Close)
	f.journal = f.begin(t, "here")
	return f
}

func (f *failing) begin(t *testing.T, owner string) *journal {
	t.Helper()
	lease, err := f.store.Acquire(t.Context(), "sess_1", owner, time.Hour, true)
	if err != nil {
		t.Fatal(err)
	}
	state, entries, err := f.store.Load(t.Context(), "sess_1")
	if err != nil {
		t.Fatal(err)
	}
	return newJournal(f.store, lease, state, entries, time.Hour)
}

func (f *failing) say(t *testing.T, id string) {
	t.Helper()
	if err := f.journal.Append(t.Context(), dialog.JournalEntry{Messages: []dialog.Message{{ID: id, Text: id}}}); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
}

func (f *failing) fail(t *testing.T) {
	t.Helper()
	f.primary.Kill()
	f.replica.Must(t, "REPLICAOF", "NO", "ONE")
	f.front.To(f.replica.Addr)
}

func (f *failing) want(t *testing.T, ids ...string) {
	t.Helper()
	_, entries, err := f.store.Load(t.Context(), "sess_1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range messages(entries) {
		got = append(got, m.ID)
	}
	if !slices.Equal(got, ids) {
		t.Errorf("the log holds %v, want %v", got, ids)
	}
}

func TestWhatTheNewServerMissedIsWrittenAgain(t *testing.T) {
	f := newFailing(t)
	f.say(t, "one")
	f.primary.Must(t, "WAIT", "1", "5000")
	f.replica.Until(t, "one", "XREVRANGE", "fd:{sess_1}:log", "+", "-")
	f.link.Mute()
	f.say(t, "two")
	f.say(t, "three")
	f.fail(t)
	f.want(t, "one")
	if err := f.journal.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.want(t, "one", "two", "three")
	f.say(t, "four")
	f.want(t, "one", "two", "three", "four")
}

func TestAnAppendAfterAFailoverBringsWhatWasMissed(t *testing.T) {
	f := newFailing(t)
	f.link.Mute() // the replica has never heard of the session
	f.say(t, "one")
	f.journal = f.begin(t, "there") // what another owner wrote is known here too
	f.say(t, "two")
	f.fail(t)
	f.say(t, "three")
	f.want(t, "one", "two", "three")
}

func TestAnOwnerThatLostItsSessionInAFailoverStops(t *testing.T) {
	f := newFailing(t)
	f.link.Mute()
	f.say(t, "one")
	f.fail(t)
	old := f.journal
	f.journal = f.begin(t, "there")
	f.say(t, "other")
	for name, err := range map[string]error{
		"renew":  old.renew(t.Context()),
		"append": old.Append(t.Context(), dialog.JournalEntry{Messages: []dialog.Message{{ID: "two", Text: "two"}}}),
	} {
		if !isConflict(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.want(t, "other")
}

func TestRecentEntriesAreBounded(t *testing.T) {
	j := newJournal(nil, Lease{}, State{}, nil, time.Hour)
	for range 3 * maxRecent {
		j.acknowledge([]Entry{{Body: []byte(`""`)}})
	}
	if len(j.recent) != maxRecent {
		t.Errorf("%d entries are kept", len(j.recent))
	}
	j.acknowledge([]Entry{{Body: make([]byte, maxRecentBytes)}})
	if len(j.recent) != 1 || j.bytes != maxRecentBytes {
		t.Errorf("%d entries of %d bytes are kept", len(j.recent), j.bytes)
	}
}
