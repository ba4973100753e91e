package app

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"text/tabwriter"

	"frontdesk/internal/words"
)

// listing is how a command prints a list: as a table, or as JSON with one object per line.
type listing[T any] struct {
	heading string           // the columns of the table, with tabs between them
	none    string           // instead of an empty table
	cells   func(T) []string // a row of the table
	view    func(T) any      // what JSON shows; nil shows the value itself
}

// print prints a list. No cell holds anything that a terminal would obey.
func (l listing[T]) print(list iter.Seq2[T, error], asJSON bool, w io.Writer) error {
	table, lines := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), json.NewEncoder(w)
	n := 0
	for value, err := range list {
		if err != nil {
			return err
		}
		n++
		if asJSON {
			var shown any = value
			if l.view != nil {
				shown = l.view(value)
			}
			if err := lines.Encode(shown); err != nil {
				return err
			}
			continue
		}
		if n == 1 {
			fmt.Fprintln(table, l.heading)
		}
		cells := slices.Clone(l.cells(value))
		for i := range cells {
			cells[i] = oneLine(cells[i])
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if n == 0 && !asJSON {
		fmt.Fprintln(table, l.none)
	}
	return table.Flush()
}

// each yields the values of a list that was read whole.
func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, value := range list {
			if !yield(value, nil) {
				return
			}
		}
	}
}

// firstOf yields the first n values of a list, or all of them if n is 0. hasMore says then
// whether there are more.
func firstOf[T any](list iter.Seq2[T, error], n int) (first iter.Seq2[T, error], hasMore *bool) {
	hasMore = new(bool)
	return func(yield func(T, error) bool) {
		i := 0
		for value, err := range list {
			if i++; n > 0 && i > n && err == nil {
				*hasMore = true
				return
			}
			if !yield(value, err) {
				return
			}
		}
	}, hasMore
}

// oneLine returns text for a line of a terminal, without anything that the terminal would obey.
func oneLine(text string) string { return strings.Join(strings.Fields(words.Printable(text)), " ") }
