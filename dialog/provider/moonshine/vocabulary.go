package moonshine

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode"

	"frontdesk/internal/fault"
	"frontdesk/internal/ngram"
	"frontdesk/internal/phrasebook"
)

// Vocabulary is what the callers of one agent probably say. It biases the decoder towards
// that by shallow fusion (D. Zhao et al., "Shallow-fusion end-to-end contextual biasing",
// 2019) with a trigram model of the agent's texts and of a phrase book. Words are looked up
// letter by letter, so that a word gains from its first letter on. A Vocabulary is shared by
// the agent's calls and safe for concurrent use.
type Vocabulary struct {
	tokenizer  *tokenizer
	model      *ngram.Model // its words are sorted
	kinds      [vocabulary]kind
	spoken     [vocabulary]string // of tokens of letters: these, in lower case
	starts     []extension        // tokens with which words of the model begin
	inside     map[byte][]Token   // tokens that continue words, by their first letter
	digits     [10]int            // index in model.Words of the words for the digits
	sentences  map[string]bool    // the short ones
	keys       map[string]bool    // of the agent's tables
	keyLetters map[string]bool    // with which they begin, in lower case
	isTicket   func(string) bool  // whether digits may be the number of a ticket; nil if the agent has no tickets
	answers    []answer           // short ones of the phrase book
	hums       []answer           // backchannels
	noise      []Token            // what the model writes for noise

	mu        sync.Mutex // guards the caches
	bonuses   map[history]*bonuses
	followers map[prefix][]extension
}

// kind is what a token does to the words of a transcript.
type kind byte

const (
	mark    kind = iota // ends a word: punctuation, a space, letters of other languages
	start               // letters that begin a word
	letters             // letters that continue it
	digit               // a word by itself
	stop                // ends a sentence
)

// prefix is a range of the model's words that begin with the same letters, as many as length.
type prefix struct{ from, to, length int }

// extension is a token and the words that remain possible after it.
type extension struct {
	token Token
	words prefix
}

// NewVocabulary builds the vocabulary of an agent. That takes less than a second for a few
// hundred pages. The error is fault.Internal.
func (r *Recognizer) NewVocabulary(k phrasebook.Knowledge) (*Vocabulary, error) {
	return newVocabulary(r.tokenizer, k)
}

func newVocabulary(t *tokenizer, k phrasebook.Knowledge) (*Vocabulary, error) {
	sentences, err := phrasebook.Sentences(k)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the phrase book cannot be read")
	}
	v := &Vocabulary{
		tokenizer: t, model: ngram.Count(sentences), inside: make(map[byte][]Token), sentences: make(map[string]bool),
		keys: make(map[string]bool), keyLetters: make(map[string]bool), isTicket: k.IsTicket,
		bonuses: make(map[history]*bonuses), followers: make(map[prefix][]extension),
	}
	for id := range Token(vocabulary) {
		v.addToken(id, t.piece(id))
	}
	for d, name := range digitNames {
		v.digits[d], _ = slices.BinarySearch(v.model.Words, name)
	}
	for _, key := range k.Keys {
		v.keys[key] = true
		if key != "" {
			v.keyLetters[strings.ToLower(key[:1])] = true
		}
	}
	for _, s := range sentences {
		if len(s) <= sentenceWords {
			v.sentences[strings.Join(s, " ")] = true
		}
	}
	v.answers = answersOf(t, sentences)
	for _, words := range backchannels {
		v.hums = append(v.hums, newAnswer(t, words))
	}
	v.noise = t.encode(noiseWords[0])
	return v, nil
}

// digitNames are in the phrase book.
var digitNames = [10]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// addToken classifies a token.
func (v *Vocabulary) addToken(id Token, piece string) {
	rest, isStart := strings.CutPrefix(strings.ToLower(piece), wordBoundary)
	rest = strings.ReplaceAll(rest, "’", "'")
	switch {
	case id < firstPiece || rest == "":
	case len(rest) == 1 && rest[0] >= '0' && rest[0] <= '9':
		v.kinds[id], v.spoken[id] = digit, rest
	case strings.ContainsAny(rest, ".?!") && !strings.ContainsFunc(rest, unicode.IsLetter):
		v.kinds[id] = stop
	case strings.ContainsFunc(rest, phrasebook.NotLetter):
	case isStart:
		v.kinds[id], v.spoken[id] = start, rest
		if p := v.narrow(v.all(), rest); !p.isEmpty() {
			v.starts = append(v.starts, extension{id, p})
		}
	default:
		v.kinds[id], v.spoken[id] = letters, rest
		v.inside[rest[0]] = append(v.inside[rest[0]], id)
	}
}

func (v *Vocabulary) all() prefix { return prefix{0, len(v.model.Words), 0} }

func (p prefix) isEmpty() bool { return p.from >= p.to }

// narrow returns the words of p whose next letters are text.
func (v *Vocabulary) narrow(p prefix, text string) prefix {
	words := v.model.Words[p.from:p.to]
	from := sort.Search(len(words), func(i int) bool { return words[i][p.length:] >= text })
	n := sort.Search(len(words)-from, func(i int) bool { return !strings.HasPrefix(words[from+i][p.length:], text) })
	return prefix{p.from + from, p.from + from + n, p.length + len(text)}
}

// isWord reports whether the letters of p are a word of their own, which is p.from.
func (v *Vocabulary) isWord(p prefix) bool {
	return !p.isEmpty() && len(v.model.Words[p.from]) == p.length
}

// follow returns the tokens that can continue the words of p.
func (v *Vocabulary) follow(p prefix) []extension {
	v.mu.Lock()
	defer v.mu.Unlock()
	if list, ok := v.followers[p]; ok {
		return list
	}
	var list []extension
	last := byte(0)
	for _, word := range v.model.Words[p.from:p.to] {
		if len(word) == p.length || word[p.length] == last {
			continue
		}
		last = word[p.length]
		for _, id := range v.inside[last] {
			if next := v.narrow(p, v.spoken[id]); !next.isEmpty() {
				list = append(list, extension{id, next})
			}
		}
	}
	if len(v.followers) >= maxFollowers {
		clear(v.followers)
	}
	v.followers[p] = list
	return list
}
