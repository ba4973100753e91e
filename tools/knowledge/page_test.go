package knowledge

import (
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

func TestParsePage(t *testing.T) {
	for _, test := range []struct {
		name, source string
		want         Page
	}{
		{"a.md", "---\ntitle: x\n---\nIntro *text*\nover `two` lines.\n\n# Title\n\n## One\n\n- first [link](u)\n- second &amp; third\n\n### Deep\n\n> quoted\n\n## Two\n\n" +
			"| a | b |\n|---|---|\n| 1 | **2** |\n\n<div>raw</div>\n\n```\ncode here\n```\n\n![picture](p.png) <https://x.org>\n",
			Page{Title: "Title", Sections: []Section{
				{Path: nil, Blocks: []string{"Intro text over two lines."}},
				{Path: []string{"One"}, Blocks: []string{"first link", "second & third"}},
				{Path: []string{"One", "Deep"}, Blocks: []string{"quoted"}},
				{Path: []string{"Two"}, Blocks: []string{"a, b", "1, 2", "code here", "picture https://x.org"}},
			}, Links: []string{"u"}}},
		{"prices.md", "| Part | Price: | Stock |\n|---|---|---|\n| Lamp | 9 € | [few](stock.md#now) |\n| Bulb | | none |\n",
			Page{Sections: []Section{{Blocks: []string{"Lamp, Price: 9 €, Stock: few", "Bulb, Stock: none"}}}, Links: []string{"stock.md"}}},
		{"some_page-name.txt", "one\nparagraph\r\n\r\nanother\n",
			Page{Sections: []Section{{Blocks: []string{"one paragraph", "another"}}}}},
		{"excel.txt", "\xff\xfeH\x00i\x00\xe4\x00", Page{Sections: []Section{{Blocks: []string{"Hiä"}}}}},
		{"empty.md", "", Page{}},
		{"headings.md", "# A\n# B\n## \ntext\n", Page{Title: "A", Sections: []Section{{Path: []string{"B"}, Blocks: []string{"text"}}}}},
	} {
		got, err := readPage(t, test.name, []byte(test.source))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if !reflect.DeepEqual(*got, test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.name, *got, test.want)
		}
	}
}

func TestPassagesEndWithSentences(t *testing.T) {
	sentence := strings.Repeat("word ", 49) + "end."
	got := Section{Blocks: []string{"Short item", strings.Join([]string{sentence, sentence, sentence, sentence}, " "), strings.Repeat("endless ", 130)}}.passages()
	want := []string{
		"Short item. " + sentence + " " + sentence,
		sentence + " " + sentence,
		strings.TrimSpace(strings.Repeat("endless ", 120)),
		strings.TrimSpace(strings.Repeat("endless ", 10)),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

// Parsing a page that is made to exhaust the parser ends in time, without its deepest text.
func TestParsePageBoundsHostilePages(t *testing.T) {
	for what, unit := range map[string]string{
		"quotes": "> ", "brackets": "[", "stars": "*a ", "links": "[a](", "lists": "- ", "ticks": "`", "tags": "<a ", "lines": "a\n\n",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for name, size := range map[string]int{"x.md": maxStretch, "x.txt": maxPage} {
				if p, err := readPage(t, name, []byte(strings.Repeat(unit, size/len(unit)))); err == nil {
					checkPage(t, p)
				}
			}
		})
	}
	_, err := readPage(t, "x.md", []byte("# Long\n\n"+strings.Repeat("> ", maxPage/2)))
	if err == nil || fault.From(err).Code != fault.TooLarge {
		t.Errorf("a Markdown page without an empty line: got error %v, want %s", err, fault.TooLarge)
	}
}

// readPage reads a page as the knowledge base does: pages of an unknown format as plain text.
func readPage(t *testing.T, name string, source []byte) (*Page, error) {
	t.Helper()
	format, ok := builtInFormats[strings.ToLower(filepath.Ext(name))]
	if !ok {
		format.Read = readPlain
	}
	return format.Read(t.Context(), name, source)
}

func checkPage(t *testing.T, p *Page) {
	t.Helper()
	for _, s := range p.Sections {
		for _, text := range s.passages() {
			if n := len(strings.Fields(text)); n == 0 || n > passageWords || !utf8.ValidString(text) {
				t.Errorf("passage of %d words (want 1 to %d): %.60q", n, passageWords, text)
			}
		}
	}
}

func FuzzPage(f *testing.F) {
	for _, source := range []string{
		"# A\n\n- b\n", "---\n\n---\n", "| a |\n|-|\n| b |\n", "| a | b | c |\n|-|-|-|\n| d |\n", "\ufeff# x", "[a][b]\n\n[b]: c",
		"1. a\n   > b\n\n       c\n", "&#0;&notin;&#x110000;",
	} {
		f.Add("x.md", []byte(source))
		f.Add("x.txt", []byte(source))
	}
	f.Fuzz(func(t *testing.T, name string, source []byte) {
		if p, err := readPage(t, name, source); err == nil {
			checkPage(t, p)
		}
	})
}

// A format of the options reads its files, within its own limit, and leads to their sections.
func TestOpenWithAFormat(t *testing.T) {
	lines := Format{MaxSize: 2 * maxPage, Read: func(_ context.Context, name string, source []byte) (*Page, error) {
		o := &Outline{}
		for line := range strings.Lines(string(source)) {
			title, text, _ := strings.Cut(line, ": ")
			o.Heading(2, title, strings.ToLower(title))
			o.Block(text)
		}
		o.Page().URL = "https://shop.example/" + name
		return o.Page(), nil
	}}
	sheet := Format{Remedy: "save it as .lines"}
	dir := writeFiles(t, map[string]string{
		"sheet.xyz":        "chairs",
		"price-list.lines": "Lamps: They cost 40 dollars.\nChairs: They cost 90 dollars.\n" + strings.Repeat("\n", maxPage),
		"long.lines":       strings.Repeat("chairs ", maxPage),
	})
	k, err := Open(t.Context(), dir, Options{Language: "en", Formats: map[string]Format{".lines": lines, ".xyz": sheet}})
	require.NoError(t, err)
	defer k.Close()
	found := search(t, k, "chairs", 3)
	want := Passage{Page: "price list", File: "price-list.lines", URL: "https://shop.example/price-list.lines#chairs", Heading: "Chairs", Text: "They cost 90 dollars.", Score: 1}
	if len(found) == 1 {
		want.Confidence, want.IsAnswer = found[0].Confidence, found[0].IsAnswer
	}
	if len(found) != 1 || found[0] != want {
		t.Errorf("got %+v, want %+v", found, want)
	}
	p := k.Problems()
	if len(p) != 2 || p[0].File != "long.lines" || p[1].File != "sheet.xyz" || !strings.Contains(p[1].Err.Error(), sheet.Remedy) {
		t.Errorf("got problems %v, want the file that is too large and the remedy", p)
	}
}
