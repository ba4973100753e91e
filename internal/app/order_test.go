package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the order of the packages: each entry lists what of Frontdesk a
// package and those below it may import. docs/architecture.md explains it.
var mayImport = []struct {
	pkg  string
	only []string
}{
	{"fault", nil},
	{"config", nil},
	{"media", nil},
	{"tools", []string{"fault"}},
	{"internal/learn/endpoint", []string{"eval", "dialog", "dialog/internal", "dialog/pocketsphinx", "media", "tools", "fault"}},
	{"dialog/internal", []string{"media", "fault"}},
	{"dialog/", []string{"dialog", "dialog/internal", "media", "tools", "fault"}}, // vendors
	{"dialog", []string{"dialog/internal", "media", "tools", "fault"}},
	{"agentfile", []string{"dialog", "tools", "fault"}},
	{"session/", []string{"session", "dialog", "fault"}},
	{"session", []string{"dialog", "media", "tools", "fault"}},
	{"archive", []string{"session", "dialog", "fault"}},
	{"signaling/sip", []string{"session", "dialog", "media", "fault"}},
	{"signaling/twilio", []string{"session", "dialog", "media", "fault"}},
	{"signaling/webrtc", []string{"media", "fault"}},
	{"signaling/realtime", []string{"signaling/webrtc", "session", "dialog", "media", "tools", "fault"}},
	{"web", []string{"session", "dialog", "fault"}},
	{"eval", []string{"dialog", "media"}},
	{"internal/learn", []string{"eval", "dialog", "media"}},
	{"caller", []string{"dialog", "media", "fault"}},
	{"internal", []string{"media"}}, // test providers
	{"bench", nil},                  // its tests wire everything, as main does
}

func TestPackagesImportOnlyWhatTheirPlaceAllows(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			checkImports(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, path string) {
	t.Helper()
	dir := filepath.ToSlash(filepath.Dir(path))
	if dir == "." {
		return // main wires everything
	}
	allowed, known := allowedFor(dir)
	if !known {
		t.Errorf("%s: package %s has no place in the order of packages", path, dir)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		rel, ours := strings.CutPrefix(imported, "frontdesk/")
		if !ours || slices.ContainsFunc(allowed, func(a string) bool {
			return rel == a || a == "dialog/internal" && strings.HasPrefix(rel, a+"/")
		}) {
			continue
		}
		t.Errorf("%s imports %s: %s may import only %v", path, imported, dir, allowed)
	}
}

func allowedFor(dir string) ([]string, bool) {
	for _, rule := range mayImport {
		if below, ok := strings.CutSuffix(rule.pkg, "/"); ok {
			if strings.HasPrefix(dir, below+"/") {
				return rule.only, true
			}
		} else if dir == rule.pkg || strings.HasPrefix(dir, rule.pkg+"/") {
			return rule.only, true
		}
	}
	return nil, false
}
