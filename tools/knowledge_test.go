package tools

import (
	"testing"
)

func openKnowledge(t testing.TB, dir string) *Knowledge {
	t.Helper()
	k, err := OpenKnowledge(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func search(t testing.TB, k *Knowledge, query string, limit int) []Passage {
	t.Helper()
	found, err := k.Search(t.Context(), query, limit)
	if err != nil {
		t.Fatalf("Search(%q): %v", query, err)
	}
	return found
}
