package knowledge

import (
	"bytes"
	"context"
	"html"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"golang.org/x/text/encoding/unicode"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

const (
	passageWords = 120      // in a passage, at most; it ends with a sentence if possible
	maxNesting   = 100      // levels of elements or blocks; deeper text is ignored
	maxLinks     = 1000     // of a page; the rest is ignored
	maxStretch   = 16 << 10 // bytes of Markdown without an empty line, because parsing can take quadratic time
)

// Page is a document of the knowledge base as plain text.
type Page struct {
	Title    string // "" stands for the name of the file
	URL      string // where people read the page; "" if it is on no website
	Sections []Section
	Links    []string // paths of other pages of the same folder or website, as the page has them, without fragments
}

// Section is the text below one heading.
type Section struct {
	Path   []string // the headings, outermost first, without the page's title
	Leaf   int      // the page of a PDF, from 1; 0 in other formats
	Anchor string   // leads to the section when it follows the page's URL and "#"; "" if nothing does
	Blocks []string // paragraphs, list items, table rows
}

// Format reads the files of one kind.
type Format struct {
	// Read returns the page that is in source, the content of the file name. It ends soon after
	// ctx, and uses memory in proportion to source. Its errors are of type fault.Error and name
	// neither the file nor its content.
	Read    func(ctx context.Context, name string, source []byte) (*Page, error)
	MaxSize int64 // of a file, in bytes; a larger file is not read. 0 means 1 MB

	// Remedy is what to do with files that cannot be read, such as "save it as PDF"; Read is
	// nil then. Problems has it.
	Remedy string
}

// builtInFormats are the formats by extension that every knowledge base reads.
var builtInFormats = map[string]Format{
	".md": {Read: readMarkdown}, ".markdown": {Read: readMarkdown}, ".txt": {Read: readPlain},
}

// Text returns source as text in UTF-8, without a mark of the byte order, which may announce
// UTF-16: Excel saves what it calls "Unicode text" like that.
func Text(source []byte) ([]byte, error) {
	if bytes.HasPrefix(source, []byte("\xfe\xff")) || bytes.HasPrefix(source, []byte("\xff\xfe")) {
		decoded, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(source)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the file is not valid UTF-16; save it as UTF-8")
		}
		source = decoded
	}
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	switch {
	case bytes.IndexByte(source, 0) >= 0:
		return nil, fault.New(fault.Invalid, "the file is not text: it has bytes that are 0")
	case !utf8.Valid(source):
		return nil, fault.New(fault.Invalid, "the file is not text in UTF-8; if it is Windows-1252 or Latin-1, save it as UTF-8")
	}
	return source, nil
}

// Outline collects the sections of a page from its headings and blocks, in their order. The
// zero Outline is empty.
type Outline struct {
	page       Page
	path       [7]string // the current heading of each level, 1 to 6
	anchor     string
	leaf       int  // the current one
	hasSection bool // the current heading has a section already
}

// Page returns the page of the headings and blocks so far.
func (o *Outline) Page() *Page { return &o.page }

// Heading begins a section. The first heading of level 1 is the title of the page; the levels
// end with 6. anchor may be "".
func (o *Outline) Heading(level int, title, anchor string) {
	if title = squeeze(title); title == "" {
		return
	}
	level = min(max(level, 1), len(o.path)-1)
	clear(o.path[level:])
	if level == 1 && o.page.Title == "" {
		o.page.Title = title
	} else {
		o.path[level] = title
	}
	o.anchor, o.hasSection = anchor, false
}

// Block adds a paragraph, a list item or a table row to the section of the last heading.
func (o *Outline) Block(text string) {
	if text = squeeze(text); text == "" {
		return
	}
	if !o.hasSection {
		var path []string
		for _, title := range o.path {
			if title != "" {
				path = append(path, title)
			}
		}
		o.page.Sections = append(o.page.Sections, Section{Path: path, Leaf: o.leaf, Anchor: o.anchor})
		o.hasSection = true
	}
	s := &o.page.Sections[len(o.page.Sections)-1]
	s.Blocks = append(s.Blocks, text)
}

// LeaveLevel ends the sections of a heading level and those below it: what follows is not
// about them.
func (o *Outline) LeaveLevel(level int) {
	clear(o.path[level:])
	o.hasSection = false
}

// StartLeaf makes what follows part of another page of a PDF, under the same headings.
func (o *Outline) StartLeaf(number int) {
	if number != o.leaf {
		o.leaf, o.hasSection = number, false
	}
}

// Table adds the rows of a table. Each row becomes a block that is understood without the
// others: if there is a header and more than two columns, every cell but the first one follows
// the name of its column. "Friday, 9 am to 5 pm" needs no names.
func (o *Outline) Table(header []string, rows [][]string) {
	if len(header) == 2 {
		o.Block(strings.Join(header, ", "))
		header = nil
	}
	for _, row := range rows {
		var cells []string
		for i, cell := range row {
			if cell = squeeze(cell); cell == "" {
				continue
			}
			if i > 0 && i < len(header) {
				if name := strings.TrimSuffix(squeeze(header[i]), ":"); name != "" {
					cell = name + ": " + cell
				}
			}
			cells = append(cells, cell)
		}
		o.Block(strings.Join(cells, ", "))
	}
}

