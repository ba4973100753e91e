package tools

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"frontdesk/internal/fault"
)

const (
	maxPage       = 1 << 20  // bytes
	maxPages      = 20_000   // per knowledge base
	maxText       = 64 << 20 // bytes of all pages together
	checkInterval = time.Second
	checkShare    = 100 // looking for changes takes at most one in this many parts of the time
)

// folder finds the pages of a knowledge base on the disk.
type folder struct{ dir string }

// stamp tells whether a file has changed.
type stamp struct {
	size     int64
	modified time.Time
}

// list finds the pages, by their paths in the folder, and what is wrong there.
// Names that begin with a dot are hidden. Links to files are followed, for this is
// how Kubernetes mounts a ConfigMap; links to folders are not.
func (f *folder) list(ctx context.Context) (map[string]stamp, []Problem, error) {
	found := make(map[string]stamp)
	var problems []Problem
	var total int64
	err := filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if path == f.dir {
			if os.IsNotExist(err) {
				return filepath.SkipAll
			}
			if err != nil {
				problems = append(problems, Problem{File: ".", Err: fault.Wrap(err, fault.Storage, "the folder cannot be read")})
			}
			return nil
		}
		name, _ := filepath.Rel(f.dir, path)
		name = filepath.ToSlash(name)
		if err != nil {
			problems = append(problems, Problem{File: name, Err: fault.Wrap(err, fault.Storage, "it cannot be read")})
			return nil
		}
		if strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !isPage(name) || entry.IsDir() {
			return nil
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			problems = append(problems, Problem{File: name, Err: fault.Wrap(err, fault.Storage, "it cannot be read")})
		case !info.Mode().IsRegular():
		case info.Size() > maxPage:
			problems = append(problems, Problem{File: name, Err: fault.New(fault.TooLarge, "the page is larger than %d bytes", maxPage)})
		case len(found) >= maxPages || total+info.Size() > maxText:
			problems = append(problems, Problem{File: name, Err: fault.New(fault.TooLarge,
				"a knowledge base holds up to %d pages and %d bytes; this page and all after it are left out", maxPages, maxText)})
			return filepath.SkipAll
		default:
			total += info.Size()
			found[name] = stamp{size: info.Size(), modified: info.ModTime()}
		}
		return nil
	})
	return found, problems, err
}

func isPage(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".md", ".markdown", ".html", ".htm", ".txt":
		return true
	}
	return false
}

// read parses one page.
func (f *folder) read(name string) (*page, error) {
	file, err := os.Open(filepath.Join(f.dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "it cannot be read")
	}
	defer file.Close()
	source, err := io.ReadAll(io.LimitReader(file, maxPage+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "it cannot be read")
	}
	if len(source) > maxPage {
		return nil, fault.New(fault.TooLarge, "the page is larger than %d bytes", maxPage)
	}
	return parsePage(name, source)
}

// catchUp looks for changes when it is time to. One search does it for all; the
// others go on with what is there, and so does it when it fails.
func (k *Knowledge) catchUp(ctx context.Context) {
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

// refresh reads the folder now.
func (k *Knowledge) refresh(ctx context.Context) error {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	return k.update(ctx)
}

// update brings the index in line with the folder. Pages that are as they were are
// not read again. The caller holds refreshing.
func (k *Knowledge) update(ctx context.Context) error {
	began := time.Now()
	found, problems, err := k.files.list(ctx)
	if err != nil {
		return fmt.Errorf("list knowledge: %w", err)
	}
	listing := time.Since(began)
	k.nextCheck = began.Add(max(checkInterval, checkShare*listing))

	gone, changed := k.compare(found)
	parsed := make(map[string]*page, len(changed))
	for _, name := range changed {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p, err := k.files.read(name)
		if err != nil {
			k.broken[name] = broken{stamp: found[name], err: err}
			gone = append(gone, name)
			continue
		}
		parsed[name] = p
	}
	for name, b := range k.broken {
		problems = append(problems, Problem{File: name, Err: b.err})
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

// compare tells which pages are no longer found, and which are new or changed. It
// forgets the broken ones that are. The caller holds refreshing, under which alone
// pages and broken change.
func (k *Knowledge) compare(found map[string]stamp) (gone, changed []string) {
	for name := range k.pages {
		if _, ok := found[name]; !ok {
			gone = append(gone, name)
		}
	}
	maps.DeleteFunc(k.broken, func(name string, b broken) bool { return !b.stamp.same(found[name]) })
	for name, s := range found {
		_, failed := k.broken[name]
		if p, ok := k.pages[name]; !failed && (!ok || !p.stamp.same(s)) {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	return gone, changed
}

func (s stamp) same(other stamp) bool {
	return s.size == other.size && s.modified.Equal(other.modified)
}

// reindex takes pages out of the index and puts others in. The caller holds mu. The
// maps change only once the index has.
func (k *Knowledge) reindex(ctx context.Context, gone []string, parsed map[string]*page, stamps map[string]stamp) error {
	tx, err := k.index.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("index knowledge: %w", err)
	}
	defer tx.Rollback()
	names := slices.Sorted(maps.Keys(parsed))
	leaving := slices.Concat(gone, names)
	for _, name := range leaving {
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
	next := k.last
	added := make(map[string][]*known, len(names))
	for _, name := range names {
		added[name], err = k.enter(ctx, insert, name, parsed[name], &next)
		if err != nil {
			return fmt.Errorf("index knowledge: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("index knowledge: %w", err)
	}
	for _, name := range leaving {
		k.forget(name)
	}
	for _, name := range names {
		p := &indexed{stamp: stamps[name], first: k.last + 1, last: k.last + int64(len(added[name]))}
		k.pages[name] = p
		for i, e := range added[name] {
			k.remember(p.first+int64(i), e)
		}
		k.last = p.last
	}
	return nil
}

// enter writes a page's passages to the index, numbered from *next+1.
func (k *Knowledge) enter(ctx context.Context, insert *sql.Stmt, name string, p *page, next *int64) ([]*known, error) {
	title := k.terms.append(nil, p.title)
	var out []*known
	for _, s := range p.sections {
		heading := strings.Join(s.path, " > ")
		headingTerms := k.terms.append(nil, heading)
		for _, text := range s.passages() {
			body := k.terms.append(nil, text)
			*next++
			_, err := insert.ExecContext(ctx, *next, strings.Join(title, " "), strings.Join(headingTerms, " "), strings.Join(body, " "))
			if err != nil {
				return nil, err
			}
			out = append(out, &known{
				Passage: Passage{Page: p.title, File: name, Heading: heading, Text: text},
				about:   different(slices.Concat(title, headingTerms)),
				terms:   different(slices.Concat(title, headingTerms, body)),
			})
		}
	}
	return out, nil
}

// different sorts terms and drops the repeated ones.
func different(terms []string) []string {
	slices.Sort(terms)
	return slices.Clip(slices.Compact(terms))
}

func (k *Knowledge) remember(id int64, p *known) {
	k.passages[id] = p
	for _, t := range p.terms {
		k.counts[t]++
	}
}

func (k *Knowledge) forget(name string) {
	p := k.pages[name]
	if p == nil {
		return
	}
	delete(k.pages, name)
	for id := p.first; id <= p.last; id++ {
		for _, t := range k.passages[id].terms {
			if k.counts[t]--; k.counts[t] == 0 {
				delete(k.counts, t)
			}
		}
		delete(k.passages, id)
	}
}
