// Package knowledge is an agent's knowledge base: a folder of pages, searched by questions as
// callers ask them.
//
// Files enter through formats. A Format reads the bytes of a file into a Page: a title and
// sections, each with the headings above it and its paragraphs, list items and table rows.
// Markdown, HTML and plain text are built in; Options.Formats adds others by extension, and
// package documents has some. An Outline builds a page from headings and blocks. Open reads the
// folder, cuts each section into passages short enough to be read aloud, and indexes them;
// searches notice changed files.
//
// Questions enter through Search, and passages leave, the best one first, each with its page,
// its heading and how far it answers. Tool offers the search to a model.
//
// Of Frontdesk the package imports only tools, tools/gate, internal/fault and internal/words.
package knowledge

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // driver "sqlite"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

const (
	indexBuffer   = 16 << 20 // bytes of new terms that the index collects before it merges them
	maxCandidates = 24       // passages of the index that are ranked
	maxQuery      = 4096     // bytes of a query
	maxQueryTerms = 24       // different terms of a query
	titleWeight   = 2.0      // of a term in the page's title, in bm25
	headingWeight = 3.0
	bodyWeight    = 1.0
	focusWeight   = 0.5
)

// Base is a searchable folder of pages. A search sees changes in the folder, which it
// looks for at most once a second. Safe for concurrent use.
type Base struct {
	index *sql.DB // FTS5 over terms; the rowid is a passage's number
	files *pageFolder

	refreshing sync.Mutex // held while the folder is read
	nextCheck  time.Time

	mu         sync.RWMutex // guards the index and the fields below, which agree with it
	terms      *termCache
	pages      map[string]*indexedPage // by file
	passages   map[int64]*indexedPassage
	counts     map[string]int            // passages that contain a term
	unreadable map[string]unreadablePage // by file
	problems   []Problem
	last       int64 // number of the newest passage
}

// indexedPage is a page in the index. Its passages have the numbers first to last.
type indexedPage struct {
	version     fileVersion
	first, last int64
}

// unreadablePage is a page that is not read again until it changes.
type unreadablePage struct {
	version fileVersion
	err     error
}

// Passage is a piece of a page, short enough to be read aloud.
type Passage struct {
	Page    string  `json:"page"`          // the page's title
	File    string  `json:"file"`          // its path in the folder, with slashes
	URL     string  `json:"url,omitempty"` // where people read it
	Heading string  `json:"heading,omitempty"`
	Text    string  `json:"text"`
	Score   float64 `json:"score"` // 0 to 1: how much of the question the passage covers
}

// indexedPassage is a passage in the index.
type indexedPassage struct {
	Passage
	titleTerms []string // of the page's title and the headings, sorted
	terms      []string // all different terms, sorted
}

// Problem is a file that is ignored, and why. The other files work without it.
type Problem struct {
	File string
	Err  error
}

// Options are the settings of a knowledge base.
type Options struct {
	Language string            // of the pages and questions, BCP 47
	Formats  map[string]Format // by extension, such as ".pdf"; in addition to the built-in ones, or in their place
}

// Open reads the pages in dir and its folders: Markdown, HTML, plain text and the formats of
// the options. It ignores pages that it cannot read; Problems lists them. A folder that does
// not exist is an empty knowledge base.
func Open(ctx context.Context, dir string, options Options) (*Base, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("open knowledge index: %w", err)
	}
	db.SetMaxOpenConns(1) // another connection would see another database
	db.SetMaxIdleConns(1)
	_, err = db.ExecContext(ctx, `CREATE VIRTUAL TABLE passages USING fts5
		(title, heading, body, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 0');
		INSERT INTO passages (passages, rank) VALUES ('hashsize', ?)`, indexBuffer)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("create knowledge index: %w", err)
	}
	formats := maps.Clone(builtInFormats)
	maps.Copy(formats, options.Formats)
	k := &Base{
		index: db, files: &pageFolder{dir, formats}, terms: newTermCache(words.LexiconOf(options.Language)),
		pages: make(map[string]*indexedPage), passages: make(map[int64]*indexedPassage),
		counts: make(map[string]int), unreadable: make(map[string]unreadablePage),
	}
	if err := k.update(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return k, nil
}

// Close frees the index. Search must not be called any more.
func (k *Base) Close() error { return k.index.Close() }

// Problems returns the ignored files, sorted by name.
func (k *Base) Problems() []Problem {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Clone(k.problems)
}

