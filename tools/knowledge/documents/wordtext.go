package documents

import (
	"encoding/xml"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/tools/knowledge"
)

// wordReader collects paragraphs and tables from the main part of a Word document.
type wordReader struct {
	styles   map[string]wordStyle
	blocks   []wordBlock
	tables   []*wordTable     // that are open, the outermost first
	open     []*wordParagraph // that are open: a text box is within another paragraph
	skipped  int              // levels of open elements since one whose text is ignored
	texts    int              // levels of open text elements
	size     int              // bytes of text
	isBold   bool             // of the run that is open
	isHidden bool
}

// wordBlock is a paragraph or a table that is not within another table.
type wordBlock struct {
	paragraphText
	table *wordTable
}

type paragraphText struct {
	text   string
	style  wordStyle
	isBold bool
}

// wordParagraph is a paragraph that is open.
type wordParagraph struct {
	text    strings.Builder
	style   wordStyle
	hasText bool
	isBold  bool // all runs with text
}

type wordTable struct {
	rows      [][]wordCell
	hasHeader bool // the first row is marked as one
}

type wordCell []paragraphText

// ignoredElements have text that is not in the document as it stands.
var ignoredElements = map[string]bool{
	"del": true, "moveFrom": true, "instrText": true, "delText": true, "delInstrText": true, "Fallback": true, "binData": true, "sdtPr": true,
}

func (w *wordReader) start(e xml.StartElement) error {
	if w.skipped > 0 || ignoredElements[e.Name.Local] {
		w.skipped++
		return nil
	}
	switch e.Name.Local {
	case "tbl":
		w.tables = append(w.tables, &wordTable{})
	case "tr":
		if t := last(w.tables); t != nil {
			t.rows = append(t.rows, nil)
		}
	case "tc":
		if t := last(w.tables); t != nil && len(t.rows) > 0 {
			t.rows[len(t.rows)-1] = append(t.rows[len(t.rows)-1], nil)
		}
	case "tblHeader":
		if t := last(w.tables); t != nil && len(t.rows) == 1 && isOn(e) {
			t.hasHeader = true
		}
	case "p":
		w.open = append(w.open, &wordParagraph{isBold: true})
	default:
		if p := last(w.open); p != nil {
			w.startInParagraph(p, e)
		}
	}
	if w.size > maxText {
		return fault.New(fault.TooLarge, "the document has more than %d MB of text; split it", maxText/mebibyte)
	}
	return nil
}

