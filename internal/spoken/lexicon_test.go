package spoken

import (
	"slices"
	"strings"
	"testing"
)

func lexicon(t testing.TB, words map[string]string) *Lexicon {
	t.Helper()
	l, err := NewLexicon(words)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWordsAreRespelled(t *testing.T) {
	l := lexicon(t, map[string]string{"Frontdesk": "front desk", "Nguyen": "/ˈwɪn/", "SQL": "sequel", "SQL Server": "sequel server", "Łódź": "woodge"})
	for text, want := range map[string]string{
		"frontdesk, FRONTDESK's":        "front desk, front desk's",
		"Frontdesks and MySQL":          "Frontdesks and MySQL", // whole words only
		"SQL Server or SQL":             "sequel server or sequel",
		"Ask Nguyen in Łódź for $5":     "Ask Nguyen in woodge for 5 dollars",
		"private \uE000 use \U0010FFFD": "private use",
	} {
		if got := l.Form(text, "en"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	var none *Lexicon
	if got := none.Form("Frontdesk", "en"); got != "Frontdesk" {
		t.Errorf("without a lexicon: got %q", got)
	}
}

func TestWordsBecomeIPA(t *testing.T) {
	l := lexicon(t, map[string]string{"Nguyen": "/ˈwɪn/", "Cholmondeley": "/ˈtʃʌmli/", "desk": "table"})
	for text, want := range map[string][]Part{
		"Call Nguyen, the desk": {{Text: "Call "}, {IPA: "ˈwɪn"}, {Text: ", the table"}},
		"Nguyen":                {{IPA: "ˈwɪn"}},
		"Cholmondeley nguyen":   {{IPA: "ˈtʃʌmli"}, {Text: " "}, {IPA: "ˈwɪn"}},
		"\uE000 none":           {{Text: "none"}},
		"":                      nil,
	} {
		if got := l.Parts(text, "en"); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestWrongEntriesAreRefused(t *testing.T) {
	for word, said := range map[string]string{
		"": "x", "...": "x", " a": "x", "a": "", "b": "/", "c": "//", "d": "/a", "e": "/a/b/", "f": "x\ny", "g": strings.Repeat("x", maxEntry+1), "\xff": "x",
	} {
		if _, err := NewLexicon(map[string]string{word: said}); err == nil {
			t.Errorf("%q: %q: no error", word, said)
		}
	}
}

func FuzzLexicon(f *testing.F) {
	f.Add("Nguyen", "/ˈwɪn/", "Call Nguyen, please \uE000")
	f.Add("ß", "sz", "SS ß ẞ")
	f.Fuzz(func(t *testing.T, word, said, text string) {
		l, err := NewLexicon(map[string]string{word: said})
		if err != nil {
			return
		}
		l.Form(text, "en")
		for _, p := range l.Parts(text, "de") {
			if (p.Text == "") == (p.IPA == "") {
				t.Errorf("Parts(%q) has the part %q", text, p)
			}
		}
	})
}