// Pages returns the number of pages in the index.
func (k *Base) Pages() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.pages)
}

// Texts returns all titles, headings and passages, sorted by file: what a recognizer
// should expect to hear about.
func (k *Base) Texts() []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var out []string
	for _, file := range slices.Sorted(maps.Keys(k.pages)) {
		p := k.pages[file]
		for id := p.first; id <= p.last; id++ {
			passage := k.passages[id]
			if id == p.first {
				out = append(out, passage.Page)
			}
			if passage.Heading != "" && (id == p.first || k.passages[id-1].Heading != passage.Heading) {
				out = append(out, passage.Heading)
			}
			out = append(out, passage.Text)
		}
	}
	return out
}

// Search returns up to limit passages that answer query, spoken or typed, the best one
// first. A query of stop words has no results.
func (k *Base) Search(ctx context.Context, query string, limit int) ([]Passage, error) {
	k.refreshIfDue(ctx)
	k.mu.RLock()
	defer k.mu.RUnlock()
	terms := queryTerms(k.terms.lexicon, query)
	if len(terms) == 0 || limit <= 0 {
		return nil, nil
	}
	found, err := k.candidates(ctx, terms)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fault.From(ctx.Err())
		}
		return nil, fmt.Errorf("search knowledge: %w", err)
	}
	for i, c := range found {
		found[i].Score = k.coverage(terms, c.terms)
		found[i].focus = focus(terms, c.titleTerms)
	}
	found = slices.DeleteFunc(found, func(c candidate) bool { return c.Score <= 0 })
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.rank(), a.rank()) })
	out := make([]Passage, 0, limit)
	for _, c := range found[:min(limit, len(found))] {
		out = append(out, c.Passage)
	}
	return out, nil
}

// queryTerms returns the different terms of a query, only the first ones of a long query.
func queryTerms(l *words.Lexicon, query string) []string {
	cache := newTermCache(l) // the one of Knowledge must not change under a read lock
	var terms []string
	for _, t := range cache.append(nil, words.Clip(query, maxQuery)) {
		if !slices.Contains(terms, t) && len(terms) < maxQueryTerms {
			terms = append(terms, t)
		}
	}
	return terms
}

// candidate is a passage that the index found.
type candidate struct {
	indexedPassage
	bm25  float64 // 0 to 1, 1 for the best candidate
	focus float64
}

// rank orders candidates. The coverage in Score says how much of the question the passage
// is about, bm25 how much of the passage is about the question, and focus prefers one
// passage among similar ones of a page.
func (c candidate) rank() float64 { return c.Score + c.bm25 + focusWeight*c.focus }

// focus returns the share of the title's terms that the query contains, 0 to 1.
func focus(query, title []string) float64 {
	if len(title) == 0 {
		return 0
	}
	n := 0
	for _, t := range title {
		if slices.Contains(query, t) {
			n++
		}
	}
	return float64(n) / float64(len(title))
}

// candidates returns the passages of the index that contain any of the terms.
func (k *Base) candidates(ctx context.Context, terms []string) ([]candidate, error) {
	rows, err := k.index.QueryContext(ctx, `SELECT rowid, -bm25(passages, ?, ?, ?) AS score FROM passages
		WHERE passages MATCH ? ORDER BY score DESC, rowid LIMIT ?`,
		titleWeight, headingWeight, bodyWeight, `"`+strings.Join(terms, `" OR "`)+`"`, maxCandidates)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []candidate
	best := math.SmallestNonzeroFloat64
	for rows.Next() {
		var id int64
		var bm25 float64
		if err := rows.Scan(&id, &bm25); err != nil {
			return nil, err
		}
		p, ok := k.passages[id]
		if !ok {
			return nil, fmt.Errorf("the index has an unknown passage %d", id)
		}
		best = max(best, bm25)
		found = append(found, candidate{indexedPassage: *p, bm25: bm25})
	}
	for i := range found {
		found[i].bm25 /= best
	}
	return found, rows.Err()
}

// coverage returns the share of the query's terms that a passage has. Rare terms weigh
// more (inverse document frequency); a term that no page has weighs most.
func (k *Base) coverage(query, passage []string) float64 {
	var covered, total float64
	n := float64(len(k.passages))
	for _, t := range query {
		idf := math.Log(1 + (n+0.5)/(float64(k.counts[t])+0.5))
		total += idf
		if _, ok := slices.BinarySearch(passage, t); ok {
			covered += idf
		}
	}
	return covered / total
}
