package retrieval

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed sets bases
var files embed.FS

// BuiltIn is a built-in set of questions and the pages they are about.
type BuiltIn struct {
	Name      string
	Language  string // of pages and questions
	Questions []Question

	pages func() (map[string]string, error) // by file; nil: those of the demo agent
}

// builtIns are the names, languages and pages of the built-in sets.
var builtIns = []BuiltIn{
	{Name: "demo", Language: "en"},
	{Name: "utility", Language: "en", pages: archive("utility.txt")},
	{Name: "factory", Language: "en", pages: factoryPages},
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

// HasPages reports whether the set has pages of its own. The demo set is about the pages of
// the demo agent.
func (b *BuiltIn) HasPages() bool { return b.pages != nil }

// WritePages writes the pages of the set below dir.
func (b *BuiltIn) WritePages(dir string) error {
	pages, err := b.pages()
	if err != nil {
		return err
	}
	for name, text := range pages {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("write pages: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write pages: %w", err)
		}
	}
	return nil
}

// archive returns the pages in a file of bases. A line "=== NAME" begins a page.
func archive(name string) func() (map[string]string, error) {
	return func() (map[string]string, error) {
		text, err := files.ReadFile("bases/" + name)
		if err != nil {
			return nil, err
		}
		pages := make(map[string]string)
		for page := range strings.SplitSeq("\n"+string(text), "\n=== ") {
			file, body, _ := strings.Cut(page, "\n")
			if strings.TrimSpace(file) != "" {
				pages[file] = body
			}
		}
		return pages, nil
	}
}
