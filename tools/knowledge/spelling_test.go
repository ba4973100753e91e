package knowledge

import (
	"testing"
)

func TestMisspelledWordsFindTheirPages(t *testing.T) {
	k := openKnowledge(t, writeFiles(t, map[string]string{
		"a.md": "# Password\n\nReset your password on the sign-in page.",
		"b.md": "# Saturday\n\nOn Saturday the stores open at noon.",
		"c.md": "# Membership\n\nMembers get cards.",
	}))
	for query, want := range map[string]string{
		"pasword":               "a.md",
		"passwrod":              "a.md",
		"do u open on saterday": "b.md",
		"membershps":            "c.md",
		"membrshipp":            "c.md",
	} {
		found := search(t, k, query, 1)
		if len(found) != 1 || found[0].File != want {
			t.Errorf("Search(%q) = %+v, want %s", query, found, want)
			continue
		}
		if found[0].Score >= 1 {
			t.Errorf("Search(%q) has score %v, want less than for the right spelling", query, found[0].Score)
		}
	}
	for _, query := range []string{"pzzword", "sat", "4711", "qqqqqqqq"} {
		if found := search(t, k, query, 1); len(found) > 0 {
			t.Errorf("Search(%q) = %+v, want nothing", query, found)
		}
	}
	if q := k.question("Whne is my Pasword due?"); q.text != "when is my password due?" {
		t.Errorf("the corrected question is %q", q.text)
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abxc", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3},
		{"ca", "abc", 3}, {"password", "pasword", 1}, {"saturday", "saterday", 1},
	} {
		if got := editDistance(test.a, test.b, 9); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := editDistance(test.b, test.a, 9); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
