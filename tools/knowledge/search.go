package knowledge

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

const (
	maxQuery      = 4096 // bytes of a query
	maxQueryTerms = 24   // different terms of a query
	maxCandidates = 24   // passages of each ranking that are considered

	titleWeight   = 2.0 // of a term in the page's title, in bm25
	headingWeight = 3.0
	bodyWeight    = 1.0
	focusWeight   = 0.5

	// fusionOffset is k of reciprocal rank fusion: a passage at rank r of a ranking gets
	// 1/(k+r) from it, and denseWeight times that from the ranking by meaning. Both were chosen
	// on the questions of internal/eval/retrieval.
	fusionOffset = 5
	denseWeight  = 2
)

// Search returns up to limit passages that answer query, spoken or typed, the best one
// first. A query of stop words has no results.
func (k *Base) Search(ctx context.Context, query string, limit int) ([]Passage, error) {
	found, err := k.search(ctx, query)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fault.From(ctx.Err())
		}
		return nil, fmt.Errorf("search knowledge: %w", err)
	}
	found = found[:min(max(limit, 0), len(found))]
	out := make([]Passage, len(found))
	for i, c := range found {
		out[i] = c.Passage
	}
	return out, nil
}

// search ranks passages by their words and by their meaning, and fuses the rankings.
func (k *Base) search(ctx context.Context, query string) ([]candidate, error) {
	k.refreshIfDue(ctx)
	q := k.question(words.Clip(query, maxQuery))
	if len(q.terms) == 0 {
		return nil, nil
	}
	vector := make(chan []float32, 1)
	go func() { vector <- k.dense.query(ctx, q.text) }() // while the words are searched
	found, err := k.lexical(ctx, q)
	v := <-vector
	if err != nil {
		return nil, err
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	found = k.withNeighbors(q, found, v)
	for i := range found {
		found[i].hasVector = v != nil
	}
	fuse(found)
	setConfidences(q, found, v != nil)
	return found, nil
}

// Ranked is a passage with what its confidence was computed from.
type Ranked struct {
	Passage
	Features Features
	// HasVector reports whether the passage was also judged by its meaning.
	HasVector bool
}

// Explain is Search with the features of each passage.
func (k *Base) Explain(ctx context.Context, query string, limit int) ([]Ranked, error) {
	found, err := k.search(ctx, query)
	if err != nil {
		return nil, err
	}
	var out []Ranked
	for _, c := range found[:min(max(limit, 0), len(found))] {
		out = append(out, Ranked{c.Passage, c.Features, c.hasVector})
	}
	return out, nil
}

// question is a query as the index sees it.
type question struct {
	text    string      // with corrected words
	terms   []queryTerm // different ones
	idf     float64     // of all terms together
	unknown float64     // share of idf of terms that no page has
}

// queryTerm is what a word of a query stands for.
type queryTerm struct {
	variants []variant // the best first; at least one
	idf      float64   // inverse document frequency: rare terms weigh more, one that no page has most
}

// variant is a term that a word may stand for.
type variant struct {
	term   string
	weight float64 // 1 for the word as it was written
}

// lexical returns the passages that have any of the question's terms, the best one first.
func (k *Base) lexical(ctx context.Context, q *question) ([]candidate, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	found, err := k.candidates(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range found {
		k.judge(q, &found[i])
	}
	found = slices.DeleteFunc(found, func(c candidate) bool { return c.Score <= 0 })
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.lexical(), a.lexical()) })
	for i := range found {
		found[i].wordRank = i + 1
	}
	return found, nil
}

// question reads a query. Of a long one, it takes the first terms only.
func (k *Base) question(query string) *question {
	k.mu.RLock()
	defer k.mu.RUnlock()
	q := &question{}
	q.text = strings.ToLower(query)
	n := float64(len(k.passages))
	for word := range foldedWords(k.terms.lexicon, query) {
		variants, corrected := k.variants(word)
		if corrected != word {
			q.text = replaceWord(q.text, word, corrected)
		}
		if len(variants) == 0 || len(q.terms) == maxQueryTerms ||
			slices.ContainsFunc(q.terms, func(t queryTerm) bool { return t.variants[0].term == variants[0].term }) {
			continue
		}
		idf := math.Log(1 + (n+0.5)/(float64(k.counts[variants[0].term])+0.5))
		q.terms = append(q.terms, queryTerm{variants, idf})
		q.idf += idf
		if k.counts[variants[0].term] == 0 {
			q.unknown += idf
		}
	}
	q.unknown /= max(q.idf, math.SmallestNonzeroFloat64)
	return q
}

// replaceWord replaces a whole word wherever it is in text.
func replaceWord(text, word, by string) string {
	var out strings.Builder
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			out.WriteString(text[at:])
			return out.String()
		}
		i += at
		end := i + len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[end:])
		out.WriteString(text[at:i])
		if unicode.IsLetter(before) || unicode.IsLetter(after) {
			out.WriteString(word)
		} else {
			out.WriteString(by)
		}
		at = end
	}
}

