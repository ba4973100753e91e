package documents

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"frontdesk/internal/fault"
	"frontdesk/tools/knowledge"
)

const (
	menuLinks = 3   // links that make a block a possible menu
	menuShare = 0.7 // of a menu's text is in links, at least

	summaryLevel = 5 // of the heading that <summary> is
)

// readHTML reads the text of an HTML page, without scripts, navigation, and what surrounds
// the content on every page of a site. The encoding is the one that the page declares.
func readHTML(_ context.Context, o *knowledge.Outline, source []byte) error {
	decoded, err := charset.NewReader(bytes.NewReader(source), "text/html")
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "cannot read the page's character encoding; save it as UTF-8")
	}
	text, err := io.ReadAll(io.LimitReader(decoded, 2*maxText)) // UTF-16 and Latin-1 grow in UTF-8
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "cannot read the page's character encoding; save it as UTF-8")
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return fault.New(fault.Invalid, "the file is not text: it has bytes that are 0")
	}
	root, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "cannot parse the HTML")
	}
	h := &htmlReader{Outline: o}
	h.title = findTitle(root)
	h.walk(mainContent(root), 0)
	h.flush()
	if p := o.Page(); p.Title == "" {
		p.Title = h.title
	}
	return nil
}

// findTitle returns the text of the page's <title>.
func findTitle(root *html.Node) string {
	for n := range root.Descendants() {
		if n.DataAtom == atom.Title && n.FirstChild != nil && n.Namespace == "" {
			return squeeze(n.FirstChild.Data)
		}
	}
	return ""
}

// mainContent returns the element with the page's content: the only <main>, else the only
// <article>, else the whole page. An element without text does not count, because a page
// whose script fills it in has its text elsewhere.
func mainContent(root *html.Node) *html.Node {
	for _, isContent := range []func(*html.Node) bool{
		func(n *html.Node) bool { return n.DataAtom == atom.Main || attribute(n, "role") == "main" },
		func(n *html.Node) bool { return n.DataAtom == atom.Article },
	} {
		var found []*html.Node
		for n := range root.Descendants() {
			if n.Type == html.ElementNode && isContent(n) {
				found = append(found, n)
			}
		}
		if len(found) == 1 && hasText(found[0]) {
			return found[0]
		}
	}
	return root
}

func hasText(root *html.Node) bool {
	for n := range root.Descendants() {
		if n.Type == html.TextNode && strings.TrimSpace(n.Data) != "" && n.Parent.DataAtom != atom.Script && n.Parent.DataAtom != atom.Style {
			return true
		}
	}
	return false
}

// id returns the id of an element, to which a URL can lead.
func id(n *html.Node) string {
	for _, a := range n.Attr {
		if a.Key == "id" && len(a.Val) <= 200 {
			return url.PathEscape(a.Val)
		}
	}
	return ""
}

// attribute returns the value of an attribute in lower case.
func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return strings.ToLower(a.Val)
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// htmlReader collects the text of inline elements until a block begins or ends.
type htmlReader struct {
	*knowledge.Outline
	title string
	text  strings.Builder
	lists int // lists that are open
}

func (h *htmlReader) flush() {
	h.Block(h.text.String())
	h.text.Reset()
}

func (h *htmlReader) walk(n *html.Node, depth int) {
	if depth > 4*maxNesting || n.Type == html.ElementNode && isSurrounding(n) {
		return
	}
	if n.Type == html.TextNode {
		h.text.WriteString(n.Data)
		return
	}
	isBlock := blockElements[n.DataAtom]
	if isBlock {
		h.flush()
	}
	if n.DataAtom == atom.A {
		for _, a := range n.Attr {
			if a.Key == "href" {
				h.Link(a.Val)
			}
		}
	}
	if n.DataAtom == atom.Table && h.dataTable(n, depth) {
		return
	}
	isList := n.DataAtom == atom.Ul || n.DataAtom == atom.Ol || n.DataAtom == atom.Menu
	if isList {
		if h.lists == 0 && isMenu(n) { // only the outermost list: looking at each one could take quadratic time
			return
		}
		h.lists++
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		h.walk(c, depth+1)
	}
	if isList {
		h.lists--
	}
	h.leave(n, isBlock)
}

