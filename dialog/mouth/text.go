package mouth

import (
	"context"
	"iter"
	"strings"
)

// Text is the Mouth of a line without audio: the caller reads each clause as soon as it is
// written.
type Text struct{}

// Say implements dialog.Mouth.
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
