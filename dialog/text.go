package dialog

import (
	"context"
	"iter"
	"strings"
)

// textEar is the ear of a line's inputs: what the client types and presses.
type textEar <-chan Heard

// Listen implements Ear.
func (in textEar) Listen(ctx context.Context, heard chan<- Heard) error {
	for {
		select {
		case h, ok := <-in:
			if !ok {
				return nil
			}
			select {
			case heard <- h:
			case <-ctx.Done():
				return ctx.Err()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// textMouth says by showing: what it was given has been heard.
type textMouth struct{}

// Say implements Mouth.
func (textMouth) Say(ctx context.Context, clauses iter.Seq[string], progress func(piece string)) (string, error) {
	var heard strings.Builder
	for clause := range clauses {
		if ctx.Err() != nil {
			break
		}
		heard.WriteString(clause)
		progress(clause)
	}
	return heard.String(), nil
}