// Link notes a link to another page of the same folder or website. It ignores other links.
func (o *Outline) Link(target string) {
	u, err := url.Parse(strings.TrimSpace(target))
	if err != nil || u.Scheme != "" || u.Host != "" || u.Path == "" || len(o.page.Links) >= maxLinks {
		return
	}
	if p := path.Clean(u.Path); !slices.Contains(o.page.Links, p) {
		o.page.Links = append(o.page.Links, p)
	}
}

// readPlain reads text whose paragraphs are apart by empty lines.
func readPlain(_ context.Context, _ string, source []byte) (*Page, error) {
	source, err := Text(source)
	if err != nil {
		return nil, err
	}
	o := &Outline{}
	for block := range strings.SplitSeq(strings.ReplaceAll(string(source), "\r\n", "\n"), "\n\n") {
		o.Block(block)
	}
	return o.Page(), nil
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough))

// readMarkdown reads CommonMark with tables.
func readMarkdown(_ context.Context, _ string, source []byte) (*Page, error) {
	source, err := Text(source)
	if err != nil {
		return nil, err
	}
	o := &Outline{}
	if err := o.markdown(source); err != nil {
		return nil, err
	}
	return o.Page(), nil
}

// markdown adds the headings and blocks of CommonMark. It skips front matter between lines of ---.
func (o *Outline) markdown(source []byte) error {
	source = bytes.ReplaceAll(source, []byte("\r\n"), []byte("\n"))
	if rest, ok := bytes.CutPrefix(source, []byte("---\n")); ok {
		if _, body, ok := bytes.Cut(rest, []byte("\n---\n")); ok {
			source = body
		}
	}
	for stretch := range bytes.SplitSeq(source, []byte("\n\n")) {
		if len(stretch) > maxStretch {
			return fault.New(fault.TooLarge, "the page has more than %d kB without an empty line; put empty lines between its paragraphs", maxStretch>>10)
		}
	}
	depth := 0
	return ast.Walk(markdown.Parser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			depth--
			return ast.WalkContinue, nil
		}
		depth++
		if depth > maxNesting {
			return ast.WalkSkipChildren, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			o.Heading(n.Level, o.inlineText(n, source), "")
		case *ast.Paragraph, *ast.TextBlock:
			o.Block(o.inlineText(n, source))
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			o.Block(string(n.Lines().Value(source)))
		case *extast.Table:
			var rows [][]string
			for row := n.FirstChild(); row != nil; row = row.NextSibling() {
				var cells []string
				for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
					cells = append(cells, o.inlineText(cell, source))
				}
				rows = append(rows, cells)
			}
			o.Table(rows[0], rows[1:])
		case *ast.Document, *ast.List, *ast.ListItem, *ast.Blockquote:
			return ast.WalkContinue, nil
		}
		return ast.WalkSkipChildren, nil
	})
}

// inlineText returns the text of a heading or paragraph without markup: the text of links,
// the description of images, no raw HTML. It notes the targets of links.
func (o *Outline) inlineText(n ast.Node, source []byte) string {
	var b strings.Builder
	depth := 0
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			depth--
			return ast.WalkContinue, nil
		}
		depth++
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Value(source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(source))
		case *ast.Link:
			o.Link(string(n.Destination))
		}
		if depth > maxNesting {
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return html.UnescapeString(b.String())
}

// squeeze joins the words of s with single spaces, without characters that are not text, and
// without the comma at the end of a table row.
func squeeze(s string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.Join(strings.Fields(words.Printable(s)), " "), ","))
}

// passages cuts the section's blocks into texts of up to passageWords words. A passage
// consists of whole blocks, or of whole sentences of a longer block.
func (s Section) passages() []string {
	var out, current []string
	n := 0
	add := func(text string, count int) {
		if n > 0 && n+count > passageWords {
			out = append(out, strings.Join(current, " "))
			current, n = nil, 0
		}
		current, n = append(current, text), n+count
	}
	for _, block := range s.Blocks {
		fields := strings.Fields(block)
		if len(fields) <= passageWords {
			add(withFullStop(block), len(fields))
			continue
		}
		for len(fields) > 0 {
			end := firstSentence(fields)
			add(strings.Join(fields[:end], " "), end)
			fields = fields[end:]
		}
	}
	if n > 0 {
		out = append(out, strings.Join(current, " "))
	}
	return out
}

// firstSentence returns the number of words in the first sentence, at most passageWords.
func firstSentence(fields []string) int {
	for i, w := range fields[:min(len(fields), passageWords)] {
		if strings.HasSuffix(w, ".") || strings.HasSuffix(w, "?") || strings.HasSuffix(w, "!") {
			return i + 1
		}
	}
	return min(len(fields), passageWords)
}

// withFullStop adds a full stop to a list item or table row, so that it can be read aloud.
func withFullStop(block string) string {
	switch block[len(block)-1] {
	case '.', '!', '?', ':', ';', ',':
		return block
	}
	return block + "."
}
