package session

import (
	"path/filepath"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// expiredJournal is a journal whose lease ran out, as after a time without the store.
func expiredJournal(t *testing.T) (*SQLite, *journal) {
	t.Helper()
	db, err := OpenDB(filepath.Join(t.TempDir(), "frontdesk.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := OpenSQLite(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	lease, err := store.Acquire(t.Context(), "sess_1", "here", time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal(store, lease, State{Agent: "demo"}, nil, time.Hour)
	if err := j.Append(t.Context(), dialog.JournalEntry{Messages: []dialog.Message{{ID: "item_1", Text: "one"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE sessions SET leased_until = 1`); err != nil {
		t.Fatal(err)
	}
	return store, j
}

func TestAJournalGoesOnAfterItsLeaseRanOut(t *testing.T) {
	store, j := expiredJournal(t)
	if err := j.Append(t.Context(), dialog.JournalEntry{Messages: []dialog.Message{{ID: "item_2", Text: "two"}}}); err != nil {
		t.Fatal(err)
	}
	_, entries, err := store.Load(t.Context(), "sess_1")
	if err != nil || len(entries) != 2 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

func TestAJournalStopsWhenAnotherNodeHasTheLease(t *testing.T) {
	store, j := expiredJournal(t)
	if _, err := store.Acquire(t.Context(), "sess_1", "elsewhere", time.Hour, false); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"append": j.Append(t.Context(), dialog.JournalEntry{Messages: []dialog.Message{{ID: "item_2", Text: "two"}}}),
		"renew":  j.renew(t.Context()),
	} {
		if fault.From(err).Code != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
}
