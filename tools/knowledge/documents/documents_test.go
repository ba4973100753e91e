package documents

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools/knowledge"
)

var update = flag.Bool("update", false, "write the expected texts of the sample documents")

// The sample documents were made by LibreOffice, Pandoc, python-docx and ReportLab. The text
// beside each one is what a reader of the document sees.
func TestSampleDocuments(t *testing.T) {
	for _, name := range []string{
		"handbook.docx", "libreoffice.docx", "pandoc.docx", "faq-bold.docx", "handbook.pdf", "anleitung.pdf", "prices.pdf", "rotated.pdf",
		"libreoffice.html", "shipping.html", "faq.csv", "prices.csv",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := read(t.Context(), name, sample(t, name))
			require.NoError(t, err)
			expected := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(expected, []byte(show(page)), 0o644))
			}
			want, err := os.ReadFile(expected)
			require.NoError(t, err)
			if got := show(page); got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func read(ctx context.Context, name string, source []byte) (*knowledge.Page, error) {
	return Formats()[filepath.Ext(name)].Read(ctx, name, source)
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return source
}

// show returns a page as text: its title, and before each section its headings and leaf.
func show(p *knowledge.Page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "title: %s\n", p.Title)
	if len(p.Links) > 0 {
		fmt.Fprintf(&b, "links: %s\n", strings.Join(p.Links, " "))
	}
	for _, s := range p.Sections {
		fmt.Fprintf(&b, "\n# %s", strings.Join(s.Path, " > "))
		if s.Leaf > 0 {
			fmt.Fprintf(&b, " (page %d)", s.Leaf)
		}
		if s.Anchor != "" {
			fmt.Fprintf(&b, " #%s", s.Anchor)
		}
		fmt.Fprintf(&b, "\n%s\n", strings.Join(s.Blocks, "\n"))
	}
	return b.String()
}

// A document that cannot be read has an error that says what its owner can do.
func TestUnreadableDocuments(t *testing.T) {
	docx := sample(t, "pandoc.docx")
	pdf := sample(t, "prices.pdf")
	for _, test := range []struct {
		name   string
		source []byte
		code   fault.Code
		says   string
	}{
		{"scan.pdf", sample(t, "scan.pdf"), fault.Invalid, "OCR"},
		{"locked.pdf", sample(t, "locked.pdf"), fault.Invalid, "save it without one"},
		{"not.pdf", []byte("hello"), fault.Invalid, "export it again"},
		{"cut.pdf", pdf[:len(pdf)/8], fault.Damaged, "export it again"},
		{"empty.pdf", nil, fault.Invalid, "export it again"},
		{"not.docx", []byte("hello"), fault.Invalid, "save it as .docx"},
		{"cut.docx", docx[:len(docx)/2], fault.Invalid, "save it as .docx"},
		{"old.docx", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on"), fault.Invalid, "without a password"},
		{"broken.docx", wordFile(t, `<w:document><w:p></w:document>`), fault.Damaged, "save it again"},
		{"deep.docx", wordFile(t, strings.Repeat("<w:p>", maxXMLDepth+1)), fault.TooLarge, "levels"},
		{"bomb.docx", wordFile(t, "<w:p>"+strings.Repeat(" ", 40*mebibyte)), fault.TooLarge, "split it"},
		{"long.docx", wordFile(t, strings.Repeat("<w:p><w:r><w:t>"+strings.Repeat("word ", 200)+"</w:t></w:r></w:p>", 5000)), fault.TooLarge, "split it"},
		{"latin.csv", []byte("a,b\ncaf\xe9,1\n"), fault.Invalid, "UTF-8"},
		{"quote.csv", []byte("a,b\n1,2\n\"x,3\n"), fault.Invalid, "line "},
		{"rows.csv", []byte("a\n" + strings.Repeat("x\n", maxRows+1)), fault.TooLarge, "split it"},
		{"columns.csv", []byte(strings.Repeat("x,", maxColumns+1)), fault.TooLarge, "columns"},
		{"binary.html", []byte("<p>\x00"), fault.Invalid, "not text"},
		{"nested.html", []byte(strings.Repeat("<div>", 600) + "bananas"), fault.Invalid, "HTML"},
	} {
		_, err := read(t.Context(), test.name, test.source)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != test.code || !strings.Contains(f.Message, test.says) {
			t.Errorf("%s: got error %v, want %s with %q", test.name, err, test.code, test.says)
		}
	}
}

// Reading ends soon after its context, and the next document can be read.
func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"handbook.pdf", "handbook.docx"} {
		if _, err := read(ctx, name, sample(t, name)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want %v", name, err, context.Canceled)
		}
		if _, err := read(t.Context(), name, sample(t, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Hostile HTML ends in time.
func TestHostileHTML(t *testing.T) {
	for what, unit := range map[string]string{
		"tags": "<a ", "divs": "<div>", "bold": "<b>", "tables": "<table><td>", "rows": "<table><tr><td>x</table>", "lists": "<ul><li>", "menus": "<ul><li><a>x</a>",
		"classes": `<p class="a b c d e f g h i">`, "attributes": "<p a=1 b=2>", "details": "<details><summary>x</summary>",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if p, err := read(t.Context(), "x.html", []byte(strings.Repeat(unit, 4*mebibyte/len(unit)))); err == nil {
				checkPage(t, p)
			}
		})
	}
}

func checkPage(t *testing.T, p *knowledge.Page) {
	t.Helper()
	for _, s := range p.Sections {
		if len(s.Blocks) == 0 {
			t.Errorf("the section %q is empty", s.Path)
		}
		for _, text := range append(s.Blocks, s.Path...) {
			if text == "" || text != strings.TrimSpace(text) || !utf8.ValidString(text) {
				t.Errorf("the text %q is empty or is not text", text)
			}
		}
	}
}

func FuzzDocument(f *testing.F) {
	for _, name := range []string{"faq-bold.docx", "pandoc.docx", "prices.pdf", "rotated.pdf", "locked.pdf", "shipping.html", "faq.csv", "prices.csv"} {
		f.Add(strings.TrimPrefix(filepath.Ext(name), "."), sample(f, name))
	}
	f.Add("html", []byte("<table><tr><th>a<th>b<th>c<tr><td>d<details><summary>e<h1>"))
	f.Add("csv", []byte("sep=;\nquestion;answer\n\"a\nb\";c"))
	f.Fuzz(func(t *testing.T, extension string, source []byte) {
		format, ok := Formats()["."+extension]
		if !ok || format.Read == nil {
			return
		}
		page, err := format.Read(t.Context(), "x."+extension, source)
		if err == nil {
			checkPage(t, page)
			return
		}
		var e *fault.Error
		if !errors.As(err, &e) {
			t.Errorf("%v is not a fault.Error", err)
		}
	})
}

func BenchmarkPDF(b *testing.B) {
	source := sample(b, "handbook.pdf")
	for b.Loop() {
		if _, err := read(b.Context(), "handbook.pdf", source); err != nil {
			b.Fatal(err)
		}
	}
}
