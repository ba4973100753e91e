package documents

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/tools/knowledge"
)

const (
	maxZipFiles = 10_000
	maxPart     = 64 * mebibyte // bytes of an unpacked part of a Word document
	maxXMLDepth = 500
	ratioLimit  = 200 // a part may unpack to this many times its packed size

	longCell       = 60 // words that make a table's cell a text of its own
	maxBoldHeading = 12 // words of a bold paragraph that is a heading
)

var errWord = fault.New(fault.Invalid, "the file is not a Word document (.docx); open it in a word processor and save it as .docx")

// readWord reads the main text of a Word document (Office Open XML): headings by their
// styles, paragraphs, list items and tables. It ignores deleted and hidden text, comments, page
// headers and footers, footnotes and the table of contents.
func readWord(ctx context.Context, o *knowledge.Outline, source []byte) error {
	if bytes.HasPrefix(source, []byte("\xd0\xcf\x11\xe0")) {
		return fault.New(fault.Invalid, "the document has a password or is an old Word document (.doc); save it as .docx without a password")
	}
	archive, err := zip.NewReader(bytes.NewReader(source), int64(len(source)))
	if err != nil {
		return errWord
	}
	if len(archive.File) > maxZipFiles {
		return fault.New(fault.TooLarge, "the document has more than %d parts", maxZipFiles)
	}
	p := wordPackage{ctx: ctx, archive: archive}
	main, err := p.mainPart()
	if err != nil {
		return err
	}
	styles, err := p.styles(path.Join(path.Dir(main), "styles.xml"))
	if err != nil {
		return err
	}
	w := &wordReader{styles: styles}
	if err := p.each(main, w.start, w.end, w.characters); err != nil {
		return err
	}
	w.write(o)
	return nil
}

// wordPackage is the ZIP archive that a Word document is.
type wordPackage struct {
	ctx     context.Context
	archive *zip.Reader
}

// each calls functions for the elements and texts of a part.
func (p wordPackage) each(name string, start func(xml.StartElement) error, end func(xml.Name), text func([]byte)) error {
	i := slices.IndexFunc(p.archive.File, func(f *zip.File) bool { return f.Name == name })
	if i < 0 {
		return errWord
	}
	f := p.archive.File[i]
	r, err := f.Open()
	if err != nil {
		return errWord
	}
	defer r.Close()
	limit := min(maxPart, max(mebibyte, int64(min(f.CompressedSize64, maxPart))*ratioLimit))
	limited := &io.LimitedReader{R: r, N: limit + 1}
	decoder := xml.NewDecoder(limited)
	depth := 0
	for tokens := 0; ; tokens++ {
		if tokens%4096 == 0 && p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		token, err := decoder.Token()
		switch {
		case limited.N <= 0:
			return fault.New(fault.TooLarge, "the document unpacks to more than %d MB; split it", limit/mebibyte)
		case err == io.EOF:
			return nil
		case err != nil:
			return damagedWord(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxXMLDepth {
				return fault.New(fault.TooLarge, "the document has more than %d levels of elements", maxXMLDepth)
			}
			if err := start(token); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
			end(token.Name)
		case xml.CharData:
			text(token)
		}
	}
}

func damagedWord(err error) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		err = fmt.Errorf("line %d", syntax.Line) // not the message, which quotes the document
	}
	return fault.Wrap(err, fault.Damaged, "the Word document is damaged; open it in a word processor and save it again")
}

// mainPart returns the name of the part with the text.
func (p wordPackage) mainPart() (string, error) {
	main := ""
	err := p.each("_rels/.rels", func(e xml.StartElement) error {
		if e.Name.Local == "Relationship" && strings.HasSuffix(xmlAttribute(e, "Type"), "/officeDocument") && main == "" {
			main = strings.TrimPrefix(path.Clean("/"+xmlAttribute(e, "Target")), "/")
		}
		return nil
	}, func(xml.Name) {}, func([]byte) {})
	if err == nil && main == "" {
		err = errWord
	}
	return main, err
}

func xmlAttribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// wordStyle is what a style of paragraphs says about their meaning.
type wordStyle struct {
	level      int // of a heading, 1 to 9; 0 if none
	isTitle    bool
	isContents bool // a line of the table of contents
}

// styles returns the styles by id. A style inherits from the style that it is based on. Style
// ids are translated in some versions of Word, names are not.
func (p wordPackage) styles(part string) (map[string]wordStyle, error) {
	styles := make(map[string]wordStyle)
	parents := make(map[string]string)
	if !slices.ContainsFunc(p.archive.File, func(f *zip.File) bool { return f.Name == part }) {
		return styles, nil
	}
	id := ""
	err := p.each(part, func(e xml.StartElement) error {
		value := xmlAttribute(e, "val")
		s := styles[id]
		switch e.Name.Local {
		case "style":
			id = xmlAttribute(e, "styleId")
			return nil
		case "basedOn":
			parents[id] = value
			return nil
		case "name":
			name := strings.ToLower(value)
			switch {
			case name == "title":
				s.isTitle = true
			case strings.HasPrefix(name, "toc "), name == "toc heading", name == "table of figures":
				s.isContents = true
			case strings.HasPrefix(name, "heading ") && len(name) == len("heading 1"):
				s.level = digit(name[len(name)-1:], 1)
			}
		case "outlineLvl":
			if s.level == 0 {
				s.level = digit(value, 0) + 1
			}
		default:
			return nil
		}
		if s.level > 9 {
			s.level = 0 // outline level 9 is body text
		}
		styles[id] = s
		return nil
	}, func(xml.Name) {}, func([]byte) {})
	if err != nil {
		return nil, err
	}
	for id := range parents {
		inherited := id
		for range 10 { // a longer chain may be a circle
			if s := styles[inherited]; s != (wordStyle{}) {
				styles[id] = s
				break
			}
			inherited = parents[inherited]
		}
	}
	return styles, nil
}

// digit returns the value of a text of one digit, or otherwise.
func digit(text string, otherwise int) int {
	if len(text) != 1 || text[0] < '0' || text[0] > '9' {
		return otherwise
	}
	return int(text[0] - '0')
}
