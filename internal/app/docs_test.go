package app

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

const module = "../.."

// goSource is the text of all Go files in a folder of the module, or below it for "dir/...".
func goSource(t *testing.T, dir string) string {
	t.Helper()
	dir, below := strings.CutSuffix(dir, "/...")
	root := filepath.Join(module, dir)
	var text strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != root && (!below || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		b, err := os.ReadFile(path)
		text.Write(b)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return text.String()
}

// packageDirs are the folders of the module's packages by their last element.
func packageDirs(t *testing.T) map[string][]string {
	t.Helper()
	dirs := make(map[string][]string)
	for dir := range mayImport {
		dirs[path.Base(dir)] = append(dirs[path.Base(dir)], dir)
	}
	return dirs
}

func TestGlossaryNamesExist(t *testing.T) {
	glossary, err := os.ReadFile(filepath.Join(module, "docs/glossary.md"))
	require.NoError(t, err)
	dirs := packageDirs(t)
	for _, m := range regexp.MustCompile("`([a-z]+)\\.([A-Z][A-Za-z]*)`").FindAllStringSubmatch(string(glossary), -1) {
		declared := regexp.MustCompile(`(?m)^(?:(?:type|func|var|const) ` + m[2] + `\b|\t` + m[2] + `\b)`)
		found := false
		for _, dir := range dirs[m[1]] {
			found = found || declared.MatchString(goSource(t, dir))
		}
		if !found {
			t.Errorf("docs/glossary.md names %s.%s, which does not exist", m[1], m[2])
		}
	}
	for _, m := range regexp.MustCompile("`([a-z0-9]+(?:/[a-z0-9]+)+)`").FindAllStringSubmatch(string(glossary), -1) {
		if _, err := os.Stat(filepath.Join(module, m[1])); err != nil {
			t.Errorf("docs/glossary.md names %s, which does not exist", m[1])
		}
	}
}

func TestDocumentedGoTestCommandsRunSomething(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(module, "docs/*.md"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	flags := map[string]string{
		"Test":      `-run '?([^' ]+)`,
		"Benchmark": `-bench '?([^' ]+)`,
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile("`[^`]*(?:go test|-bench) [^`]*`").FindAllString(string(doc), -1) {
			for kind, flag := range flags {
				checkCommand(t, filepath.Base(file)+": "+m, m, kind, flag)
			}
		}
	}
}

// checkCommand fails the test unless the pattern of a flag matches a test or benchmark in
// one of the packages of a command.
func checkCommand(t *testing.T, what, command, kind, flag string) {
	t.Helper()
	pattern := regexp.MustCompile(flag).FindStringSubmatch(command)
	if pattern == nil || pattern[1] == "^$" {
		return
	}
	name, _, _ := strings.Cut(pattern[1], "/")
	want := regexp.MustCompile(name)
	for _, pkg := range regexp.MustCompile(` \./([a-z0-9/.]+)`).FindAllStringSubmatch(command, -1) {
		for _, m := range regexp.MustCompile(`func (`+kind+`\w+)\(`).FindAllStringSubmatch(goSource(t, pkg[1]), -1) {
			if want.MatchString(m[1]) {
				return
			}
		}
	}
	t.Errorf("%s matches no %s", what, kind)
}
