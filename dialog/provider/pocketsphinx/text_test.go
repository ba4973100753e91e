package pocketsphinx

import (
	"strings"
	"testing"

	"frontdesk/internal/phrasebook"
)

func FuzzPronounce(f *testing.F) {
	for _, s := range []string{"It costs $45.50!", "<s> a(2) [NOISE]\tb\\data\\", "\xff é 日本 'tis o'", "T-1042 9–5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range phrasebook.Split(text) {
			for _, w := range s {
				if p := pronounce(w, dictionary{"a": {"AH"}}); strings.TrimSpace(p) == "" {
					t.Fatalf("%q has no pronunciation", w)
				}
			}
		}
	})
}

func TestTranscriptsAreCapitalized(t *testing.T) {
	for in, want := range map[string]string{
		"where is my order four seven three": "Where is my order four seven three",
		"i think i'm late":                   "I think I'm late",
		"the number is t one zero":           "The number is T one zero",
		"it's m a r y":                       "It's M A R Y",
		"a lamp and a table":                 "A lamp and a table",
		"":                                   "",
	} {
		if got := format(strings.Fields(in)); got != want {
			t.Errorf("format(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUnknownWordsGetAPronunciation(t *testing.T) {
	known := dictionary{"will": {"W IH L"}, "willow": {"W IH L OW"}, "lane": {"L EY N"}, "toast": {"T OW S T"}, "x": {"EH K S"}, "q": {"K Y UW"}}
	for word, want := range map[string]string{
		"willowlane": "W IH L OW L EY N",
		"toasts":     "T OW S T Z",
		"xq":         "EH K S K Y UW",
		"blick":      "B L IH K",
		"phine":      "F IH N",
		"x'q":        "EH K S K Y UW",
	} {
		if got := pronounce(word, known); got != want {
			t.Errorf("pronounce(%q) = %q, want %q", word, got, want)
		}
	}
}
