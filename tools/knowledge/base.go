// Package knowledge is an agent's knowledge base: a folder of pages, searched by questions as
// callers ask them.
//
// Files enter through formats. A Format reads the bytes of a file into a Page: a title and
// sections, each with the headings above it and its paragraphs, list items and table rows.
// Markdown and plain text are built in; Options.Formats adds others by extension, and package
// documents has them. An Outline builds a page from headings and blocks. Open reads the
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
	"slices"
	"sync"
	"time"

	_ "modernc.org/sqlite" // driver "sqlite"

	"frontdesk/internal/words"
)

const indexBuffer = 16 << 20 // bytes of new terms that the index collects before it merges them

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
	counts     map[string]int // passages that contain a term
	words      *vocabulary
	unreadable map[string]unreadablePage // by file
	problems   []Problem
	last       int64       // number of the newest passage
	dense      *denseIndex // nil without an embedding model
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
	Page    string  `json:"page"`           // the page's title
	File    string  `json:"file"`           // its path in the folder, with slashes
	Leaf    int     `json:"leaf,omitempty"` // of a PDF, from 1
	URL     string  `json:"url,omitempty"`  // where people read it
	Heading string  `json:"heading,omitempty"`
	Text    string  `json:"text"`
	Score   float64 `json:"score"` // 0 to 1: how much of the question's words the passage covers
	// Confidence is the probability that the passage answers the question, 0 to 1, as it was
	// among labelled questions.
	Confidence float64 `json:"confidence"`
	// IsAnswer reports whether the confidence is high enough to answer from the passage.
	IsAnswer bool `json:"answer,omitempty"`
}

// indexedPassage is a passage in the index.
type indexedPassage struct {
	Passage
	titleTerms []string // of the page's title and the headings, sorted
	terms      []string // all different terms, sorted
}

// Source names the page for people, with the number of a PDF's page.
func (p Passage) Source() string {
	if p.Leaf > 0 {
		return fmt.Sprintf("%s, page %d", p.Page, p.Leaf)
	}
	return p.Page
}

// ReadFolder reads the pages in dir as Open does, without indexing them: pages by file, and the
// ignored files, sorted by name.
func ReadFolder(ctx context.Context, dir string, formats map[string]Format) (map[string]*Page, []Problem, error) {
	files := newPageFolder(dir, formats)
	found, problems, err := files.list(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list knowledge: %w", err)
	}
	pages := make(map[string]*Page, len(found))
	for name := range found {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		page, err := files.read(ctx, name)
		if err != nil {
			problems = append(problems, Problem{File: name, Err: err})
			continue
		}
		pages[name] = page
	}
	slices.SortFunc(problems, func(a, b Problem) int { return cmp.Compare(a.File, b.File) })
	return pages, problems, nil
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
	// Embedder makes the vectors of the dense index. Without it, pages are found by their words.
	Embedder Embedder
	// OnProblem, if set, is told when the embedder fails, by a goroutine of the base: once for
	// each row of failures.
	OnProblem func(error)
}

// Open reads the pages in dir and its folders: Markdown, plain text and the formats of the
// options. It ignores pages that it cannot read; Problems lists them. A folder that does
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
	k := &Base{
		index: db, files: newPageFolder(dir, options.Formats), terms: newTermCache(words.LexiconOf(options.Language)),
		pages: make(map[string]*indexedPage), passages: make(map[int64]*indexedPassage),
		counts: make(map[string]int), words: newVocabulary(nil, nil), unreadable: make(map[string]unreadablePage),
	}
	if options.Embedder != nil {
		report := options.OnProblem
		if report == nil {
			report = func(error) {}
		}
		k.dense = newDenseIndex(options.Embedder, report)
	}
	if err := k.update(ctx); err != nil {
		k.dense.close()
		db.Close()
		return nil, err
	}
	return k, nil
}

// Close ends the computation of vectors, and frees the index. Search must not be called any
// more.
func (k *Base) Close() error {
	k.dense.close()
	return k.index.Close()
}

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
