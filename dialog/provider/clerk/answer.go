package clerk

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/words"
)

const (
	maxAnswer  = 45   // words of an answer, unless one sentence is longer
	minAnswer  = 0.45 // coverage of the question by an answer
	minClosest = 0.2  // coverage by an answer that is offered as the closest one
	minExtra   = 0.7  // of the best sentence's score, for another sentence in the answer
)

// sentence is a candidate for an answer.
type sentence struct {
	text    string
	terms   []string
	words   int
	passage int
	score   float64
}

// pageAnswer is an answer from a page. It is sure if it is about most of the question.
type pageAnswer struct {
	text, page string
	isSure     bool
}

// chooseAnswer chooses the sentences of the passages that answer a question best. context
// is the previous question, if this one continues it. The text of the result is "" if no
// passage is about the question.
//
// A sentence scores by the terms of the question that it contains, each weighed by its
// rarity among the sentences (inverse document frequency). Terms in the heading or title
// count in part. Sentences with the kind of fact that was asked for get a bonus.
func chooseAnswer(l *words.Lexicon, asked, context string, passages []passage) pageAnswer {
	wanted := terms(l, asked)
	if context != "" {
		wanted = terms(l, context+" "+asked)
	}
	if len(wanted) == 0 {
		return pageAnswer{}
	}
	all, weights := weighTerms(l, wanted, passages)
	if context != "" { // the new terms count more
		for _, t := range terms(l, asked) {
			weights[t] *= 2
		}
	}
	kind := kindsOf(asked)
	if context != "" && len(kind) == 0 {
		kind = kindsOf(context)
	}
	best := -1
	for i := range all {
		s := &all[i]
		p := passages[s.passage]
		s.score = s.weight(weights) + headingWeight(l, s, p, weights)
		s.score *= kind.factor(s.text, p.Heading) * (1 + 0.15*titleShare(l, p.Page, weights) + 0.2*titleShare(l, p.Heading, weights))
		s.score *= 1 + 0.5*p.Score - 0.03*float64(s.passage)
		if best < 0 || s.score > all[best].score {
			best = i
		}
	}
	if context != "" { // the previous question has been answered
		weights = restrictTo(weights, terms(l, asked))
	}
	if best < 0 || all[best].score <= 0 {
		return pageAnswer{}
	}
	p := passages[all[best].passage]
	share := coverage(l, all[best], p, weights)
	topical := titleShare(l, p.Page, weights) > 0 || titleShare(l, p.Heading, weights) > 0
	if share < minAnswer && !(share >= minClosest && topical) {
		return pageAnswer{}
	}
	return pageAnswer{text: joinSentences(all, pickSentences(all, best, kind)), page: p.Page, isSure: share >= minAnswer}
}

// titleShare returns the share of a title's terms that the question contains.
func titleShare(l *words.Lexicon, title string, weights map[string]float64) float64 {
	n := 0.0
	all := terms(l, plainText(title))
	for _, t := range all {
		if weights[t] > 0 && !weakTerms[t] {
			n++
		}
	}
	return n / max(1, float64(len(all)))
}

// weighTerms cuts the passages into sentences and weighs each wanted term.
func weighTerms(l *words.Lexicon, wanted []string, passages []passage) ([]sentence, map[string]float64) {
	var all []sentence
	for i, p := range passages {
		for _, text := range sentences(p.Text) {
			all = append(all, sentence{text: text, terms: terms(l, plainText(text)), words: len(strings.Fields(text)), passage: i})
		}
	}
	weights := make(map[string]float64)
	for _, t := range wanted {
		n := 0
		for i := range all {
			if slices.Contains(all[i].terms, t) {
				n++
			}
		}
		weights[t] = math.Log(1 + (float64(len(all))+1)/(float64(n)+1))
		if weakTerms[t] {
			weights[t] *= 0.35
		}
	}
	return all, weights
}

// weight returns the weight of the sentence's terms.
func (s *sentence) weight(weights map[string]float64) float64 {
	sum := 0.0
	for _, t := range s.terms {
		sum += weights[t]
	}
	return sum
}

