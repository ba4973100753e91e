package yamlfile

import (
	"strings"
	"testing"
	"time"
)

type settings struct {
	Listen string     `yaml:"listen"`
	Models []provider `yaml:"models"`
	Common `yaml:",inline"`
	Limits struct {
		Calls int           `yaml:"calls"`
		Drain time.Duration `yaml:"drain"`
	} `yaml:"limits"`
}

// Common stands for the keys of the top level that are grouped in Go.
type Common struct {
	Secret string `yaml:"secret"`
}

type provider struct {
	URL string `yaml:"url"`
}

func decode(text string) (settings, error) {
	var s settings
	d, err := Parse("f.yaml", []byte(text))
	if err == nil {
		err = d.Decode(&s)
	}
	return s, err
}

func TestErrorsNamePlaceAndRemedy(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"key":             {"listen: x\nlisten2: y\n", `f.yaml:2:1: unknown key "listen2", did you mean "listen"?`},
		"key of a group":  {"secert: y\n", `f.yaml:1:1: unknown key "secert", did you mean "secret"?`},
		"key in section":  {"limits:\n  clals: 1\n", `f.yaml:2:3: unknown key "clals", did you mean "calls"?`},
		"key in list":     {"models:\n- {url: x}\n- {uri: x}\n", `f.yaml:3:4: unknown key "uri", did you mean "url"?`},
		"unlike any key":  {"greeting: hello\n", `f.yaml:1:1: unknown key "greeting"`},
		"type":            {"limits: {calls: many}\n", "f.yaml:1:17: expected a number, got text"},
		"no unit":         {"limits: {drain: 10}\n", "f.yaml:1:17: expected a duration such as 30s, got a number"},
		"no duration":     {"listen: x\nlimits: {drain: soon}\n", `f.yaml:2:17: invalid duration "soon" (want one such as 30s or 5m)`},
		"second document": {"listen: x\n---\nlisten: y\n", "f.yaml:3:"},
		"not YAML":        {"listen: [\n", "f.yaml:1:"},
		"key twice":       {"listen: x\nlisten: y\n", "f.yaml:2:1: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decode(test.text); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestPlacesFindTheNearestKey(t *testing.T) {
	d, err := Parse("f.yaml", []byte("listen: x\nmodels:\n- {url: x}\n- url: y\n"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"listen": "f.yaml:1:1", "models": "f.yaml:2:1", "models[0]": "f.yaml:3:3", "models[0].url": "f.yaml:3:4",
		"models[1].url": "f.yaml:4:3", "models[1].key": "f.yaml:4:", "models[7].url": "f.yaml:2:1", "limits.calls": "",
	} {
		if got := d.Places.Nearest(key); got != want && !(strings.HasSuffix(want, ":") && strings.HasPrefix(got, want)) {
			t.Errorf("%s stands at %q, want %q", key, got, want)
		}
	}
}

func TestEmptyDocumentKeepsDefaults(t *testing.T) {
	for _, text := range []string{"", "# soon\n", "---\n"} {
		s := settings{Listen: "default"}
		d, err := Parse("f.yaml", []byte(text))
		if err != nil || !d.IsEmpty() || d.Decode(&s) != nil || d.RefuseExpansion() != nil || s.Listen != "default" {
			t.Errorf("%q: %v, %+v", text, err, s)
		}
	}
}

func TestExpansionIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"listen: &x y\nsecret: *x\n":                                     "f.yaml:1:9: anchors and aliases",
		"listen: " + strings.Repeat("[", 100) + strings.Repeat("]", 100): "nested too deeply",
	} {
		d, err := Parse("f.yaml", []byte(text))
		if err == nil {
			err = d.RefuseExpansion()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"listen: x\nmodels: [{url: y}]\n", "a: &x [*x]", "{", "? [a]\n: b", "name: !!binary x", "<<: {name: x}", "\t", "%TAG"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := decode(text); err != nil && !strings.HasPrefix(err.Error(), "f.yaml:") {
			t.Errorf("error %q does not name the file", err)
		}
	})
}
