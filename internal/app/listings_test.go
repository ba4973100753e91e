package app

import (
	"errors"
	"iter"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

func TestListings(t *testing.T) {
	type thing struct{ Name string }
	l := listing[thing]{heading: "A\tB", none: "Nothing.", cells: func(v thing) []string { return []string{v.Name, "x"} }}
	print := func(list iter.Seq2[thing, error], asJSON bool) string {
		var out strings.Builder
		require.NoError(t, l.print(list, asJSON, &out))
		return out.String()
	}
	some := each([]thing{{"one\x1b]0;title\x07\ntwo"}})
	for got, want := range map[string]string{
		print(some, false):             "A              B\none]0;title two  x\n",
		print(some, true):              `{"Name":"one\u001b]0;title\u0007\ntwo"}` + "\n",
		print(each[thing](nil), false): "Nothing.\n",
		print(each[thing](nil), true):  "",
	} {
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	broken := func(yield func(thing, error) bool) { yield(thing{}, errors.New("the store is away")) }
	if err := l.print(broken, false, new(strings.Builder)); err == nil {
		t.Error("a list that breaks off is no error")
	}
}

func TestFirstOfTellsWhetherThereIsMore(t *testing.T) {
	for n, want := range map[int]struct {
		values  int
		hasMore bool
	}{0: {3, false}, 1: {1, true}, 3: {3, false}, 4: {3, false}} {
		list, hasMore := firstOf(each([]int{1, 2, 3}), n)
		values := 0
		for range list {
			values++
		}
		if values != want.values || *hasMore != want.hasMore {
			t.Errorf("the first %d: %d values, more: %v", n, values, *hasMore)
		}
	}
}
