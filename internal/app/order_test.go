package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport lists, for each package, which packages of Frontdesk it may import. A name
// that ends in "/..." stands for a package and all packages below it.
// docs/architecture.md explains the order.
var mayImport = map[string][]string{
	".":                            {"internal/app"},
	"internal/fault":               {},
	"internal/config":              {"internal/suggest", "internal/yamlfile"},
	"internal/suggest":             {"internal/words"},
	"internal/yamlfile":            {"internal/suggest"},
	"internal/words":               {},
	"internal/phone":               {},
	"internal/redact":              {},
	"internal/spoken":              {"internal/words"},
	"internal/phonemes":            {"internal/fault"},
	"internal/fft":                 {},
	"internal/hours":               {"internal/words"},
	"internal/jsonpointer":         {"internal/words"},
	"internal/cputime":             {},
	"internal/ngram":               {},
	"internal/phrasebook":          {"internal/spoken"},
	"internal/onnx":                {"internal/fault"},
	"internal/models":              {"internal/fault", "internal/models/quantize", "internal/onnx"},
	"internal/models/quantize":     {},
	"internal/db":                  {"internal/fault"},
	"internal/embedding":           {"internal/fault", "internal/onnx", "internal/words"},
	"media":                        {"internal/fft"},
	"tools/gate":                   {"internal/fault", "internal/words"},
	"tools":                        {"tools/gate", "internal/db", "internal/fault", "internal/hours", "internal/phone", "internal/redact", "internal/words"},
	"tools/knowledge":              {"tools", "tools/gate", "internal/fault", "internal/words"},
	"tools/knowledge/lint":         {"tools/knowledge", "internal/words"},
	"tools/knowledge/documents":    {"tools/knowledge", "internal/fault", "internal/words"},
	"tools/outbox":                 {"internal/db", "internal/fault", "internal/words"},
	"tools/notify":                 {"tools/outbox", "tools/httptool", "internal/fault", "internal/words"},
	"tools/callback":               {"tools", "tools/workflow", "internal/fault", "internal/hours", "internal/words"},
	"tools/workflow":               {"internal/db", "internal/fault"},
	"tools/mcp":                    {"tools", "tools/gate", "internal/fault", "internal/words"},
	"tools/httptool":               {"tools", "tools/gate", "internal/fault", "internal/jsonpointer", "internal/words"},
	"tools/chain":                  {"tools", "tools/gate", "tools/workflow", "internal/fault", "internal/jsonpointer", "internal/words"},
	"dialog":                       {"media", "tools", "internal/fault", "internal/hours"},
	"dialog/internal/replay":       {},
	"dialog/ear/endpoint":          {"media", "internal/words"},
	"dialog/ear":                   {"dialog", "dialog/ear/endpoint", "media", "internal/fault"},
	"dialog/mouth":                 {"dialog", "dialog/internal/replay", "media", "internal/fault", "internal/spoken", "internal/words"},
	"dialog/grounding":             {"tools", "tools/gate", "internal/words"},
	"dialog/understanding":         {"dialog", "tools", "internal/fault", "internal/words"},
	"dialog/conversation":          {"dialog", "dialog/grounding", "dialog/understanding", "dialog/ear", "dialog/mouth", "dialog/internal/replay", "media", "tools", "tools/gate", "internal/fault", "internal/words"},
	"dialog/amd":                   {"dialog", "media", "internal/fft"},
	"dialog/provider/clerk":        {"dialog", "tools", "tools/gate", "internal/fault", "internal/hours", "internal/words", "internal/phone"},
	"dialog/provider/espeak":       {"dialog", "dialog/provider/process", "media", "internal/fault", "internal/spoken"},
	"dialog/provider/flite":        {"dialog", "dialog/provider/process", "media", "internal/fault", "internal/spoken"},
	"dialog/provider/moonshine":    {"dialog", "media", "internal/cputime", "internal/fault", "internal/ngram", "internal/onnx", "internal/phrasebook", "internal/words"},
	"dialog/provider/openai":       {"dialog", "media", "tools", "internal/fault", "internal/words"},
	"dialog/provider/pocketsphinx": {"dialog", "media", "internal/fault", "internal/ngram", "internal/phrasebook", "internal/words"},
	"dialog/provider/loudness":     {"media"},
	"dialog/provider/workers":      {"internal/fault"},
	"dialog/provider/kokoro":       {"dialog", "dialog/provider/loudness", "dialog/provider/workers", "media", "internal/cputime", "internal/fault", "internal/onnx", "internal/phonemes", "internal/spoken", "internal/words"},
	"dialog/provider/piper":        {"dialog", "dialog/provider/loudness", "dialog/provider/workers", "media", "internal/fault", "internal/onnx", "internal/phonemes", "internal/spoken", "internal/words"},
	"dialog/provider/process":      {"dialog", "dialog/provider/loudness", "media", "internal/fault", "internal/spoken"},
	"dialog/provider/processtest":  {"dialog", "dialog/provider/process", "internal/fault", "internal/require"},
	"dialog/provider/silero":       {"dialog", "media", "internal/fault", "internal/onnx"},
	"session":                      {"dialog", "dialog/amd", "dialog/conversation", "dialog/mouth", "dialog/understanding", "media", "tools", "tools/gate", "internal/fault", "internal/phone", "internal/words"},
	"session/sqlite":               {"session", "dialog", "internal/db", "internal/fault"},
	"session/valkey":               {"session", "dialog", "internal/fault"},
	"session/storetest":            {"session", "dialog", "tools/gate", "internal/fault", "internal/require"},
	"signaling/webrtc":             {"media", "internal/fault"},
	"signaling/realtime":           {"signaling/webrtc", "session", "dialog", "media", "tools", "tools/gate", "internal/fault"},
	"signaling/sip":                {"signaling/sip/rtp", "signaling/sip/dialplan", "session", "dialog", "media", "internal/fault", "internal/phone"},
	"signaling/sip/rtp":            {"media", "internal/fault"},
	"signaling/sip/dialplan":       {"internal/fault", "internal/phone"},
	"signaling/twilio":             {"session", "dialog", "media", "internal/fault"},
	"web":                          {"session", "dialog", "internal/fault"},
	"internal/agentfile":           {"dialog", "tools", "tools/gate", "tools/httptool", "tools/chain", "tools/workflow", "internal/fault", "internal/hours", "internal/spoken", "internal/yamlfile"},
	"internal/archive":             {"session", "dialog", "dialog/conversation", "dialog/understanding", "tools/workflow", "internal/fault", "internal/redact"},
	"internal/caller":              {"dialog", "dialog/mouth", "media", "internal/fault"},
	"internal/eval":                {"dialog", "dialog/conversation", "dialog/ear", "media", "tools", "internal/fault", "internal/words", "internal/yamlfile"},
	"internal/eval/asterisk":       {"internal/eval", "media"},
	"internal/eval/retrieval":      {"internal/yamlfile"},
	"internal/learn/endpoint":      {"dialog", "dialog/ear", "dialog/ear/endpoint", "dialog/provider/moonshine", "dialog/provider/pocketsphinx", "dialog/provider/silero", "internal/eval", "internal/learn", "internal/models", "internal/ngram", "internal/onnx", "internal/phrasebook", "media", "tools/knowledge"},
	"internal/learn/vad":           {"dialog", "internal/eval", "internal/learn", "media"},
	"internal/learn/knowledge":     {"internal/embedding", "internal/eval/retrieval", "internal/learn", "internal/models", "internal/onnx", "tools/knowledge"},
	"internal/learn":               {"internal/eval", "media"},
	"internal/fakeai":              {"media"},
	"internal/testserver":          {},
	"internal/valkeytest":          {"internal/require", "internal/testserver"},
	"internal/postgrestest":        {"internal/require", "internal/testserver"},
	"internal/desktest":            {"dialog", "media", "session", "session/sqlite", "internal/audiotest", "internal/db", "internal/fault", "internal/require"},
	"internal/audiotest":           {},
	"internal/modelstest":          {"internal/models", "internal/require"},
	"internal/require":             {},
	"internal/bench":               {},
	"internal/app":                 {"..."},
	"e2e":                          {},
}

