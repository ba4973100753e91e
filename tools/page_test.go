package tools

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"frontdesk/internal/fault"
)

func TestParsePage(t *testing.T) {
	for _, test := range []struct {
		name, source string
		want         page
	}{
		{"a.md", "---\ntitle: x\n---\nIntro *text*\nover `two` lines.\n\n# Title\n\n## One\n\n- first [link](u)\n- second &amp; third\n\n### Deep\n\n> quoted\n\n## Two\n\n" +
			"| a | b |\n|---|---|\n| 1 | **2** |\n\n<div>raw</div>\n\n```\ncode here\n```\n\n![picture](p.png) <https://x.org>\n",
			page{title: "Title", sections: []section{
				{path: nil, blocks: []string{"Intro text over two lines."}},
				{path: []string{"One"}, blocks: []string{"first link", "second & third"}},
				{path: []string{"One", "Deep"}, blocks: []string{"quoted"}},
				{path: []string{"Two"}, blocks: []string{"a, b", "1, 2", "code here", "picture https://x.org"}},
			}}},
		{"some_page-name.txt", "one\nparagraph\r\n\r\nanother\n",
			page{title: "some page name", sections: []section{{blocks: []string{"one paragraph", "another"}}}}},
		{"b.html", `<title>Tab</title><nav>menu</nav><h1>The <i>page</i></h1><p>One<br>two &lt;3</p>` +
			`<script>var x</script><style>p{}</style><ul><li>a<li>b</ul><h2>More</h2><table><tr><td>x<td>y</table>loose<footer>legal</footer>`,
			page{title: "The page", sections: []section{
				{blocks: []string{"One two <3", "a", "b"}},
				{path: []string{"More"}, blocks: []string{"x, y", "loose"}},
			}}},
		{"empty.md", "", page{title: "empty"}},
		{"headings.md", "# A\n# B\n## \ntext\n", page{title: "A", sections: []section{{path: []string{"B"}, blocks: []string{"text"}}}}},
	} {
		got, err := parsePage(test.name, []byte(test.source))
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
	got := section{blocks: []string{"Short item", strings.Join([]string{sentence, sentence, sentence, sentence}, " "), strings.Repeat("endless ", 130)}}.passages()
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
		"quotes": "> ", "brackets": "[", "stars": "*a ", "links": "[a](", "lists": "- ", "ticks": "`", "tags": "<a ", "divs": "<div>",
		"bold": "<b>", "tables": "<table><td>", "lines": "a\n\n",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for name, size := range map[string]int{"x.md": maxStretch, "x.html": maxPage, "x.txt": maxPage} {
				if p, err := parsePage(name, []byte(strings.Repeat(unit, size/len(unit)))); err == nil {
					checkPage(t, p)
				}
			}
		})
	}
	_, err := parsePage("x.md", []byte("# Long\n\n"+strings.Repeat("> ", maxPage/2)))
	if err == nil || fault.From(err).Code != fault.TooLarge {
		t.Errorf("a Markdown page without an empty line: got error %v, want %s", err, fault.TooLarge)
	}
}

func checkPage(t *testing.T, p *page) {
	t.Helper()
	for _, s := range p.sections {
		for _, text := range s.passages() {
			if n := len(strings.Fields(text)); n == 0 || n > passageWords || !utf8.ValidString(text) {
				t.Errorf("passage of %d words (want 1 to %d): %.60q", n, passageWords, text)
			}
		}
	}
}

func FuzzPage(f *testing.F) {
	for _, source := range []string{
		"# A\n\n- b\n", "---\n\n---\n", "| a |\n|-|\n| b |\n", "<h1>a<p>b<table><tr><td>c", "<title></title>", "\ufeff# x", "[a][b]\n\n[b]: c",
		"<svg><title>x</svg>", "1. a\n   > b\n\n       c\n", "&#0;&notin;&#x110000;",
	} {
		f.Add("x.md", []byte(source))
		f.Add("x.html", []byte(source))
	}
	f.Fuzz(func(t *testing.T, name string, source []byte) {
		if p, err := parsePage(name, source); err == nil {
			checkPage(t, p)
		}
	})
}
