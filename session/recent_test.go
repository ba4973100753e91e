package session

import (
	"testing"
	"time"
)

func TestRecentEntriesAreBounded(t *testing.T) {
	j := newJournal(nil, Lease{}, State{}, nil, time.Hour)
	for range 3 * maxRecent {
		j.addRecent([]Entry{{Body: []byte(`""`)}})
	}
	if len(j.recent) != maxRecent {
		t.Errorf("got %d recent entries, want %d", len(j.recent), maxRecent)
	}
	j.addRecent([]Entry{{Body: make([]byte, maxRecentBytes)}})
	if len(j.recent) != 1 || j.recentBytes != maxRecentBytes {
		t.Errorf("got %d recent entries of %d bytes, want 1 of %d", len(j.recent), j.recentBytes, maxRecentBytes)
	}
}