// testMayImport lists what the tests of a package may import in addition: test kits, and
// packages that a test assembles.
var testMayImport = map[string][]string{
	"*":                            {"internal/require", "internal/fakeai", "internal/valkeytest", "internal/postgrestest", "internal/desktest", "internal/audiotest", "internal/modelstest", "session/storetest", "dialog/provider/processtest"},
	"tools":                        {"internal/db"},
	"tools/notify":                 {"internal/db"},
	"tools/callback":               {"internal/db"},
	"tools/chain":                  {"tools/httptool"},
	"dialog":                       {"dialog/conversation"},
	"dialog/conversation":          {"internal/db", "internal/hours", "tools/knowledge"},
	"dialog/provider/clerk":        {"dialog/conversation", "internal/agentfile", "media", "tools/gate", "tools/knowledge"},
	"dialog/provider/moonshine":    {"internal/eval", "tools", "tools/knowledge"},
	"dialog/provider/openai":       {"dialog/conversation", "dialog/understanding"},
	"dialog/provider/piper":        {"dialog/provider/espeak", "dialog/provider/flite", "dialog/provider/moonshine", "internal/eval"},
	"dialog/provider/pocketsphinx": {"internal/eval", "tools"},
	"internal/eval/retrieval":      {"tools/knowledge"},
	"session":                      {"session/sqlite", "session/valkey", "internal/db"},
	"web":                          {"tools"},
	"session/sqlite":               {"tools/gate"},
	"session/valkey":               {"tools/gate"},
	"signaling/...":                {"session/sqlite", "tools", "internal/db"},
	"internal/archive":             {"session/sqlite", "session/valkey", "internal/db"},
	"internal/models/quantize":     {"internal/onnx"},
	"internal/caller":              {"signaling/realtime", "signaling/webrtc", "session", "session/sqlite", "web", "internal/db", "dialog/provider/openai", "tools"},
	"internal/bench":               {"..."},
	"e2e":                          {"..."},
}