// variants returns the terms that a word of a query may stand for, and the word as it was
// probably meant. A stop word has no terms.
func (k *Base) variants(word string) ([]variant, string) {
	term := k.terms.lexicon.SearchTerm(word)
	if term == "" || k.counts[term] > 0 {
		if term == "" {
			return nil, word
		}
		return []variant{{term, 1}}, word
	}
	var out []variant
	corrections := k.words.correct(word)
	for _, c := range corrections {
		if c.term != "" && !slices.ContainsFunc(out, func(v variant) bool { return v.term == c.term }) {
			out = append(out, variant{c.term, c.weight()})
		}
	}
	switch {
	case len(corrections) == 0:
		return []variant{{term, 1}}, word
	case len(out) == 0:
		return nil, corrections[0].word
	}
	return out, corrections[0].word
}

// candidate is a passage that may answer a question.
type candidate struct {
	*indexedPassage
	Passage            // with its own score
	id         int64   // of the passage
	bm25       float64 // 0 to 1, 1 for the best candidate
	focus      float64 // share of the terms of title and heading that the question has
	similarity float64 // cosine of the vectors of question and passage; 0 without vectors
	wordRank   int     // among the passages with the question's words, from 1; 0 if it has none
	denseRank  int     // among the passages of similar meaning, from 1; 0 if it is not near
	fused      float64
	hasVector  bool // the question has one
	Features   Features
}

// lexical orders candidates by their words. The coverage in Score says how much of the
// question the passage is about, bm25 how much of the passage is about the question, and focus
// prefers one passage among similar ones of a page.
func (c *candidate) lexical() float64 { return c.Score + c.bm25 + focusWeight*c.focus }

// candidates returns the passages of the index that contain any of the terms.
func (k *Base) candidates(ctx context.Context, q *question) ([]candidate, error) {
	var match []string
	for _, t := range q.terms {
		for _, v := range t.variants {
			match = append(match, v.term)
		}
	}
	rows, err := k.index.QueryContext(ctx, `SELECT rowid, -bm25(passages, ?, ?, ?) AS score FROM passages
		WHERE passages MATCH ? ORDER BY score DESC, rowid LIMIT ?`,
		titleWeight, headingWeight, bodyWeight, `"`+strings.Join(match, `" OR "`)+`"`, maxCandidates)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []candidate
	best := math.SmallestNonzeroFloat64
	for rows.Next() {
		var c candidate
		if err := rows.Scan(&c.id, &c.bm25); err != nil {
			return nil, err
		}
		var ok bool
		if c.indexedPassage, ok = k.passages[c.id]; !ok {
			return nil, fmt.Errorf("the index has an unknown passage %d", c.id)
		}
		c.Passage = c.indexedPassage.Passage
		best = max(best, c.bm25)
		found = append(found, c)
	}
	for i := range found {
		found[i].bm25 /= best
	}
	return found, rows.Err()
}

// judge sets how much of the question the passage covers, and how much of its title and
// headings the question covers.
func (k *Base) judge(q *question, c *candidate) {
	covered, inTitle := 0.0, 0.0
	for _, t := range q.terms {
		covered += t.idf * weightIn(c.terms, t.variants)
		inTitle += weightIn(c.titleTerms, t.variants)
	}
	c.Score = covered / q.idf
	c.focus = inTitle / float64(max(1, len(c.titleTerms)))
}

// weightIn returns the weight of the best variant that is among sorted terms, 0 if none is.
func weightIn(terms []string, variants []variant) float64 {
	best := 0.0
	for _, v := range variants {
		if v.weight > best {
			if _, ok := slices.BinarySearch(terms, v.term); ok {
				best = v.weight
			}
		}
	}
	return best
}

// withNeighbors adds the passages whose meaning is near, and the similarity of all. The
// caller holds mu.
func (k *Base) withNeighbors(q *question, found []candidate, vector []float32) []candidate {
	for i := range found {
		found[i].similarity = k.dense.similarity(vector, found[i].id)
	}
	for rank, n := range k.dense.nearest(vector, maxCandidates) {
		at := slices.IndexFunc(found, func(c candidate) bool { return c.id == n.id })
		if at < 0 {
			p, ok := k.passages[n.id]
			if !ok {
				continue // it has just been removed
			}
			at = len(found)
			found = append(found, candidate{indexedPassage: p, Passage: p.Passage, id: n.id, similarity: n.similarity})
			k.judge(q, &found[at])
		}
		found[at].denseRank = rank + 1
	}
	return found
}

// fuse sorts candidates by the sum of the reciprocals of their ranks (G. Cormack et al.,
// "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", 2009).
func fuse(found []candidate) {
	for i := range found {
		c := &found[i]
		if c.wordRank > 0 {
			c.fused += 1 / float64(fusionOffset+c.wordRank)
		}
		if c.denseRank > 0 {
			c.fused += denseWeight / float64(fusionOffset+c.denseRank)
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.fused, a.fused) })
}
