package eval

// WordErrors is how a transcript differs from what was said.
type WordErrors struct {
	Words       int `json:"words"` // that were said
	Substituted int `json:"substituted"`
	Deleted     int `json:"deleted"`
	Inserted    int `json:"inserted"`
}

// Total returns the number of wrong words.
func (e WordErrors) Total() int { return e.Substituted + e.Deleted + e.Inserted }

// plus returns the sum of e and o.
func (e WordErrors) plus(o WordErrors) WordErrors {
	return WordErrors{e.Words + o.Words, e.Substituted + o.Substituted, e.Deleted + o.Deleted, e.Inserted + o.Inserted}
}

// CompareWords counts the wrong words of an English transcript: the fewest substitutions,
// deletions and insertions that turn it into what was said (V. Levenshtein, "Binary codes
// capable of correcting deletions, insertions, and reversals", 1966). It compares what is
// said, not how it is written: case, punctuation, apostrophes and hesitations do not count,
// nor British or American spelling, words that are written together or apart ("log in",
// "login", "J O H N", "John"), or figures: "1042" is right for "one zero four two" and for
// "ten forty two".
func CompareWords(said, transcript string) WordErrors {
	a := alignment{said: newLattice(said), heard: newLattice(transcript)}
	a.width = len(a.heard.nodes)
	a.known = make([]*WordErrors, len(a.said.nodes)*a.width)
	return *a.best(a.said.end, a.heard.end)
}

// alignment aligns two lattices. known holds the best result for each pair of nodes.
type alignment struct {
	said, heard lattice
	width       int
	known       []*WordErrors
}

// best compares the words that lead to node i of said with those that lead to node j of
// heard.
func (a *alignment) best(i, j int) *WordErrors {
	at := i*a.width + j
	if a.known[at] != nil {
		return a.known[at]
	}
	var best *WordErrors
	consider := func(before *WordErrors, more WordErrors) {
		if e := before.plus(more); best == nil || e.Total() < best.Total() {
			best = &e
		}
	}
	if i == 0 && j == 0 {
		best = &WordErrors{}
	}
	for _, s := range a.said.nodes[i] {
		for _, h := range a.heard.nodes[j] {
			switch {
			case s.word == h.word:
				consider(a.best(s.from, h.from), WordErrors{Words: s.count})
			case s.count == 1 && h.count == 1:
				consider(a.best(s.from, h.from), WordErrors{Words: 1, Substituted: 1})
			}
		}
		if s.count == 1 {
			consider(a.best(s.from, j), WordErrors{Words: 1, Deleted: 1})
		}
	}
	for _, h := range a.heard.nodes[j] {
		if h.count == 1 {
			consider(a.best(i, h.from), WordErrors{Inserted: 1})
		}
	}
	a.known[at] = best
	return best
}

// lattice holds all ways to write a text as words, as a graph. A node lists the edges that
// lead to it; node 0 is the beginning of the text.
type lattice struct {
	nodes [][]edge
	end   int
}

// edge is a word, or several words that are written as one. Joined words only match the same
// joined word.
type edge struct {
	from  int
	word  string
	count int
}

// maxJoined is the number of single letters that may be written as one word.
const maxJoined = 20

// newLattice returns the lattice of a text.
func newLattice(text string) lattice {
	l := lattice{nodes: make([][]edge, 1)}
	var before []edge // the words before the end, one edge each, since the last number
	for _, t := range scoredWords(text) {
		if isFigure(t) {
			l.addNumber(t)
			before = nil
			continue
		}
		e := edge{l.end, t, 1}
		l.end = l.add(e)
		before = append(before, e)
		joined, isSpelled := t, len(t) == 1
		for n := 2; n <= min(len(before), maxJoined); n++ {
			p := before[len(before)-n]
			joined = p.word + joined
			if isSpelled = isSpelled && len(p.word) == 1; n > 2 && !isSpelled {
				break
			}
			l.nodes[l.end] = append(l.nodes[l.end], edge{p.from, joined, n})
		}
	}
	return l
}

// add adds a node that edges lead to and returns it.
func (l *lattice) add(edges ...edge) int {
	l.nodes = append(l.nodes, edges)
	return len(l.nodes) - 1
}

// addReading adds another way to read what is between two nodes.
func (l *lattice) addReading(from, to int, reading []string) {
	last := len(reading) - 1
	for _, w := range reading[:last] {
		from = l.add(edge{from, w, 1})
	}
	l.nodes[to] = append(l.nodes[to], edge{from, reading[last], 1})
}

// addNumber appends the ways in which people read a number out: by digits ("one zero four
// two"), by pairs ("ten forty two", "double four"), and as an amount.
func (l *lattice) addNumber(digits string) {
	start := l.end
	place := []int{start}
	for i := range digits {
		l.end = l.add(edge{l.end, cardinals[digits[i]-'0'], 1})
		if digits[i] == '0' {
			l.addReading(place[i], l.end, []string{"oh"})
		}
		place = append(place, l.end)
	}
	for i := 0; i+2 <= len(digits); i++ {
		pair := digits[i : i+2]
		if pair[0] != '0' {
			l.addReading(place[i], place[i+2], readAmount(pair, false))
		}
		if pair[0] == pair[1] {
			l.addReading(place[i], place[i+2], []string{"double", cardinals[pair[0]-'0']})
		}
	}
	if len(digits) > 2 && len(digits) <= maxAmount && digits[0] != '0' {
		l.addReading(start, l.end, readAmount(digits, false))
		l.addReading(start, l.end, readAmount(digits, true))
	}
}
