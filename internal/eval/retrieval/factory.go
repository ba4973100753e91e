package retrieval

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The factory set has 700 pages of a maker of tools: four for each of 168 models, and those
// of the company. The pages of a family's models say the same in a few wordings, with their
// own values, so only the model tells the right page from its neighbors.
//
// The file bases/factory.txt describes the families. A line "@ FOLDER | KIND | POWER | MODELS"
// begins one, and "% POWER" begins what all families with that power have in addition. A line
// "$ NAME = VALUES" gives each model its value, which replaces {NAME} in texts; values with
// blanks are between "|". A line "[PAGE]" begins a page of each model, "* HEADING" a section,
// and "/ TEXT" another wording of the paragraph above it.

// family is a family of models.
type family struct {
	folder, kind, power string
	models              []string
	sections            []section
	values              map[string][]string
}

// section is a section of the pages of a family.
type section struct {
	page, heading string
	wordings      []string
}

// factoryPages returns the pages of all models and of the company.
func factoryPages() (map[string]string, error) {
	pages, err := archive("factory-pages.txt")()
	if err != nil {
		return nil, err
	}
	text, err := files.ReadFile("bases/factory.txt")
	if err != nil {
		return nil, err
	}
	families, shared, err := parseFamilies(string(text))
	if err != nil {
		return nil, err
	}
	for number, f := range families {
		more := shared[f.power]
		if more == nil {
			return nil, fmt.Errorf("factory.txt: the power %q of %s is unknown", f.power, f.folder)
		}
		f.sections = slices.Concat(f.sections, more.sections)
		f.values = maps.Clone(f.values)
		maps.Copy(f.values, more.values)
		for i := range f.models {
			maps.Copy(pages, f.pagesOf(number, i))
		}
	}
	return pages, nil
}

// parseFamilies returns the families, and what families of the same power share.
func parseFamilies(text string) (families []*family, shared map[string]*family, err error) {
	shared = make(map[string]*family)
	var f *family
	page := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		mark, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "":
		case mark == "@":
			fields := strings.Split(rest, " | ")
			if len(fields) != 4 {
				return nil, nil, fmt.Errorf("factory.txt: %q: want FOLDER | KIND | POWER | MODELS", line)
			}
			f = &family{folder: fields[0], kind: fields[1], power: fields[2], models: strings.Fields(fields[3]), values: make(map[string][]string)}
			families = append(families, f)
		case mark == "%":
			f = &family{power: rest, values: make(map[string][]string)}
			shared[rest] = f
		case mark == "$":
			name, values, _ := strings.Cut(rest, " = ")
			if f.values[name] = strings.Fields(values); strings.Contains(values, "|") {
				f.values[name] = strings.Split(values, "|")
			}
		case mark == "*":
			f.sections = append(f.sections, section{page: page, heading: rest})
		case mark[0] == '[':
			page = strings.Trim(line, "[]")
		default:
			s := &f.sections[len(f.sections)-1]
			s.wordings = append(s.wordings, strings.TrimPrefix(line, "/ "))
		}
	}
	return families, shared, nil
}

var pageTitles = map[string]string{"manual": "manual", "faults": "faults and remedies", "specs": "technical data", "parts": "spare parts"}

// pagesOf returns the pages of model i.
func (f *family) pagesOf(number, i int) map[string]string {
	model := f.models[i]
	replace := []string{"{model}", model, "{part}", strconv.Itoa(1000 + 40*number + 5*i)}
	for name, values := range f.values {
		replace = append(replace, "{"+name+"}", values[i%len(values)])
	}
	fill := strings.NewReplacer(replace...)
	pages := make(map[string]string)
	for page, title := range pageTitles {
		var b strings.Builder
		fmt.Fprintf(&b, "# %s %s: %s\n", model, f.kind, title)
		for _, s := range f.sections {
			if s.page == page {
				fmt.Fprintf(&b, "\n## %s\n%s\n", s.heading, fill.Replace(s.wordings[i%len(s.wordings)]))
			}
		}
		pages[f.folder+"/"+strings.ToLower(model)+"-"+page+".md"] = b.String()
	}
	return pages
}