func TestPackagesImportOnlyWhatTheirPlaceAllows(t *testing.T) {
	seen := make(map[string]bool)
	err := fs.WalkDir(os.DirFS("../.."), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && file != ".") {
			return fs.SkipDir
		}
		if strings.HasSuffix(file, ".go") {
			seen[path.Dir(file)] = true
			checkImports(t, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range maps.Keys(mayImport) {
		if !seen[pkg] {
			t.Errorf("mayImport lists package %s, which does not exist: remove it", pkg)
		}
	}
}

func checkImports(t *testing.T, file string) {
	t.Helper()
	pkg := path.Dir(file)
	allowed, listed := mayImport[pkg]
	if !listed {
		t.Errorf("package %s is not in mayImport: add it, and to docs/architecture.md", pkg)
		return
	}
	if strings.HasSuffix(file, "_test.go") {
		for of, more := range testMayImport {
			if of == "*" || matches(of, pkg) {
				allowed = slices.Concat(allowed, more, []string{pkg})
			}
		}
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), "../../"+file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		rel, isOurs := strings.CutPrefix(imported, "frontdesk/")
		if isOurs && !slices.ContainsFunc(allowed, func(a string) bool { return matches(a, rel) }) {
			t.Errorf("%s imports %s, but package %s may import only %v", file, imported, pkg, allowed)
		}
	}
}

// matches reports whether pattern, which may end in "...", names pkg.
func matches(pattern, pkg string) bool {
	below, isTree := strings.CutSuffix(pattern, "...")
	below = strings.TrimSuffix(below, "/")
	return pkg == pattern || isTree && (below == "" || pkg == below || strings.HasPrefix(pkg, below+"/"))
}
