package retrieval

import (
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

func TestParseLabelsQuestions(t *testing.T) {
	got, err := Parse("own.yaml", []byte(`
questions:
  - answers: ["a.md#One", "b.md"]
    plain: ["How?"]
    typed: ["hwo"]
  - parts: [["a.md#One"], ["c.md#Two"]]
    spoken: ["how and um where"]
    group: together
  - near miss: ["When?"]
`))
	require.NoError(t, err)
	want := []Question{
		{"How?", Plain, [][]string{{"a.md#One", "b.md"}}, "a.md#One"},
		{"hwo", Typed, [][]string{{"a.md#One", "b.md"}}, "a.md#One"},
		{"how and um where", MultiPart, [][]string{{"a.md#One"}, {"c.md#Two"}}, "together"},
		{"When?", NearMiss, nil, "When?"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d questions, want %d", len(got), len(want))
	}
	for i, q := range got {
		w := want[i]
		if q.Text != w.Text || q.Kind != w.Kind || q.Group != w.Group || !slices.EqualFunc(q.Parts, w.Parts, slices.Equal) {
			t.Errorf("got %+v, want %+v", q, w)
		}
	}
	if got[0].Half() != got[1].Half() {
		t.Error("questions to the same section are in different halves")
	}
}

func TestMistakesInASetNameTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"questions:\n- plain: [How?]":                                            "own.yaml:2:8: the entry has no answers",
		"questions:\n- answers: [a.md]\n- answers: [b.md]\n  plain: [x]":         "own.yaml:2:10: the entry has no question",
		"questions:\n- answers: [a.md]\n  near miss: [How?]":                     "an entry of their own",
		"questions:\n- answers: ['#One']\n  plain: [How?]":                       "names no file",
		"questions:\n- answers: [a.md]\n  plain: ['']":                           "empty",
		"questions:\n- parts: [[a.md], []]\n  plain: [How?]":                     "a part has no answers",
		"questions:\n- answers: [a.md]\n  parts: [[b.md], [c.md]]\n  plain: [x]": "exclude each other",
		"questions:\n- answers: [a.md]\n  spokn: [How?]":                         "spokn",
		"": "no questions",
		"questions:\n- &a {answers: [x], plain: [y]}\n- *a\n- *a\n- *a\n- *a\n": "own.yaml",
	} {
		if _, err := Parse("own.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("questions:\n- answers: [a.md#B]\n  plain: [x]\n- near miss: [y]\n- parts: [[a], [b]]\n  typed: [z]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Parse("own.yaml", text)
		if err == nil && len(list) == 0 {
			t.Error("a set without questions is valid")
		}
		for _, q := range list {
			if q.Text == "" || q.Group == "" || q.IsAnswerable() == (q.Kind == NearMiss || q.Kind == OffTopic) {
				t.Errorf("got %+v", q)
			}
		}
	})
}
