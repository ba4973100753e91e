package knowledge

import (
	"context"

	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// Tool returns the tool with which a model searches k. Its note names a source only if the
// first passage is sure enough to be the answer.
func Tool(k *Base) tools.Tool {
	type arguments struct {
		Query string `json:"query" jsonschema:"what the caller wants to know, in a few words"`
	}
	return tools.Func("search_knowledge",
		"Search the knowledge base for facts about the company, its products and its rules. "+
			"Use it before answering any question of fact, and answer only from what it finds.",
		gate.Rule{}, func(ctx context.Context, _ string, args arguments) (any, []tools.Note, error) {
			found, err := k.Search(ctx, args.Query, 4)
			if err != nil {
				return nil, nil, err
			}
			switch {
			case len(found) == 0:
				return map[string]any{"passages": []Passage{}, "message": "The knowledge base has nothing about this."}, nil, nil
			case !found[0].IsAnswer:
				return map[string]any{"passages": found, "message": "It is uncertain whether a passage answers the question. " +
					"Unless one states the answer, say that the knowledge base has nothing about this."}, nil, nil
			}
			best := found[0]
			note := tools.Note{Kind: "source", ID: best.File, Title: best.Source(), Text: best.Text}
			return map[string]any{"passages": found}, []tools.Note{note}, nil
		})
}
