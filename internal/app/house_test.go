package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The house rules of CONTRIBUTING.md.
const (
	maxFunctionLines = 60
	maxTestLines     = 90 // tests hold tables of cases
	maxStructFields  = 20
	maxFileLines     = 500
)

// exceptions are the places that may break a limit, with the reason.
var exceptions = map[string]string{
	"dialog/provider/clerk phrases": "data: one field for each sentence that the clerk says",
	"internal/agentfile document":   "data: one field for each key of agent.yaml",
	"internal/config Config":        "data: one field for each section of the configuration",
}

// banned are texts that may not occur in Go files, with the reason.
var banned = map[string]string{
	`(?i)\b(doorman|turnstile|murmur)s?\b`: "a metaphor: use the field's term (docs/glossary.md)",
	`(?i)\bback-channels?\b`:               "write backchannel (docs/glossary.md)",
	`\b(TODO|FIXME)\b`:                     "open ends belong in the README's limits",
	`// *[-=]{5}`:                          "no banners",
}

func TestHouseRules(t *testing.T) {
	hasDoc := make(map[string]bool)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, source, parser.ParseComments)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		dir := filepath.ToSlash(filepath.Dir(name))
		hasDoc[dir] = hasDoc[dir] || file.Doc != nil
		checkText(t, name, string(source))
		checkSizes(t, dir, strings.HasSuffix(name, "_test.go"), files, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, ok := range hasDoc {
		if !ok {
			t.Errorf("package %s has no doc comment", dir)
		}
	}
}

// noForNot finds the form "what is no X", which should be "what is not an X".
var noForNot = regexp.MustCompile(`//.*?(\w+) (is|are) no (\w+)`)

func checkText(t *testing.T, name, source string) {
	t.Helper()
	if n := strings.Count(source, "\n"); n > maxFileLines {
		t.Errorf("%s has %d lines, at most %d are allowed", name, n, maxFileLines)
	}
	if strings.HasSuffix(name, "house_test.go") {
		return // it contains what is banned
	}
	for _, at := range noForNot.FindAllStringSubmatchIndex(source, -1) {
		before, verb, after := source[at[2]:at[3]], source[at[4]:at[5]], source[at[6]:at[7]]
		if !strings.EqualFold(before, "there") && after != "longer" && after != "more" && after != "limit" {
			t.Errorf(`%s:%d: "%s %s no %s": write "%[4]s not"`, name, 1+strings.Count(source[:at[4]], "\n"), before, verb, after)
		}
	}
	for pattern, why := range banned {
		if at := regexp.MustCompile(pattern).FindStringIndex(source); at != nil {
			t.Errorf("%s:%d: %q: %s", name, 1+strings.Count(source[:at[0]], "\n"), source[at[0]:at[1]], why)
		}
	}
}

func checkSizes(t *testing.T, dir string, isTest bool, files *token.FileSet, file *ast.File) {
	t.Helper()
	check := func(n ast.Node, name, what string, got, limit int) {
		if _, ok := exceptions[dir+" "+name]; !ok && got > limit {
			t.Errorf("%s: %s has %d %s, at most %d are allowed", files.Position(n.Pos()), name, got, what, limit)
		}
	}
	maxLines := maxFunctionLines
	if isTest {
		maxLines = maxTestLines
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			lines := files.Position(n.End()).Line - files.Position(n.Pos()).Line + 1
			check(n, n.Name.Name, "lines", lines, maxLines)
		case *ast.TypeSpec:
			if s, ok := n.Type.(*ast.StructType); ok {
				check(n, n.Name.Name, "fields", fields(s), maxStructFields)
			}
		}
		return true
	})
}

// fields counts the fields of a struct, where "a, b int" are two.
func fields(s *ast.StructType) (n int) {
	for _, f := range s.Fields.List {
		n += max(1, len(f.Names))
	}
	return n
}
