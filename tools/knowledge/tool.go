package knowledge

import (
	"context"

	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// Tool returns the tool with which a model searches k.
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
			if len(found) == 0 {
				return map[string]any{"passages": []Passage{}, "message": "The knowledge base has nothing about this."}, nil, nil
			}
			best := found[0]
			note := tools.Note{Kind: "source", ID: best.File, Title: best.Source(), Text: best.Text}
			return map[string]any{"passages": found}, []tools.Note{note}, nil
		})
}
