package pocketsphinx

import "strings"

// format makes a hypothesis readable: it capitalises the first word, "i" and spelled letters.
// Numbers stay words: "four seven three".
func format(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch {
		case w == "i" || strings.HasPrefix(w, "i'"), len(w) == 1 && w != "a", i == 0:
			w = strings.ToUpper(w[:1]) + w[1:]
		case w == "a" && isSpelled(words, i):
			w = "A"
		}
		b.WriteString(w)
	}
	return b.String()
}

// isSpelled reports whether the word at i stands next to a single letter.
func isSpelled(words []string, i int) bool {
	letter := func(i int) bool {
		return i >= 0 && i < len(words) && len(words[i]) == 1 && words[i] != "a" && words[i] != "i"
	}
	return letter(i-1) || letter(i+1)
}