// headingWeight returns the weight of terms that only the heading or the title contains.
func headingWeight(l *words.Lexicon, s *sentence, p passage, weights map[string]float64) float64 {
	sum := 0.0
	seen := slices.Clone(s.terms)
	for _, above := range []struct {
		text   string
		factor float64
	}{{p.Heading, 0.6}, {p.Page, 0.4}} {
		for _, t := range terms(l, plainText(above.text)) {
			if !slices.Contains(seen, t) {
				seen = append(seen, t)
				sum += weights[t] * above.factor
			}
		}
	}
	return sum
}

// coverage returns the share of the question that the sentence, the heading and the title
// are about. The rest of the passage counts in part.
func coverage(l *words.Lexicon, s sentence, p passage, weights map[string]float64) float64 {
	near := terms(l, plainText(p.Page+" "+p.Heading+" "+s.text))
	passage := terms(l, plainText(p.Text))
	var covered, total float64
	for _, t := range slices.Sorted(maps.Keys(weights)) {
		if t[0] >= '0' && t[0] <= '9' && !slices.Contains(near, t) {
			continue // an amount that only the caller knows
		}
		total += weights[t]
		switch {
		case slices.Contains(near, t):
			covered += weights[t]
		case slices.Contains(passage, t):
			covered += 0.7 * weights[t]
		}
	}
	return covered / total
}

// restrictTo returns the weights of the wanted terms, or all weights if there are none.
func restrictTo(weights map[string]float64, wanted []string) map[string]float64 {
	out := make(map[string]float64)
	for _, t := range wanted {
		out[t] = weights[t]
	}
	if len(out) == 0 {
		return weights
	}
	return out
}

// needsPrevious matches the beginning of a sentence that needs the one before it.
var needsPrevious = regexp.MustCompile(`^(?i:it|they|them|this|these|that|then|he|she|in that case|after that|otherwise|both|here|also|however|but|in this case|on all other|all other|the others?|(?:\w+ ){1,3}then)\b`)

// pickSentences returns the indexes of the best sentence and of others that belong to the
// answer: those it is connected with, and up to two with a similar score.
func pickSentences(all []sentence, best int, kind kinds) []int {
	chosen := []int{best}
	size := all[best].words
	isNear := func(i int) bool { return i >= 0 && i < len(all) && all[i].passage == all[best].passage }
	fits := func(i int) bool {
		return !slices.Contains(chosen, i) && size+all[i].words <= maxAnswer && len(chosen) < 3
	}
	add := func(i int) { chosen, size = append(chosen, i), size+all[i].words }
	for i := best; isNear(i-1) && needsPrevious.MatchString(all[i].text) && fits(i-1); i-- {
		add(i - 1)
	}
	for i := best + 1; isNear(i) && needsPrevious.MatchString(all[i].text) && fits(i); i++ {
		add(i)
	}
	for range 2 {
		next := -1
		for i := range all {
			if isNear(i) && fits(i) && all[i].score >= minExtra*all[best].score && kind.shareFacts(all[best].text, all[i].text) &&
				!needsPrevious.MatchString(all[i].text) && (next < 0 || all[i].score > all[next].score) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		add(next)
	}
	slices.Sort(chosen)
	return chosen
}

func joinSentences(all []sentence, chosen []int) string {
	var out []string
	for _, i := range chosen {
		out = append(out, all[i].text)
	}
	return strings.Join(out, " ")
}

// abbreviation matches a full stop that does not end a sentence.
var abbreviation = regexp.MustCompile(`(?i)(?:^|[\s(])(?:e\.g|i\.e|mr|mrs|ms|dr|no|nr|st|vs|approx|z\.b|bzw|ca|[a-z])\.$`)

// sentences cuts text after full stops, question marks, exclamation marks and lines.
func sentences(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		start := 0
		for i := 0; i < len(line); i++ {
			if c := line[i]; c != '.' && c != '!' && c != '?' {
				continue
			}
			end := i + 1
			if end < len(line) && line[end] != ' ' && line[end] != '\n' && line[end] != '\t' {
				continue
			}
			if line[i] == '.' && abbreviation.MatchString(line[start:end]) {
				continue
			}
			out = appendTrimmed(out, line[start:end])
			start = end
		}
		out = appendTrimmed(out, line[start:])
	}
	return out
}

func appendTrimmed(out []string, s string) []string {
	if s = strings.TrimSpace(s); s != "" {
		return append(out, s)
	}
	return out
}
