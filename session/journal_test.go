package session_test

import (
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/session/sqlite"
)

// said returns the journal entry of one message.
func said(id string) dialog.JournalEntry {
	return dialog.JournalEntry{Messages: []dialog.Message{{ID: id, Text: id}}}
}

// journalWithExpiredLease returns a journal with one message whose lease has expired, as
// after a time without the store.
func journalWithExpiredLease(t *testing.T) (*sqlite.Store, *session.Journal) {
	t.Helper()
	store, conn := desktest.OpenStore(t)
	lease, err := store.Acquire(t.Context(), "sess_1", "here", time.Hour, false)
	require.NoError(t, err)
	j := session.NewJournal(store, lease, session.State{Agent: "demo"}, nil, time.Hour)
	require.NoError(t, j.Append(t.Context(), said("item_1")))
	if _, err := conn.Exec(`UPDATE sessions SET leased_until = 1`); err != nil {
		t.Fatal(err)
	}
	return store, j
}

func TestJournalRegainsAnExpiredLease(t *testing.T) {
	store, j := journalWithExpiredLease(t)
	require.NoError(t, j.Append(t.Context(), said("item_2")))
	_, entries, err := store.Load(t.Context(), "sess_1")
	if err != nil || len(entries) != 2 {
		t.Errorf("got %d entries, error %v; want 2", len(entries), err)
	}
}

func takeOver(t *testing.T, store *sqlite.Store, owner string) (*session.Journal, session.Lease) {
	t.Helper()
	lease, err := store.Acquire(t.Context(), "sess_1", owner, time.Hour, true)
	require.NoError(t, err)
	state, entries, err := store.Load(t.Context(), "sess_1")
	require.NoError(t, err)
	return session.NewJournal(store, lease, state, entries, time.Hour), lease
}

// failToWriteStates lets a former owner raise the version of its state beyond others'.
func failToWriteStates(t *testing.T, former *session.Journal) {
	t.Helper()
	for range 3 {
		if err := former.Append(t.Context(), dialog.JournalEntry{}); err == nil {
			t.Fatal("the former owner wrote")
		}
	}
}

func TestJournalDoesNotRegainASessionThatAnotherNodeHasWritten(t *testing.T) {
	store, former := journalWithExpiredLease(t)
	next, lease := takeOver(t, store, "elsewhere")
	failToWriteStates(t, former)
	require.NoError(t, next.Append(t.Context(), said("item_2")))
	require.NoError(t, store.Release(t.Context(), lease))
	if e := fault.From(former.RenewLease(t.Context())); e == nil || e.Code != fault.Conflict {
		t.Errorf("the former owner renewed its lease: got %v, want conflict", e)
	}
	last, _ := takeOver(t, store, "third")
	if err := last.Append(t.Context(), said("item_3")); err != nil {
		t.Errorf("the session can no longer be written: %v", err)
	}
}

func TestJournalThatRegainsItsLeaseReplacesTheStateOfTheOwnerBetween(t *testing.T) {
	store, former := journalWithExpiredLease(t)
	next, lease := takeOver(t, store, "elsewhere")
	failToWriteStates(t, former)
	require.NoError(t, store.Release(t.Context(), lease))
	require.NoError(t, former.RenewLease(t.Context()))
	require.NoError(t, store.Release(t.Context(), former.Lease()))
	require.NoError(t, next.Append(t.Context(), said("item_2")))
	last, _ := takeOver(t, store, "third")
	if err := last.Append(t.Context(), said("item_3")); err != nil {
		t.Errorf("the session can no longer be written: %v", err)
	}
}

func TestJournalStopsWhenAnotherNodeHoldsTheLease(t *testing.T) {
	store, j := journalWithExpiredLease(t)
	if _, err := store.Acquire(t.Context(), "sess_1", "elsewhere", time.Hour, false); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"append": j.Append(t.Context(), said("item_2")),
		"renew":  j.RenewLease(t.Context()),
	} {
		if fault.From(err).Code != fault.Conflict {
			t.Errorf("%s: got %v, want conflict", name, err)
		}
	}
}
