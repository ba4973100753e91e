package moonshine

import (
	"math"
	"slices"
	"strings"

	"frontdesk/internal/ngram"
)

// How strongly the vocabulary biases the decoder. A word w after the history h changes the
// score by
//
//	fusionWeight · log(1 - known + known · p(w|h) / max(p(w), rareWord))
//
// The division by p(w) leaves only what the history adds, because the decoder already knows
// which words are frequent. A word that the n-gram model does not have loses
// fusionWeight · log(1 - known) and not more, because callers also speak of other things. The
// constants were tuned on synthetic callers of a development corpus.
const (
	fusionWeight = 0.6
	known        = 0.5  // probability that callers speak of what the n-gram model has
	rareWord     = 1e-3 // least p(w), so that a word that was seen once does not gain too much

	maxBonuses   = 512  // histories that are cached; 20 to 100 kB each
	maxFollowers = 4096 // prefixes that are cached
)

// history is the last two words. At the start of a sentence the second is ngram.Start. The
// first then is question.context: words that an answer could also follow, or "".
type history [2]string

// after returns the history after one word more.
func (h history) after(word string) history { return history{h[1], word} }

// bonuses holds what each word gains after one history.
type bonuses struct {
	words  []float32 // by word of the model
	starts []float32 // by Vocabulary.starts: the best of the words that begin so
	end    float32   // of the sentence
}

// best returns the largest gain of a word with that prefix.
func (b *bonuses) best(p prefix) float32 { return slices.Max(b.words[p.from:p.to]) }

// unknownBonus is the bonus of a word that the model does not have.
var unknownBonus = bonus(0, 1)

func bonus(p, prior float64) float32 {
	return float32(fusionWeight * math.Log(1-known+known*p/max(prior, rareWord)))
}

// after returns the bonuses after h.
func (v *Vocabulary) after(h history) *bonuses {
	v.mu.Lock()
	b := v.bonuses[h]
	v.mu.Unlock()
	if b != nil {
		return b
	}
	b = &bonuses{words: make([]float32, len(v.model.Words)), starts: make([]float32, len(v.starts))}
	priors := v.model.After()
	for w, p := range v.probabilities(h) {
		b.words[w] = bonus(p, priors[w])
	}
	end, _ := slices.BinarySearch(v.model.Words, ngram.End)
	b.end = b.words[end]
	for i, s := range v.starts {
		b.starts[i] = b.best(s.words)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.bonuses) >= maxBonuses {
		clear(v.bonuses)
	}
	v.bonuses[h] = b
	return b
}

// probabilities returns p(w | h) of all words of the model.
func (v *Vocabulary) probabilities(h history) []float64 {
	if h[1] != ngram.Start {
		return v.model.After(h[0], h[1])
	}
	first := v.model.After(ngram.Start)
	if h[0] != "" {
		for w, p := range v.model.After(strings.Fields(h[0])...) {
			first[w] = max(first[w], p)
		}
	}
	return first
}

// position is where a hypothesis is in its sentence.
type position struct {
	history history
	inWord  bool // the letters in word are not a whole word yet
	word    string
	words   prefix // of the model that begin with them
}

// potential returns what the unfinished word may gain. Each step of a hypothesis gains the
// difference, so that all steps together gain the bonuses of its words.
func (v *Vocabulary) potential(p position) float32 {
	switch {
	case !p.inWord:
		return 0
	case p.words.isEmpty():
		return unknownBonus
	}
	return v.after(p.history).best(p.words)
}

// endWord ends the current word and returns what that changes.
func (v *Vocabulary) endWord(p position) (position, float32) {
	if !p.inWord {
		return p, 0
	}
	gain := unknownBonus
	if v.isWord(p.words) {
		gain = v.after(p.history).words[p.words.from]
	}
	return position{history: p.history.after(p.word)}, gain - v.potential(p)
}

// locate returns the position after the tokens of a hypothesis.
func (v *Vocabulary) locate(tokens []Token, context string) position {
	p := position{history: history{context, ngram.Start}}
	for _, id := range tokens {
		if v.kinds[id] != letters {
			p, _ = v.endWord(p)
		}
		switch v.kinds[id] {
		case start, letters:
			if !p.inWord {
				p.inWord, p.words = true, v.all()
			}
			p.word += v.spoken[id]
			p.words = v.narrow(p.words, v.spoken[id])
		case digit:
			p.history = p.history.after(digitNames[v.spoken[id][0]-'0'])
		case stop:
			p.history = history{"", ngram.Start}
		}
	}
	return p
}

// adjust implements Bias.Adjust. context is question.context.
func (v *Vocabulary) adjust(tokens []Token, logits []float32, context string) {
	p := v.locate(tokens, context)
	next, gain := v.endWord(p)
	after := v.after(next.history)
	before := v.potential(p)
	for id := range logits {
		switch v.kinds[id] {
		case start:
			logits[id] += gain + unknownBonus
		case letters:
			logits[id] += unknownBonus - before
		case digit:
			logits[id] += gain + after.words[v.digits[v.spoken[id][0]-'0']]
		case stop:
			logits[id] += gain + after.end
		default:
			logits[id] += gain
		}
	}
	logits[endToken] += after.end
	for i, s := range v.starts {
		logits[s.token] += after.starts[i] - unknownBonus
	}
	if p.inWord && p.words.isEmpty() {
		return
	}
	words, b := p.words, v.after(p.history)
	if !p.inWord {
		words = v.all()
	}
	for _, f := range v.follow(words) {
		logits[f.token] += b.best(f.words) - unknownBonus
	}
}
