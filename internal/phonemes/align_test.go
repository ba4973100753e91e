//go:build unix

package phonemes

import (
	"slices"
	"strings"
	"testing"
)

func TestWordsAreFoundInMeltedPhonemes(t *testing.T) {
	for name, c := range map[string]struct {
		said  string
		words []string
		want  []int
	}{
		"the same":             {"nuːlæmp", []string{"nuː", "læmp"}, []int{3, 7}},
		"melted and reduced":   {"əpɑːɹɾəvðəɪt", []string{"eɪ", "pɑːɹt", "ʌv", "ðə", "ɪt"}, []int{1, 6, 8, 10, 12}},
		"a sound in between":   {"fɑːɹəweɪ", []string{"fɑː", "əweɪ"}, []int{3, 8}},
		"a word without sound": {"nuːlæmp", []string{"nuː", "", "læmp", ""}, []int{3, 3, 7, 7}},
		"a word not said":      {"nuː", []string{"nuː", "lɪ"}, []int{3, 3}},
		"nothing said":         {"", []string{"nuː"}, []int{0}},
		"no words":             {"nuː", nil, []int{}},
		"only silent words":    {"nuː", []string{""}, []int{0}},
	} {
		var words [][]rune
		for _, w := range c.words {
			words = append(words, []rune(w))
		}
		if got := Align([]rune(c.said), words); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if Align(make([]rune, maxCells), [][]rune{make([]rune, 2)}) != nil {
		t.Error("a table of any size is allocated")
	}
}

func FuzzAlign(f *testing.F) {
	f.Add("əpɑːɹɾəvðə", "eɪ pɑːɹt ʌv ðə")
	f.Add("", " ")
	f.Fuzz(func(t *testing.T, said, text string) {
		var words [][]rune
		for _, w := range strings.Split(text, " ") {
			words = append(words, []rune(w))
		}
		ends := Align([]rune(said), words)
		if ends != nil && (len(ends) != len(words) || !slices.IsSorted(ends) || ends[0] < 0 || ends[len(ends)-1] > len([]rune(said))) {
			t.Errorf("%q in %q: %v", text, said, ends)
		}
	})
}

func TestWordsAreRemembered(t *testing.T) {
	p := open(t, "en-us")
	first, err := p.Word(t.Context(), "lamp")
	if err != nil || first == "" {
		t.Fatalf("got %q, %v", first, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := p.Word(t.Context(), "lamp"); err != nil || again != first {
		t.Errorf("got %q, %v, want %q without the program", again, err, first)
	}
	if _, err := p.Word(t.Context(), "desk"); err == nil {
		t.Error("a closed phonemizer translates a new word")
	}
}
