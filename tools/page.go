package tools

import (
	"bytes"
	"path/filepath"
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

// page is a document of the knowledge base as plain text.
type page struct {
	title    string
	sections []section
}

// section is the text below one heading.
type section struct {
	path   []string // the headings, outermost first, without the page's title
	blocks []string // paragraphs, list items, table rows
}

// parsePage parses a page. The extension of its name tells the format: Markdown, HTML, or
// else plain text. The title of a page without one is its file name.
func parsePage(name string, source []byte) (*page, error) {
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	if !utf8.Valid(source) || bytes.IndexByte(source, 0) >= 0 {
		return nil, fault.New(fault.Invalid, "the page is not text in UTF-8")
	}
	o := &outline{}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".md", ".markdown":
		if err := o.markdown(source); err != nil {
			return nil, err
		}
	case ".html", ".htm":
		if err := o.html(source); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "cannot parse the HTML")
		}
	default:
		o.plain(string(source))
	}
	if o.page.title == "" {
		base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		o.page.title = strings.TrimSpace(strings.NewReplacer("-", " ", "_", " ").Replace(base))
	}
	return &o.page, nil
}

// outline collects the sections of a page from its headings and blocks.
type outline struct {
	page       page
	path       [7]string // the current heading of each level, 1 to 6
	hasSection bool      // the current heading has a section already
}

func (o *outline) heading(level int, title string) {
	if title = squeeze(title); title == "" {
		return
	}
	clear(o.path[level:])
	if level == 1 && o.page.title == "" {
		o.page.title = title
	} else {
		o.path[level] = title
	}
	o.hasSection = false
}

func (o *outline) block(text string) {
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
		o.page.sections = append(o.page.sections, section{path: path})
		o.hasSection = true
	}
	s := &o.page.sections[len(o.page.sections)-1]
	s.blocks = append(s.blocks, text)
}

func (o *outline) plain(source string) {
	for block := range strings.SplitSeq(strings.ReplaceAll(source, "\r\n", "\n"), "\n\n") {
		o.block(block)
	}
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough))

// markdown parses CommonMark with tables. It skips front matter between lines of ---.
func (o *outline) markdown(source []byte) error {
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
			o.heading(n.Level, inlineText(n, source))
		case *ast.Paragraph, *ast.TextBlock:
			o.block(inlineText(n, source))
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			o.block(string(n.Lines().Value(source)))
		case *extast.TableHeader, *extast.TableRow:
			var cells []string
			for cell := n.FirstChild(); cell != nil; cell = cell.NextSibling() {
				cells = append(cells, inlineText(cell, source))
			}
			o.block(strings.Join(cells, ", "))
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

// html parses the visible text of an HTML page, without scripts and navigation.
func (o *outline) html(source []byte) error {
	root, err := html.Parse(bytes.NewReader(source))
	if err != nil {
		return err
	}
	h := &htmlReader{outline: o}
	h.walk(root, 0)
	h.flush()
	if o.page.title == "" {
		o.page.title = h.title
	}
	return nil
}

// htmlReader collects the text of inline elements until a block begins or ends.
type htmlReader struct {
	*outline
	title string
	text  strings.Builder
}

func (h *htmlReader) flush() {
	h.block(h.text.String())
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
		h.heading(level, h.text.String())
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
func (s section) passages() []string {
	var out, current []string
	n := 0
	add := func(text string, count int) {
		if n > 0 && n+count > passageWords {
			out = append(out, strings.Join(current, " "))
			current, n = nil, 0
		}
		current, n = append(current, text), n+count
	}
	for _, block := range s.blocks {
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
