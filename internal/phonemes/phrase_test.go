package phonemes

import (
	"slices"
	"testing"
)

func TestPhrasesEndAtPauses(t *testing.T) {
	for text, want := range map[string][]string{
		"Hello there, my friend. How are you?": {"Hello there,|,", " my friend.|.", " How are you?|?"},
		"At 3.5 volts":                         {"At 3.5 volts|"},
		"Really?! Yes":                         {"Really?!|!", " Yes|"},
		"":                                     nil,
		"はい。どうも":                               {"はい。|.", "どうも|"},
		"no,\u00a0yes":                         {"no,|,", "\u00a0yes|"},
	} {
		var got []string
		for rest := text; rest != ""; {
			n, mark := CutPhrase(rest)
			got, rest = append(got, rest[:n]+"|"+mark), rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzCutPhrase(f *testing.F) {
	for _, s := range []string{"a, b. c", "。", "\xff, \xff", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, _ := CutPhrase(text); text != "" && (n < 1 || n > len(text)) {
			t.Errorf("CutPhrase(%q) = %d", text, n)
		}
	})
}
