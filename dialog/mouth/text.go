package mouth

import (
	"context"
	"iter"
	"strings"
)

// textMouth says by showing: what it was given has been heard.
type Text struct{}

// Say implements Mouth.
func (Text) Say(ctx context.Context, clauses iter.Seq[string], progress func(piece string)) (string, error) {
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
