package tools

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	indexBuffer   = 16 << 20 // bytes of new terms the index gathers before it sorts them in
	candidates    = 24       // passages the index hands over for a closer look
	maxQueryTerms = 24       // different words of a question that count
	titleWeight   = 2.0      // of a word in the page's title, in bm25
	headingWeight = 3.0
	bodyWeight    = 1.0
	focusWeight   = 0.5
)

// Knowledge is a folder of pages that can be asked. It follows the folder: changes
// are seen by the next search, at most once a second. Safe for concurrent use.
type Knowledge struct {
	index *sql.DB // FTS5 over terms; the rowid is a passage's number
	files *folder

	refreshing sync.Mutex // held while the folder is read
	nextCheck  time.Time

	mu       sync.RWMutex // guards what follows, and the index's agreement with it
	terms    termCache
	pages    map[string]*indexed // by file
	passages map[int64]*known
	counts   map[string]int    // passages that hold a term
	broken   map[string]broken // by file
	problems []Problem
	last     int64 // the newest passage's number
}

// indexed is a page in the index.
type indexed struct {
	stamp stamp
	first int64 // its passages are first to last, or none
	last  int64
}

// broken is a page that could not be read; it is not tried again until it changes.
type broken struct {
	stamp stamp
	err   error
}

// Passage is a piece of a page, short enough to be read aloud.
type Passage struct {
	Page    string  `json:"page"` // the page's title
	File    string  `json:"file"` // its path in the folder, with slashes
	Heading string  `json:"heading,omitempty"`
	Text    string  `json:"text"`
	Score   float64 `json:"score"` // 0 to 1: how much of the question the passage covers
}

// known is a passage in the index.
type known struct {
	Passage
	about []string // terms of the page's title and the headings
	terms []string // all different terms, sorted
}

// Problem is a file that could not be used. The rest works without it.
type Problem struct {
	File string
	Err  error
}

// OpenKnowledge reads the pages (.md, .html, .htm, .txt) under dir, in its folders
// too. What cannot be read is left out and listed by Problems. A folder that does
// not exist is an empty knowledge base.
func OpenKnowledge(ctx context.Context, dir string) (*Knowledge, error) {
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
		return nil, fmt.Errorf("make knowledge index: %w", err)
	}
	k := &Knowledge{
		index: db, files: &folder{dir: dir},
		pages: make(map[string]*indexed), passages: make(map[int64]*known), counts: make(map[string]int),
		broken: make(map[string]broken), terms: make(termCache),
	}
	if err := k.refresh(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return k, nil
}

// Close frees the index. Nothing may be searched any more.
func (k *Knowledge) Close() error { return k.index.Close() }

// Problems lists the files that are left out, by name.
func (k *Knowledge) Problems() []Problem {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Clone(k.problems)
}

// Pages is the number of pages that can be found.
func (k *Knowledge) Pages() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.pages)
}

// Texts are all texts as they are written, titles and headings too, in the order of
// the files: what a recogniser should expect to hear about.
func (k *Knowledge) Texts() []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	files := make([]string, 0, len(k.pages))
	for file := range k.pages {
		files = append(files, file)
	}
	slices.Sort(files)
	var out []string
	for _, file := range files {
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

// Search finds up to limit passages that answer query, spoken or typed, best first.
// A query without a word that says what it is about finds nothing.
func (k *Knowledge) Search(ctx context.Context, query string, limit int) ([]Passage, error) {
	k.catchUp(ctx)
	k.mu.RLock()
	defer k.mu.RUnlock()
	asked := k.question(query)
	if len(asked) == 0 || limit <= 0 {
		return nil, nil
	}
	found, err := k.candidates(ctx, asked)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fault.From(ctx.Err())
		}
		return nil, fmt.Errorf("search knowledge: %w", err)
	}
	for i, h := range found {
		found[i].Score = k.coverage(asked, k.passages[h.id].terms)
		found[i].focus = focus(asked, h.about)
	}
	best := found[0:0:0]
	for _, f := range found {
		if f.Score > 0 {
			best = append(best, f)
		}
	}
	slices.SortStableFunc(best, func(a, b hit) int { return cmp.Compare(b.merit(), a.merit()) })
	out := make([]Passage, 0, limit)
	for _, f := range best[:min(limit, len(best))] {
		out = append(out, f.Passage)
	}
	return out, nil
}

