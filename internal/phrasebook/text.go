package phrasebook

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"frontdesk/internal/spoken"
)

// Split returns the sentences of a text as a voice reads them: lower-case words without
// punctuation.
func Split(text string) [][]string {
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
		case !strings.ContainsFunc(word, NotLetter):
			out = append(out, word)
		}
	}
	return out
}

// spell returns the words with which callers read out the key of a table: "T-1042" is "t one
// zero four two".
func spell(key string) []string {
	if !strings.ContainsFunc(key, unicode.IsDigit) {
		return splitWords(key)
	}
	var out []string
	split := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for part := range strings.FieldsFuncSeq(strings.ToLower(key), split) {
		word := strings.TrimFunc(part, unicode.IsDigit)
		if len(word) > maxSpelled && !strings.ContainsFunc(word, NotLetter) {
			out = append(out, word)
			part = strings.Replace(part, word, "", 1)
		}
		for _, r := range part {
			switch {
			case r >= '0' && r <= '9':
				out = append(out, digitWords[r-'0'])
			case !NotLetter(r):
				out = append(out, string(r))
			}
		}
	}
	return out
}

// NotLetter reports whether r cannot be in a word of a sentence: words consist of the letters
// a to z and apostrophes.
func NotLetter(r rune) bool { return (r < 'a' || r > 'z') && r != '\'' }

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
