package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayUse lists the files that may use a function which goes around the effect gate or around
// the check of what a model writes.
var mayUse = map[string][]string{
	// An operator's program calls a tool: the note that a person took a call, and the MCP
	// server, whose clients have a server key.
	"DoAsOperator":   {"dialog/conversation/handover.go", "tools/mcp/offer.go"},
	"PermitOperator": {"tools/registry.go"},
	// The steps of a tool chain, which the gate has permitted as one call.
	"PermitStep": {"tools/chain/run.go"},
	// Text that is not a model's: fixed sentences and the questions for consent.
	"writeText": {"dialog/conversation/reply.go", "dialog/conversation/stream.go", "dialog/conversation/escalation.go"},
	// Text that was checked.
	"write": {"dialog/conversation/reply.go", "dialog/conversation/grounded.go"},
}

func TestEffectsAndTextGoThroughTheirChecks(t *testing.T) {
	used := make(map[string]bool)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return filepath.SkipDir
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			function := s.Sel.Name
			files, isGuarded := mayUse[function]
			if strings.HasPrefix(function, "write") && !strings.HasPrefix(name, "dialog/conversation/") {
				isGuarded = false
			}
			if isGuarded && !slices.Contains(files, name) {
				t.Errorf("%s uses %s: only %s may", name, function, strings.Join(files, ", "))
			}
			used[function+" "+name] = true
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for function, files := range mayUse {
		for _, file := range files {
			if !used[function+" "+file] {
				t.Errorf("%s does not use %s any more: remove it from mayUse", file, function)
			}
		}
	}
}
