package mouth

import "testing"

func TestHeardWordsFollowTheirSpokenLength(t *testing.T) {
	const text = "Your order 47329 costs $45.50 today. "
	words := splitWords(text, "en")
	total := 0
	for _, w := range words {
		total += w.letters
	}
	for _, c := range []struct {
		letters int
		want    string
	}{
		{0, ""},
		{3, ""},
		{4, "Your "},
		{9, "Your order "},
		{29, "Your order "}, // one letter before the end of "four seven three two nine"
		{30, "Your order 47329 "},
		{total - 1, "Your order 47329 costs $45.50 "},
		{total, text},
	} {
		if got := text[:wholeWords(words, float64(c.letters))]; got != c.want {
			t.Errorf("%d of %d letters: got %q, want %q", c.letters, total, got, c.want)
		}
	}
	if words[2].letters < 20 || words[4].letters < 15 {
		t.Errorf("numbers have too few letters: %v", words)
	}
	for _, text := range []string{"", " ", "  a", "\xff", "a  b\n"} {
		words := splitWords(text, "en")
		if got := wholeWords(words, 1000); got != len(text) {
			t.Errorf("%q: %d bytes of %d", text, got, len(text))
		}
	}
}
