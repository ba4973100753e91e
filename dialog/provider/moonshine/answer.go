package moonshine

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"frontdesk/internal/phrasebook"
)

// The decoder was trained on whole sentences and often misreads utterances of one or two
// words. They are compared with the short answers of the phrase book and with what the
// agent has just asked for: the decoder itself scores each of them. The bonuses are in log
// probabilities, and were tuned on synthetic callers of a development corpus.
const (
	longestAnswer = 2.5 // seconds of audio, with the silence before and after
	answerWords   = 2   // of an answer
	revisedWords  = 3   // of a reading that an answer may replace
	sentenceWords = 4   // of a sentence of the phrase book that is not replaced if it is read
	answersScored = 12  // with the most likely first tokens; each takes about 5 ms
	answerBonus   = 4   // of an answer over other readings
	askedBonus    = 1   // more for an answer to the agent's question

	// A hum: the audio is short, the model may have heard nothing, finds nothing better than
	// this, a backchannel no worse than this, and not much less likely than the word that it
	// writes for noise. Six synthetic hums had a backchannel at most 0.2 below that word, the
	// noises of evidence.go 5 or more. The log probabilities of readings are given that
	// something was said.
	longestHum       = 1.1 // seconds: 0.6 of voice, 0.4 before it and 0.1 after it
	doubtfulEmpty    = -2.5
	doubtfulReading  = -2.5
	leastBackchannel = -13.5
	noiseMargin      = 2
)

// answer is a short thing to say.
type answer struct {
	text   string // as the model writes it
	words  string // in lower case
	tokens []Token
}

func newAnswer(t *tokenizer, words string) answer {
	_, n := utf8.DecodeRuneInString(words)
	text := strings.ToUpper(words[:n]) + words[n:] + "."
	if s := backchannelSpellings[words]; s != "" {
		text = s
	}
	return answer{text, words, t.encode(text)}
}

// backchannelSpellings is how the model writes backchannels.
var backchannelSpellings = map[string]string{"uh huh": "Uh-huh.", "mhm": "Mm-hmm."}

// backchannels are short hums, the most frequent one first. The model hears nothing in most
// of them. "Hmm" is missing, because a tone is like it.
var backchannels = []string{"uh huh", "mhm", "aha"}

// answersOf returns the short sentences that have no spelled words, and the digits.
func answersOf(t *tokenizer, sentences [][]string) (list []answer) {
	seen := make(map[string]bool)
	add := func(words string) {
		if !seen[words] {
			seen[words] = true
			list = append(list, newAnswer(t, words))
		}
	}
	for _, s := range sentences {
		if len(s) <= answerWords && !slices.ContainsFunc(s, isSpelled) {
			add(strings.Join(s, " "))
		}
	}
	for _, d := range digitNames {
		add(d)
	}
	return list
}

// isSpelled reports whether a word is a letter or a digit that is read out.
func isSpelled(word string) bool { return len(word) == 1 || slices.Contains(digitNames[:], word) }

// Revise implements Expectation: it corrects the number of an order or a ticket, and replaces a
// short reading by an answer that fits better.
func (c *vocabularyCall) Revise(_ context.Context, b Bias, hyps []Hypothesis, score func([][]Token) ([]Hypothesis, error)) ([]Hypothesis, error) {
	r, ok := b.(*readingBias)
	if !ok || len(hyps) == 0 {
		return hyps, nil
	}
	hyps, err := c.reviseNumber(hyps, score)
	if err != nil || r.first == nil {
		return hyps, err
	}
	read := spokenWords(c.tokenizer.text(hyps[0].Tokens))
	if len(read) > revisedWords {
		return hyps, nil
	}
	if r.mayBeHum(hyps[0]) {
		if hum, err := r.findHum(score); err != nil || hum != nil {
			return prepend(hum, hyps), err
		}
	}
	if len(read) == 0 || c.sentences[strings.Join(read, " ")] {
		return hyps, nil
	}
	list := r.likely(read)
	scored, err := score(sequencesOf(list))
	if err != nil {
		return nil, err
	}
	best, won := hyps[0].logProb(), -1
	for i, h := range scored {
		if p := h.logProb() + r.bonus(list[i]); p > best {
			best, won = p, i
		}
	}
	if won < 0 {
		return hyps, nil
	}
	return prepend(&scored[won], hyps), nil
}

// prepend returns hyps with best before them, unless it is nil.
func prepend(best *Hypothesis, hyps []Hypothesis) []Hypothesis {
	if best == nil {
		return hyps
	}
	return slices.Insert(slices.Clone(hyps), 0, *best)
}

func sequencesOf(list []answer) [][]Token {
	sequences := make([][]Token, len(list))
	for i, a := range list {
		sequences[i] = a.tokens
	}
	return sequences
}

// mayBeHum reports whether the audio of a reading may be a hum that the model does not know.
func (r *readingBias) mayBeHum(read Hypothesis) bool {
	if r.seconds > longestHum || r.empty < doubtfulEmpty {
		return false
	}
	given := float64(read.logProb()) - math.Log1p(-math.Exp(float64(r.empty)))
	return len(read.Tokens) == 0 || given < doubtfulReading
}

// findHum returns the most frequent backchannel if the audio is like one, or else nil. The
// model hardly tells them apart.
func (r *readingBias) findHum(score func([][]Token) ([]Hypothesis, error)) (*Hypothesis, error) {
	scored, err := score(append(sequencesOf(r.hums), r.noise))
	if err != nil {
		return nil, err
	}
	least := max(leastBackchannel, scored[len(r.hums)].logProb()-noiseMargin)
	for _, h := range scored[:len(r.hums)] {
		if h.logProb() >= least {
			return &scored[0], nil
		}
	}
	return nil, nil
}

// likely returns the answers with the most likely first tokens, without those of which all
// words were read: they are a part of what was said.
func (r *readingBias) likely(read []string) []answer {
	order := make([]int, len(r.first))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch pa, pb := r.first[a]+r.bonus(r.answer(a)), r.first[b]+r.bonus(r.answer(b)); {
		case pa > pb:
			return -1
		case pa < pb:
			return 1
		}
		return 0
	})
	var list []answer
	for _, i := range order {
		isPart := true
		for w := range strings.FieldsSeq(r.answer(i).words) {
			isPart = isPart && slices.Contains(read, w)
		}
		if !isPart {
			list = append(list, r.answer(i))
		}
		if len(list) == answersScored {
			break
		}
	}
	return list
}

// bonus returns what an answer gains over other readings.
func (r *readingBias) bonus(a answer) float32 {
	if r.question.asksFor(a) {
		return answerBonus + askedBonus
	}
	return answerBonus
}

// logProb returns the log probability of the hypothesis by the model alone.
func (h Hypothesis) logProb() float32 {
	sum := float32(0)
	for _, p := range h.LogProbs {
		sum += p
	}
	if !h.Ended {
		return float32(math.Inf(-1))
	}
	return sum
}

// spokenWords returns the words of a transcript.
func spokenWords(text string) (words []string) {
	for _, s := range phrasebook.Split(text) {
		words = append(words, s...)
	}
	return words
}