func last[T any](list []*T) *T {
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

func (w *wordReader) startInParagraph(p *wordParagraph, e xml.StartElement) {
	switch e.Name.Local {
	case "pStyle":
		p.style = w.styles[xmlAttribute(e, "val")]
	case "outlineLvl":
		if level := digit(xmlAttribute(e, "val"), 9); level < 9 {
			p.style.level = level + 1
		}
	case "r":
		w.isBold, w.isHidden = false, false
	case "b":
		w.isBold = isOn(e)
	case "vanish":
		w.isHidden = isOn(e)
	case "t":
		w.texts++
	case "tab", "br", "cr", "ptab":
		p.text.WriteByte(' ')
	case "noBreakHyphen":
		p.text.WriteByte('-')
	}
}

// isOn reports whether a property is on: it has no value, or not a false one.
func isOn(e xml.StartElement) bool {
	switch xmlAttribute(e, "val") {
	case "0", "false", "off", "none":
		return false
	}
	return true
}

func (w *wordReader) characters(text []byte) {
	p := last(w.open)
	if w.texts == 0 || w.skipped > 0 || p == nil || w.isHidden {
		return
	}
	p.text.Write(text)
	w.size += len(text)
	if strings.TrimSpace(string(text)) != "" {
		p.hasText = true
		p.isBold = p.isBold && w.isBold
	}
}

func (w *wordReader) end(name xml.Name) {
	if w.skipped > 0 {
		w.skipped--
		return
	}
	switch name.Local {
	case "t":
		w.texts = max(0, w.texts-1)
	case "p":
		if p := last(w.open); p != nil {
			w.open = w.open[:len(w.open)-1]
			w.addParagraph(p)
		}
	case "tbl":
		if t := last(w.tables); t != nil {
			w.tables = w.tables[:len(w.tables)-1]
			w.addTable(t)
		}
	}
}

// addParagraph stores a paragraph that has ended, in the cell that is open if there is one.
func (w *wordReader) addParagraph(p *wordParagraph) {
	if !p.hasText || p.style.isContents {
		return
	}
	text := paragraphText{text: p.text.String(), style: p.style, isBold: p.isBold}
	if t := last(w.tables); t != nil {
		t.add(text)
		return
	}
	w.blocks = append(w.blocks, wordBlock{paragraphText: text})
}

// add adds a paragraph to the cell that is open.
func (t *wordTable) add(p paragraphText) {
	if len(t.rows) == 0 || len(t.rows[len(t.rows)-1]) == 0 {
		return
	}
	row := t.rows[len(t.rows)-1]
	row[len(row)-1] = append(row[len(row)-1], p)
}

// addTable stores a table that has ended. The rows of a table within another one become
// paragraphs of the cell that it is in.
func (w *wordReader) addTable(t *wordTable) {
	outer := last(w.tables)
	if outer == nil {
		w.blocks = append(w.blocks, wordBlock{table: t})
		return
	}
	for _, row := range t.rows {
		outer.add(paragraphText{text: rowText(cellTexts(row))})
	}
}

func cellTexts(row []wordCell) []string {
	texts := make([]string, len(row))
	for i, c := range row {
		var parts []string
		for _, p := range c {
			parts = append(parts, p.text)
		}
		texts[i] = strings.Join(parts, " ")
	}
	return texts
}

// wordWriter writes what was collected to the outline.
type wordWriter struct {
	*knowledge.Outline
	hasStyles   bool // some paragraph has the style of a heading
	hasChapters bool // several headings of level 1, none of which is the title
}

func (w *wordReader) write(o *knowledge.Outline) {
	writer := wordWriter{Outline: o}
	hasTitle, first := false, 0
	for _, b := range w.blocks {
		writer.hasStyles = writer.hasStyles || b.style.level > 0
		hasTitle = hasTitle || b.style.isTitle
		if b.style.level == 1 {
			first++
		}
	}
	writer.hasChapters = !hasTitle && first > 1
	for _, b := range w.blocks {
		if b.table != nil {
			writer.table(b.table)
		} else {
			writer.paragraph(b.paragraphText)
		}
	}
}

// paragraph writes a paragraph. In a document without any heading style, short paragraphs in
// bold are the headings.
func (w *wordWriter) paragraph(p paragraphText) {
	switch {
	case p.style.isTitle && w.Page().Title == "":
		w.Page().Title = squeeze(p.text)
	case p.style.level > 0 && w.hasChapters:
		w.Heading(p.style.level+1, p.text, "")
	case p.style.level > 0:
		w.Heading(p.style.level, p.text, "")
	case !w.hasStyles && p.isBold && len(strings.Fields(p.text)) <= maxBoldHeading && !endsSentence(p.text):
		w.Heading(2, p.text, "")
	default:
		w.Block(p.text)
	}
}

// endsSentence reports whether a text ends like a sentence that is not a question: headings
// may be questions.
func endsSentence(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && strings.ContainsRune(".!;,", rune(text[len(text)-1]))
}

// table writes a table. A table with one column or with long cells only places its texts.
func (w *wordWriter) table(t *wordTable) {
	columns, isLayout, isBold := 0, false, true
	rows := make([][]string, len(t.rows))
	for i, row := range t.rows {
		rows[i] = cellTexts(row)
		columns = max(columns, len(row))
		for j, c := range row {
			isLayout = isLayout || len(strings.Fields(rows[i][j])) > longCell
			for _, p := range c {
				isBold = isBold && (i > 0 || p.isBold)
				isLayout = isLayout || p.style.level > 0
			}
		}
	}
	switch {
	case columns < 2 || isLayout:
		for _, row := range t.rows {
			for _, c := range row {
				for _, p := range c {
					w.paragraph(p)
				}
			}
		}
	case len(rows) > 1 && (t.hasHeader || hasHeader(rows, isBold)):
		w.Outline.Table(rows[0], rows[1:])
	default:
		w.Outline.Table(nil, rows)
	}
}
