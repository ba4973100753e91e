package knowledge

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// refreshIfDue reads changed pages if the last check was long enough ago. Only one search
// at a time does this. The others use the index as it is, and so does this one after an
// error.
func (k *Base) refreshIfDue(ctx context.Context) {
	if !k.refreshing.TryLock() {
		return
	}
	defer k.refreshing.Unlock()
	if time.Now().Before(k.nextCheck) {
		return
	}
	if err := k.update(ctx); err != nil && ctx.Err() == nil {
		k.mu.Lock()
		k.problems = append(k.problems[:0:0], Problem{File: ".", Err: err})
		k.mu.Unlock()
	}
}

// update reads new and changed pages into the index and removes those that are gone. The
// caller holds refreshing, except while k is being opened.
func (k *Base) update(ctx context.Context) error {
	began := time.Now()
	found, problems, err := k.files.list(ctx)
	if err != nil {
		return fmt.Errorf("list knowledge: %w", err)
	}
	listTime := time.Since(began)
	k.nextCheck = began.Add(max(checkInterval, checkShare*listTime))

	gone, changed := k.compare(found)
	parsed := make(map[string]*Page, len(changed))
	for _, name := range changed {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p, err := k.files.read(ctx, name)
		if err != nil {
			k.unreadable[name] = unreadablePage{version: found[name], err: err}
			gone = append(gone, name)
			continue
		}
		parsed[name] = p
	}
	for name, p := range k.unreadable {
		problems = append(problems, Problem{File: name, Err: p.err})
	}
	slices.SortFunc(problems, func(a, b Problem) int { return cmp.Compare(a.File, b.File) })
	k.mu.Lock()
	defer k.mu.Unlock()
	k.problems = problems
	if len(gone) == 0 && len(parsed) == 0 {
		return nil
	}
	return k.reindex(ctx, gone, parsed, found)
}

// compare returns the pages that are gone and those that are new or changed. It forgets
// unreadable pages that have changed. The caller holds refreshing, without which pages and
// unreadable do not change.
func (k *Base) compare(found map[string]fileVersion) (gone, changed []string) {
	for name := range k.pages {
		if _, ok := found[name]; !ok {
			gone = append(gone, name)
		}
	}
	maps.DeleteFunc(k.unreadable, func(name string, p unreadablePage) bool { return !p.version.equal(found[name]) })
	for name, version := range found {
		_, failed := k.unreadable[name]
		if p, ok := k.pages[name]; !failed && (!ok || !p.version.equal(version)) {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	return gone, changed
}

// reindex removes the gone pages from the index and puts the parsed ones in. The maps
// change only after the index has. The caller holds mu.
func (k *Base) reindex(ctx context.Context, gone []string, parsed map[string]*Page, versions map[string]fileVersion) error {
	tx, err := k.index.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("index knowledge: %w", err)
	}
	defer tx.Rollback()
	names := slices.Sorted(maps.Keys(parsed))
	outdated := slices.Concat(gone, names)
	for _, name := range outdated {
		if p := k.pages[name]; p != nil && p.last >= p.first {
			if _, err := tx.ExecContext(ctx, `DELETE FROM passages WHERE rowid BETWEEN ? AND ?`, p.first, p.last); err != nil {
				return fmt.Errorf("index knowledge: %w", err)
			}
		}
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO passages (rowid, title, heading, body) VALUES (?, ?, ?, ?)`)
	if err != nil {
		return fmt.Errorf("index knowledge: %w", err)
	}
	defer insert.Close()
	last := k.last
	added := make(map[string][]*indexedPassage, len(names))
	for _, name := range names {
		added[name], err = k.insertPage(ctx, insert, name, parsed[name], &last)
		if err != nil {
			return fmt.Errorf("index knowledge: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("index knowledge: %w", err)
	}
	for _, name := range outdated {
		k.removePage(name)
	}
	var planned []densePassage
	for _, name := range names {
		p := &indexedPage{version: versions[name], first: k.last + 1, last: k.last + int64(len(added[name]))}
		k.pages[name] = p
		for i, passage := range added[name] {
			k.addPassage(p.first+int64(i), passage)
			planned = append(planned, densePassage{id: p.first + int64(i), texts: passage.texts()})
		}
		k.last = p.last
	}
	k.dense.add(planned)
	k.learnWords()
	return nil
}

// learnWords makes the vocabulary of the pages and of the language. The caller holds mu.
func (k *Base) learnWords() {
	known := make(map[string]string, len(k.terms.terms))
	for word, term := range k.terms.terms {
		if term == "" || k.counts[term] > 0 {
			known[word] = term
		}
	}
	for _, word := range k.terms.lexicon.Known() {
		known[word] = k.terms.lexicon.SearchTerm(word)
	}
	k.words = newVocabulary(known, k.counts)
}

// insertPage inserts a page's passages into the index and numbers them from *last+1.
func (k *Base) insertPage(ctx context.Context, insert *sql.Stmt, name string, p *Page, last *int64) ([]*indexedPassage, error) {
	title := k.terms.append(nil, p.Title)
	var out []*indexedPassage
	for _, s := range p.Sections {
		url := p.URL
		if url != "" && s.Anchor != "" {
			url += "#" + s.Anchor
		}
		heading := strings.Join(s.Path, " > ")
		headingTerms := k.terms.append(nil, heading)
		for _, text := range s.passages() {
			body := k.terms.append(nil, text)
			*last++
			_, err := insert.ExecContext(ctx, *last, strings.Join(title, " "), strings.Join(headingTerms, " "), strings.Join(body, " "))
			if err != nil {
				return nil, err
			}
			out = append(out, &indexedPassage{
				Passage:    Passage{Page: p.Title, File: name, Leaf: s.Leaf, URL: url, Heading: heading, Text: text},
				titleTerms: sortUnique(slices.Concat(title, headingTerms)),
				terms:      sortUnique(slices.Concat(title, headingTerms, body)),
			})
		}
	}
	return out, nil
}

// texts returns the passage with its title and headings, and its sentences, as vectors stand
// for them.
func (p *Passage) texts() []string {
	whole := p.Page + ". " + p.Text
	if p.Heading != "" {
		whole = p.Page + " > " + p.Heading + ". " + p.Text
	}
	out := []string{whole}
	for fields := strings.Fields(p.Text); len(fields) > 0 && len(out) <= maxSentences; {
		end := firstSentence(fields)
		if end > 1 {
			out = append(out, strings.Join(fields[:end], " "))
		}
		fields = fields[end:]
	}
	return out
}

func sortUnique(terms []string) []string {
	slices.Sort(terms)
	return slices.Clip(slices.Compact(terms))
}

func (k *Base) addPassage(id int64, p *indexedPassage) {
	k.passages[id] = p
	for _, t := range p.terms {
		k.counts[t]++
	}
}

func (k *Base) removePage(name string) {
	p := k.pages[name]
	if p == nil {
		return
	}
	delete(k.pages, name)
	k.dense.remove(p.first, p.last)
	for id := p.first; id <= p.last; id++ {
		for _, t := range k.passages[id].terms {
			if k.counts[t]--; k.counts[t] == 0 {
				delete(k.counts, t)
			}
		}
		delete(k.passages, id)
	}
}
