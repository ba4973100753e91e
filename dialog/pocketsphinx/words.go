package pocketsphinx

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	ones = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen " +
		"fourteen fifteen sixteen seventeen eighteen nineteen")
	tens = strings.Fields("_ _ twenty thirty forty fifty sixty seventy eighty ninety")

	sentences = regexp.MustCompile(`[.!?:;]\s|[\n|•]|[.!?:;]$`)
	tokens    = regexp.MustCompile(`[a-z]+(?:'[a-z]+)*|[0-9]+|[$€£%@&+]`)
	signs     = map[string]string{"$": "dollars", "€": "euros", "£": "pounds", "%": "percent", "@": "at", "&": "and", "+": "plus"}
)

// spoken is text as the sentences somebody would say, in lower-case words.
func spoken(text string) [][]string {
	text = strings.NewReplacer("’", "'", "‘", "'").Replace(strings.ToLower(text))
	var out [][]string
	for _, s := range sentences.Split(text, -1) {
		var words []string
		for _, token := range tokens.FindAllString(s, -1) {
			switch {
			case signs[token] != "":
				words = append(words, signs[token])
			case token[0] <= '9' && token[0] >= '0':
				words = append(words, number(token)...)
			default:
				words = append(words, token)
			}
		}
		if len(words) > 0 {
			out = append(out, words)
		}
	}
	return out
}

// number says digits as a number when they are few, and one by one when they are an id.
func number(digits string) []string {
	if len(digits) > 4 || digits[0] == '0' {
		return digitByDigit(digits)
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return nil
	}
	return cardinal(n)
}

func digitByDigit(digits string) []string {
	var out []string
	for _, d := range digits {
		out = append(out, ones[d-'0'])
	}
	return out
}

// cardinal says a number below ten thousand.
func cardinal(n int) []string {
	switch {
	case n < 20:
		return []string{ones[n]}
	case n < 100:
		out := []string{tens[n/10]}
		if n%10 > 0 {
			out = append(out, ones[n%10])
		}
		return out
	case n < 1000:
		return hundreds(n/100, "hundred", n%100)
	default:
		return hundreds(n/1000, "thousand", n%1000)
	}
}

func hundreds(many int, unit string, rest int) []string {
	out := append(cardinal(many), unit)
	if rest > 0 {
		out = append(out, cardinal(rest)...)
	}
	return out
}
