package knowledge

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"frontdesk/internal/fault"
)

const (
	passageWords = 120      // in a passage, at most; it ends with a sentence if possible
	maxNesting   = 100      // levels of elements or blocks; deeper text is ignored
	maxStretch   = 16 << 10 // bytes of Markdown without an empty line, because parsing can take quadratic time
)

// Page is a document of the knowledge base as plain text.
type Page struct {
	Title    string // "" stands for the name of the file
	URL      string // where people read the page; "" if it is on no website
	Sections []Section
}

// Section is the text below one heading.
type Section struct {
	Path   []string // the headings, outermost first, without the page's title
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
}

// builtInFormats are the formats by extension that every knowledge base reads.
var builtInFormats = map[string]Format{
	".md": {Read: readMarkdown}, ".markdown": {Read: readMarkdown}, ".html": {Read: readHTML}, ".htm": {Read: readHTML}, ".txt": {Read: readPlain},
}

// Text returns source as text. A mark of the byte order is left out.
func Text(source []byte) ([]byte, error) {
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	if !utf8.Valid(source) || bytes.IndexByte(source, 0) >= 0 {
		return nil, fault.New(fault.Invalid, "the page is not text in UTF-8")
	}
	return source, nil
}

// Outline collects the sections of a page from its headings and blocks, in their order. The
// zero Outline is empty.
type Outline struct {
	page       Page
	path       [7]string // the current heading of each level, 1 to 6
	anchor     string
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
		o.page.Sections = append(o.page.Sections, Section{Path: path, Anchor: o.anchor})
		o.hasSection = true
	}
	s := &o.page.Sections[len(o.page.Sections)-1]
	s.Blocks = append(s.Blocks, text)
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
			return fault.New(fault.TooLarge, "the page has more than %d bytes without an empty line", maxStretch)
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
			o.Heading(n.Level, inlineText(n, source), "")
		case *ast.Paragraph, *ast.TextBlock:
			o.Block(inlineText(n, source))
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			o.Block(string(n.Lines().Value(source)))
		case *extast.TableHeader, *extast.TableRow:
			var cells []string
			for cell := n.FirstChild(); cell != nil; cell = cell.NextSibling() {
				cells = append(cells, inlineText(cell, source))
			}
			o.Block(strings.Join(cells, ", "))
		case *ast.Document, *ast.List, *ast.ListItem, *ast.Blockquote, *extast.Table:
			return ast.WalkContinue, nil
		}
		return ast.WalkSkipChildren, nil
	})
}

// inlineText returns the text of a heading or paragraph without markup: the text of links,
// the description of images, no raw HTML.
func inlineText(n ast.Node, source []byte) string {
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
		}
		if depth > maxNesting {
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return html.UnescapeString(b.String())
}

// readHTML reads the visible text of an HTML page, without scripts and navigation.
func readHTML(_ context.Context, _ string, source []byte) (*Page, error) {
	source, err := Text(source)
	if err != nil {
		return nil, err
	}
	root, err := html.Parse(bytes.NewReader(source))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cannot parse the HTML")
	}
	h := &htmlReader{}
	h.walk(root, 0)
	h.flush()
	p := h.Page()
	if p.Title == "" {
		p.Title = h.title
	}
	return p, nil
}

// htmlReader collects the text of inline elements until a block begins or ends.
type htmlReader struct {
	Outline
	title string
	text  strings.Builder
}

func (h *htmlReader) flush() {
	h.Block(h.text.String())
	h.text.Reset()
}

func (h *htmlReader) walk(n *html.Node, depth int) {
	if depth > 4*maxNesting {
		return
	}
	if n.Type == html.TextNode {
		h.text.WriteString(n.Data)
		return
	}
	level := 0
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Nav, atom.Footer, atom.Svg, atom.Iframe, atom.Form:
		return
	case atom.Title:
		if n.FirstChild != nil {
			h.title = squeeze(n.FirstChild.Data)
		}
		return
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		level = int(n.Data[1] - '0')
	}
	isBlock := blockElements[n.DataAtom]
	if isBlock {
		h.flush()
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		h.walk(c, depth+1)
	}
	switch {
	case level > 0:
		h.Heading(level, h.text.String(), "")
		h.text.Reset()
	case isBlock:
		h.flush()
	case n.DataAtom == atom.Br || n.DataAtom == atom.Img:
		h.text.WriteByte(' ')
	case n.DataAtom == atom.Td || n.DataAtom == atom.Th:
		h.text.WriteString(", ")
	}
}

var blockElements = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Li: true, atom.Tr: true, atom.Section: true, atom.Article: true, atom.Main: true,
	atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Table: true, atom.Blockquote: true,
	atom.Pre: true, atom.Header: true, atom.Aside: true, atom.Figure: true, atom.Details: true, atom.Summary: true,
	atom.Body: true, atom.Caption: true, atom.Hr: true, atom.Address: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
}

// squeeze joins the words of s with single spaces and drops the comma at the end of a
// table row.
func squeeze(s string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(s), " "), ",")
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
