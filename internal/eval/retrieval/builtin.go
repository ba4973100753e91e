package retrieval

import (
	"embed"
)

//go:embed sets
var files embed.FS

// BuiltIn is a built-in set of questions about the pages of the agent of the same name.
type BuiltIn struct {
	Name      string
	Language  string // of pages and questions
	Questions []Question
}

// builtIns are the names and languages of the built-in sets.
var builtIns = []BuiltIn{
	{Name: "demo", Language: "en"},
}

// BuiltIns returns the built-in sets.
func BuiltIns() ([]BuiltIn, error) {
	var all []BuiltIn
	for _, b := range builtIns {
		text, err := files.ReadFile("sets/" + b.Name + ".yaml")
		if err != nil {
			return nil, err
		}
		if b.Questions, err = Parse(b.Name+".yaml", text); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
