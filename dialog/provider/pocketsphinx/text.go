package pocketsphinx

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"frontdesk/internal/spoken"
)

// sentences returns the sentences of a text as a voice reads them: lower-case words without
// punctuation.
func sentences(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(text) {
		for sentence := range strings.FieldsFuncSeq(spoken.Form(line, "en"), endsSentence) {
			if words := splitWords(sentence); len(words) > 0 {
				out = append(out, words)
			}
		}
	}
	return out
}

func endsSentence(r rune) bool { return strings.ContainsRune(".!?;:", r) }

// splitWords splits a sentence into words of letters and apostrophes, and spells numbers out.
func splitWords(sentence string) []string {
	var out []string
	split := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' }
	for word := range strings.FieldsFuncSeq(strings.ToLower(sentence), split) {
		word = strings.Trim(word, "'")
		switch n, err := strconv.Atoi(word); {
		case word == "":
		case err == nil && len(word) <= 4:
			out = append(out, strings.Fields(cardinal(n))...)
		case !strings.ContainsFunc(word, notLetter):
			out = append(out, word)
		}
	}
	return out
}

// notLetter reports whether a word of the language model must not contain r.
func notLetter(r rune) bool { return (r < 'a' || r > 'z') && r != '\'' }

var teens = []string{
	"ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
}

var tens = []string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}

// cardinal returns the spoken form of a number from 0 to 9999, of years as years.
func cardinal(n int) string {
	switch {
	case n < 10:
		return digitWords[n]
	case n < 20:
		return teens[n-10]
	case n < 100:
		return withRemainder(tens[n/10], n%10)
	case n < 1000:
		return withRemainder(digitWords[n/100]+" hundred", n%100)
	case n > 1900 && n < 2100 && n/100 != 20:
		return withRemainder(cardinal(n/100), n%100)
	}
	return withRemainder(digitWords[n/1000]+" thousand", n%1000)
}

func withRemainder(words string, rest int) string {
	if rest == 0 {
		return words
	}
	return words + " " + cardinal(rest)
}

// determiners come before nouns.
var determiners = []string{"a", "an", "the", "your", "our", "my", "this"}

// nouns returns the words that follow determiners, which tell what an agent's texts are about.
func nouns(texts [][]string) []string {
	seen := make(map[string]int)
	for _, s := range texts {
		for i := 1; i < len(s); i++ {
			if slices.Contains(determiners, s[i-1]) && len(s[i]) > 2 {
				seen[s[i]]++
			}
		}
	}
	var out []string
	for w := range seen {
		out = append(out, w)
	}
	slices.Sort(out)
	return out
}

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