// dataTable adds the rows of a table. It returns false for a table that only places other
// content: with headings, other tables or long texts in it.
func (h *htmlReader) dataTable(table *html.Node, depth int) bool {
	var rows [][]string
	headers, cells := 0, 0 // of the first row
	for n := range table.Descendants() {
		switch {
		case n.DataAtom == atom.Table || isHeading(n):
			return false
		case n.DataAtom == atom.Tr:
			rows = append(rows, nil)
		case (n.DataAtom == atom.Td || n.DataAtom == atom.Th) && len(rows) > 0:
			text := h.cellText(n, depth)
			if len(strings.Fields(text)) > longCell {
				return false
			}
			rows[len(rows)-1] = append(rows[len(rows)-1], text)
			if len(rows) == 1 {
				if cells++; n.DataAtom == atom.Th {
					headers++
				}
			}
		case n.DataAtom == atom.Caption:
			h.Block(h.cellText(n, depth))
		}
	}
	if len(rows) > 1 && (headers == cells && cells > 0 || hasHeader(rows, false)) {
		h.Table(rows[0], rows[1:])
	} else {
		h.Table(nil, rows)
	}
	return true
}

// cellText returns the text of a table's cell.
func (h *htmlReader) cellText(cell *html.Node, depth int) string {
	r := htmlReader{Outline: &knowledge.Outline{}}
	for c := cell.FirstChild; c != nil; c = c.NextSibling {
		r.walk(c, depth+1)
	}
	r.flush()
	for _, target := range r.Page().Links {
		h.Link(target)
	}
	var parts []string
	for _, s := range r.Page().Sections {
		parts = append(parts, s.Blocks...)
	}
	return strings.Join(parts, " ")
}

// leave ends an element whose text has been collected.
func (h *htmlReader) leave(n *html.Node, isBlock bool) {
	switch {
	case isHeading(n):
		h.Heading(int(n.Data[1]-'0'), h.text.String(), id(n))
		h.text.Reset()
	case n.DataAtom == atom.Summary:
		h.Heading(summaryLevel, h.text.String(), id(n))
		h.text.Reset()
	case isBlock:
		h.flush()
	case n.DataAtom == atom.Br || n.DataAtom == atom.Img:
		h.text.WriteByte(' ')
	case n.DataAtom == atom.Td || n.DataAtom == atom.Th:
		h.text.WriteString(", ")
	}
	if n.DataAtom == atom.Details { // what follows is not below its summary
		h.LeaveLevel(summaryLevel)
	}
}

func isHeading(n *html.Node) bool {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// isSurrounding reports whether an element is not part of the content: it is not shown, or it
// is a script, navigation, the page's footer or a form.
func isSurrounding(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Nav, atom.Footer, atom.Svg, atom.Iframe, atom.Form, atom.Dialog,
		atom.Select, atom.Textarea, atom.Head:
		return true
	case atom.Button: // in a heading it opens the text below
		return n.Parent == nil || !isHeading(n.Parent) && n.Parent.DataAtom != atom.Dt
	}
	switch attribute(n, "role") {
	case "navigation", "contentinfo", "search", "dialog", "alertdialog", "menu", "menubar", "banner", "complementary":
		return true
	}
	return hasAttribute(n, "hidden") || attribute(n, "aria-hidden") == "true" || hasSurroundingName(n)
}

// surroundingNames are the names of classes and ids of navigation and notices on most sites.
var surroundingNames = []string{"nav", "navbar", "navigation", "menu", "breadcrumb", "breadcrumbs", "cookie", "cookies", "cookie-banner",
	"cookie-notice", "consent", "footer", "site-footer", "sidebar", "skip-link", "share", "social", "pagination"}

func hasSurroundingName(n *html.Node) bool {
	if n.DataAtom == atom.Body || n.DataAtom == atom.Html || n.DataAtom == atom.Main || n.DataAtom == atom.Article {
		return false
	}
	for _, name := range append(strings.Fields(attribute(n, "class")), attribute(n, "id")) {
		if slices.Contains(surroundingNames, name) {
			return true
		}
	}
	return false
}

// isMenu reports whether a list consists of links: it has several, and almost no other text.
func isMenu(list *html.Node) bool {
	links, linked, all := 0, 0, 0
	var count func(n *html.Node, inLink bool)
	count = func(n *html.Node, inLink bool) {
		if n.Type == html.ElementNode && n.DataAtom == atom.A {
			links++
			inLink = true
		}
		if n.Type == html.TextNode {
			size := len(strings.TrimSpace(n.Data))
			all += size
			if inLink {
				linked += size
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			count(c, inLink)
		}
	}
	count(list, false)
	return links >= menuLinks && float64(linked) >= menuShare*float64(all)
}

var blockElements = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Li: true, atom.Tr: true, atom.Section: true, atom.Article: true, atom.Main: true,
	atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Table: true, atom.Blockquote: true,
	atom.Pre: true, atom.Header: true, atom.Aside: true, atom.Figure: true, atom.Details: true, atom.Summary: true,
	atom.Body: true, atom.Caption: true, atom.Hr: true, atom.Address: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
}
