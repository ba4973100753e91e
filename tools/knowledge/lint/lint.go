// Package lint finds what is probably wrong with the pages of a knowledge base: statements that
// contradict each other, dates that have passed, pages that no question finds, pages in
// another language than the agent's, sections that are too long, pages without text, and links
// that lead nowhere.
//
// Pages enter as knowledge.ReadFolder returns them, findings leave, sorted by file. Of Frontdesk
// the package imports only tools/knowledge and internal/words.
package lint

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"frontdesk/internal/words"
	"frontdesk/tools/knowledge"
)

const (
	longSection  = 600 // words from which a section is too long
	firstResults = 3   // among which a page must be for one of its own headings
	maxHeadings  = 50  // of a page that are asked as questions
)

// Kind says what is wrong.
type Kind string

const (
	Contradiction Kind = "contradiction"
	Stale         Kind = "stale date"
	Unreachable   Kind = "not found"
	Foreign       Kind = "language"
	Empty         Kind = "no text"
	Long          Kind = "too long"
	DeadLink      Kind = "dead link"
)

// Finding is something that a person should look at.
type Finding struct {
	Kind    Kind   `json:"kind"`
	File    string `json:"file"`
	Heading string `json:"heading,omitempty"`
	Message string `json:"message"`
}

// Search returns the files of the passages that answer a question, the best one first.
type Search func(ctx context.Context, question string, limit int) ([]string, error)

// Check returns what is probably wrong with pages in language at the time now. A nil search
// leaves out which pages are found.
func Check(ctx context.Context, pages map[string]*knowledge.Page, language string, now time.Time, search Search) ([]Finding, error) {
	var found []Finding
	add := func(kind Kind, file, heading, format string, args ...any) {
		found = append(found, Finding{kind, file, heading, fmt.Sprintf(format, args...)})
	}
	for _, file := range slices.Sorted(maps.Keys(pages)) {
		page := pages[file]
		if len(page.Sections) == 0 {
			add(Empty, file, "", "the page has no text; fill it or remove it")
			continue
		}
		var text strings.Builder
		for _, s := range page.Sections {
			heading := strings.Join(s.Path, " > ")
			count := 0
			for _, block := range s.Blocks {
				count += len(strings.Fields(block))
				text.WriteString(block + "\n")
				for _, date := range pastDates(block, now) {
					add(Stale, file, heading, "%q has passed; correct or remove it", date)
				}
			}
			if count > longSection {
				add(Long, file, heading, "the section has %d words; divide it by headings, which help to find it", count)
			}
		}
		if other := Language(text.String()); other != "" && other != words.Language(language) {
			add(Foreign, file, "", "the page is in %q, but the agent speaks %q; translate it, or move it to an agent of that language", other, words.Language(language))
		}
		for _, link := range page.Links {
			if target, isDead := deadLink(file, link, pages); isDead {
				add(DeadLink, file, "", "the link to %s leads nowhere; correct or remove it", target)
			}
		}
	}
	found = append(found, contradictions(pages)...)
	unreachable, err := unreachable(ctx, pages, search)
	if err != nil {
		return nil, err
	}
	found = append(found, unreachable...)
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.File, b.File) })
	return found, nil
}

// deadLink reports whether a relative link to a page leads to no page. Links to other files
// and from the root of a website are not checked.
func deadLink(file, link string, pages map[string]*knowledge.Page) (string, bool) {
	if path.IsAbs(link) || path.Ext(link) == "" {
		return "", false
	}
	target := path.Join(path.Dir(file), link)
	isPage := slices.ContainsFunc(slices.Collect(maps.Keys(pages)), func(name string) bool { return path.Ext(name) == path.Ext(target) })
	_, exists := pages[target]
	return target, isPage && !exists && !strings.HasPrefix(target, "..")
}

// unreachable returns the pages that are not among the first results for their own title and
// headings.
func unreachable(ctx context.Context, pages map[string]*knowledge.Page, search Search) ([]Finding, error) {
	var found []Finding
	for _, file := range slices.Sorted(maps.Keys(pages)) {
		page := pages[file]
		if search == nil || len(page.Sections) == 0 {
			continue
		}
		questions := []string{page.Title}
		for _, s := range page.Sections {
			if n := len(s.Path); n > 0 && len(questions) <= maxHeadings {
				questions = append(questions, s.Path[n-1], page.Title+" "+s.Path[n-1])
			}
		}
		isFound := false
		for _, q := range questions {
			files, err := search(ctx, q, firstResults)
			if err != nil {
				return nil, err
			}
			if isFound = slices.Contains(files, file); isFound {
				break
			}
		}
		if !isFound {
			found = append(found, Finding{Unreachable, file, "", "neither its title nor a heading finds the page; give it headings in the words of callers"})
		}
	}
	return found, nil
}
