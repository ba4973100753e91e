package clerk

import (
	"regexp"
	"strings"

	"frontdesk/internal/words"
)

// enumeration matches the words with which callers number their questions.
var enumeration = regexp.MustCompile(`(?i)\b(?:first(?:ly| of all)?|second(?:ly)?|third(?:ly)?|finally)\b[,:]?`)

// secondQuestion matches the beginning of another question in text without punctuation.
var secondQuestion = regexp.MustCompile(`(?i)\b(?:and also|also|and then|and)\b (?:(?:please|also) )?(?:can|could|do|does|is|are|what|when|where|how|why|who|which|will)\b (?:time|much|long|many|do|does|is|are|can|i|you|it|the|my|they|there|we|your|a|should|would|will)\b`)

// questionsAhead matches an announcement of several questions.
var questionsAhead = regexp.MustCompile(`(?i)^(?:(?:okay|ok|so|hi|hello|well|yes)[, ]+)*i (?:have|had|have got|'ve got) (?:two|three|a few|some|a couple of|2|3|several) (?:quick )?questions[,.:]? *`)

// leadingConjunctions connect a question with the previous one.
var leadingConjunctions = regexp.MustCompile(`(?i)^(?:(?:and|also|then|,)\s+)+`)

// splitQuestions cuts an utterance into its questions. Most often there is one.
func splitQuestions(l *words.Lexicon, u utterance) []utterance {
	var pieces []string
	u.text = questionsAhead.ReplaceAllString(u.text, "")
	u.isQuestion = u.isQuestion || questionStart.MatchString(plainText(u.text))
	if matches := enumeration.FindAllStringIndex(u.text, -1); len(matches) > 1 {
		pieces = textsAfter(u.text, matches)
	} else if strings.Count(u.text, "?") > 1 {
		pieces = strings.SplitAfter(u.text, "?")
	} else if m := secondQuestion.FindStringIndex(u.text); u.isQuestion && m != nil && len(strings.Fields(u.text[:m[0]])) > 3 {
		pieces = append(pieces, u.text[:m[0]], u.text[m[0]:])
	}
	var out []utterance
	for _, text := range pieces {
		text = leadingConjunctions.ReplaceAllString(strings.Trim(strings.TrimSpace(text), ","), "")
		text = strings.TrimSuffix(strings.TrimRight(text, " ,."), " and")
		if piece := newUtterance(text); len(piece.words) > 1 || len(terms(l, piece.plain)) > 0 {
			out = append(out, piece)
		}
	}
	if len(out) < 2 {
		return []utterance{u}
	}
	for i := 1; i < len(out); i++ { // "how much is it" needs the words that "it" refers to
		if len(terms(l, out[i].plain)) == 0 {
			out[i] = newUtterance(out[i].text + " " + strings.Join(out[i-1].words, " "))
		}
	}
	return out
}

// textsAfter returns the text after each of the matches, up to the next one. The text before
// the first match is an announcement and ignored.
func textsAfter(text string, matches [][]int) []string {
	var out []string
	for i, m := range matches {
		end := len(text)
		if i+1 < len(matches) {
			end = matches[i+1][0]
		}
		out = append(out, text[m[1]:end])
	}
	return out
}