// question is the different terms of a query, the first ones of a long speech.
func (k *Knowledge) question(query string) []string {
	cache := make(termCache) // k.terms must not change under a read lock
	var asked []string
	for _, t := range cache.append(nil, words.Clip(query, 4096)) {
		if !slices.Contains(asked, t) && len(asked) < maxQueryTerms {
			asked = append(asked, t)
		}
	}
	return asked
}

// hit is a passage the index found.
type hit struct {
	Passage
	id    int64
	about []string
	bm25  float64 // larger is better, relative to the best one: 0 to 1
	focus float64
}

// merit ranks hits: coverage says how much of the question a passage is about, bm25
// how much of the passage is about the question, and focus tells the passages of a
// page apart whose words are much the same.
func (h hit) merit() float64 { return h.Score + h.bm25 + focusWeight*h.focus }

// focus is the share of the terms of title and heading that were asked for, 0 to 1.
func focus(asked, about []string) float64 {
	if len(about) == 0 {
		return 0
	}
	n := 0
	for _, t := range about {
		if slices.Contains(asked, t) {
			n++
		}
	}
	return float64(n) / float64(len(about))
}

// candidates asks the index for passages with any of the terms.
func (k *Knowledge) candidates(ctx context.Context, asked []string) ([]hit, error) {
	rows, err := k.index.QueryContext(ctx, `SELECT rowid, -bm25(passages, ?, ?, ?) AS score FROM passages
		WHERE passages MATCH ? ORDER BY score DESC, rowid LIMIT ?`,
		titleWeight, headingWeight, bodyWeight, `"`+strings.Join(asked, `" OR "`)+`"`, candidates)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []hit
	best := math.SmallestNonzeroFloat64
	for rows.Next() {
		var h hit
		if err := rows.Scan(&h.id, &h.bm25); err != nil {
			return nil, err
		}
		p, ok := k.passages[h.id]
		if !ok {
			return nil, errors.New("the index holds a passage that is not there")
		}
		h.Passage, h.about = p.Passage, p.about
		best = max(best, h.bm25)
		found = append(found, h)
	}
	for i := range found {
		found[i].bm25 /= best
	}
	return found, rows.Err()
}

// coverage is the share of the question's terms a passage holds, each by its
// rarity (inverse document frequency); a term no page has counts as the rarest.
func (k *Knowledge) coverage(asked, held []string) float64 {
	var have, all float64
	n := float64(len(k.passages))
	for _, t := range asked {
		idf := math.Log(1 + (n+0.5)/(float64(k.counts[t])+0.5))
		all += idf
		if _, ok := slices.BinarySearch(held, t); ok {
			have += idf
		}
	}
	return have / all
}

// KnowledgeTool lets a model search k.
func KnowledgeTool(k *Knowledge) Tool {
	type arguments struct {
		Query string `json:"query" jsonschema:"what the caller wants to know, in a few words"`
	}
	return Func("search_knowledge",
		"Search the knowledge base for facts about the company, its products and its rules. "+
			"Use it before answering any question of fact, and answer only from what it finds.",
		Reads, func(ctx context.Context, _ string, args arguments) (any, []Note, error) {
			found, err := k.Search(ctx, args.Query, 4)
			if err != nil {
				return nil, nil, err
			}
			if len(found) == 0 {
				return map[string]any{"passages": []Passage{}, "message": "The knowledge base has nothing about this."}, nil, nil
			}
			best := found[0]
			note := Note{Kind: "source", ID: best.File, Title: best.Page, Text: best.Text}
			return map[string]any{"passages": found}, []Note{note}, nil
		})
}
