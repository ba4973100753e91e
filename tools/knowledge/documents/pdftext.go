package documents

import (
	"math"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"frontdesk/tools/knowledge"
)

// pdfHeading is one or several lines that are a heading.
type pdfHeading struct {
	text  string
	size  float64
	count int // of lines
	level int
}

// pdfWriter makes headings, paragraphs, list items and table rows of lines, and writes them to
// an outline.
type pdfWriter struct {
	*knowledge.Outline
	lines     []line
	headings  map[int]pdfHeading // by the number of the first line
	distance  float64            // between the lines of a paragraph, in units of the font size
	paragraph strings.Builder
	page      int // on which the paragraph began
}

func (d *pdfDocument) write(o *knowledge.Outline) {
	lines := d.body()
	body := textSize(lines)
	w := &pdfWriter{Outline: o, lines: lines, distance: lineDistance(lines)}
	w.headings = d.findHeadings(lines, body)
	for i := 0; i < len(lines); {
		if h, ok := w.headings[i]; ok {
			w.flush()
			w.Heading(h.level, h.text, "")
			i += h.count
			continue
		}
		if n := w.tableLines(i); n > 0 {
			w.flush()
			w.StartLeaf(lines[i].page)
			w.table(i, n)
			i += n
			continue
		}
		w.line(i)
		i++
	}
	w.flush()
	if o.Page().Title == "" && isUsefulTitle(d.title) {
		o.Page().Title = d.title
	}
}

// isUsefulTitle reports whether a title was written by a person. Programs write the name of a
// file, of themselves or of nothing.
func isUsefulTitle(title string) bool {
	lower := strings.ToLower(title)
	for _, bad := range []string{"untitled", "anonymous", "unbenannt", "microsoft word", "microsoft powerpoint", "powerpoint"} {
		if strings.HasPrefix(lower, bad) {
			return false
		}
	}
	for _, end := range []string{".doc", ".docx", ".odt", ".indd", ".pdf", ".pptx", ".xlsx", ".md", ".html", ".qxd", ".tex", ".dvi"} {
		if strings.HasSuffix(lower, end) {
			return false
		}
	}
	return strings.ContainsFunc(title, unicode.IsLetter)
}

// findHeadings returns the headings by their first lines. A line that has the text of a
// bookmark is one; others are larger or bolder than the text. If the largest ones occur several
// times, they are chapters, none of which is the title.
func (d *pdfDocument) findHeadings(lines []line, body float64) map[int]pdfHeading {
	found := make(map[int]pdfHeading)
	var all []pdfHeading
	for i := 0; i < len(lines); i++ {
		h := d.headingAt(lines, i, body)
		if h.count == 0 {
			continue
		}
		found[i] = h
		all = append(all, h)
		i += h.count - 1
	}
	sizes := headingSizes(all, body)
	levels := make(map[int]int)
	first := 0
	for i, h := range found {
		level := d.bookmarks[headingKey(h.text)]
		if level == 0 {
			level = sizes[roundSize(h.size)]
		} else if d.roots > 1 && len(sizes) > 0 && sizes[roundSize(h.size)] > level {
			level++ // the title has no bookmark
		}
		if level == 0 {
			level = len(sizes) + 1 // bold, as large as the text
		}
		levels[i] = level
		if level == 1 {
			first++
		}
	}
	for i, h := range found {
		if h.level = levels[i]; first != 1 {
			h.level++
		}
		found[i] = h
	}
	return found
}

// headingAt returns the heading that begins at line i, or one of no lines.
func (d *pdfDocument) headingAt(lines []line, i int, body float64) pdfHeading {
	l := lines[i]
	text := l.text()
	if d.bookmarks[headingKey(text)] > 0 && l.size >= body*(1-sizeTolerance) && len(strings.Fields(text)) <= headingWords {
		return pdfHeading{text: text, size: l.size, count: 1}
	}
	h := pdfHeading{size: l.size}
	var parts []string
	for j := i; j < len(lines) && lines[j].page == l.page && lines[j].mayBeHeading(body); j++ {
		if j > i && (lines[j].isBold != l.isBold || roundSize(lines[j].size) != roundSize(l.size) || lines[j-1].bottom-lines[j].bottom > 1.6*l.size) {
			break
		}
		parts = append(parts, lines[j].text())
		h.count++
	}
	if h.count > headingLines {
		return pdfHeading{} // a text in bold
	}
	if end := i + h.count; h.count > 0 && end < len(lines) && lines[end].sharesParagraph(lines[end-1]) {
		return pdfHeading{} // the beginning of a text in bold
	}
	h.text = strings.Join(parts, " ")
	return h
}

// sharesParagraph reports whether a line in bold continues the one above.
func (l *line) sharesParagraph(above line) bool {
	return l.page == above.page && l.isBold && above.isBold && roundSize(l.size) == roundSize(above.size) &&
		above.bottom > l.bottom && above.bottom-l.bottom <= 1.6*l.size
}

// flush writes the paragraph that was collected.
func (w *pdfWriter) flush() {
	if w.paragraph.Len() > 0 {
		w.StartLeaf(w.page)
		w.Block(w.paragraph.String())
		w.paragraph.Reset()
	}
}

var listMark = regexp.MustCompile(`^([•●○◦▪■□‣⁃·*–—-]|[\x{e000}-\x{f8ff}]|\d{1,2}[.)]|[a-z][.)])$`)

// listItem returns the text of a list item without its mark, and whether l is one.
func (l *line) listItem() (string, bool) {
	text := l.text()
	mark, rest, ok := strings.Cut(text, " ")
	if !ok || !listMark.MatchString(mark) {
		return text, false
	}
	r, _ := utf8.DecodeRuneInString(mark)
	isNumber := unicode.IsDigit(r) || unicode.IsLower(r)
	if isNumber && len(l.cells) == 1 && !strings.HasPrefix(mark, "1") && !strings.HasSuffix(mark, ")") && unicode.IsLower([]rune(rest)[0]) {
		return text, false // the end of a sentence, as in "version\n2. the"
	}
	return rest, true
}

// line adds a line to the paragraph, or begins another one.
func (w *pdfWriter) line(i int) {
	l := w.lines[i]
	text, isItem := l.listItem()
	if isItem || i == 0 || !w.continuesParagraph(i) {
		w.flush()
	}
	if w.paragraph.Len() == 0 {
		w.page = l.page
		w.paragraph.WriteString(text)
		return
	}
	joinLines(&w.paragraph, text)
}

// hyphen is what PDFium gives for a hyphen at the end of a line.
const hyphen = "\u0002"

// joinLines adds the text of the next line. It removes the hyphen of a divided word.
func joinLines(b *strings.Builder, next string) {
	text := b.String()
	before := strings.TrimRight(text, "-\u00ad\u2010"+hyphen)
	last, _ := utf8.DecodeLastRuneInString(before)
	first, _ := utf8.DecodeRuneInString(next)
	switch {
	case before == text || !unicode.IsLetter(last):
		b.WriteByte(' ')
	case unicode.IsLower(first):
		b.Reset()
		b.WriteString(before)
	default: // as in "e-\nMail"
		b.Reset()
		b.WriteString(before + "-")
	}
	b.WriteString(next)
}

// continuesParagraph reports whether line i continues the paragraph of the line before.
func (w *pdfWriter) continuesParagraph(i int) bool {
	l, above := w.lines[i], w.lines[i-1]
	if w.paragraph.Len() == 0 || l.size > above.size*(1+sizeTolerance) || l.size < above.size*(1-sizeTolerance) {
		return false
	}
	if l.page != above.page || l.bottom >= above.bottom { // another page or column
		first, _ := utf8.DecodeRuneInString(l.text())
		return !endsParagraph(above.text()) && (unicode.IsLower(first) || !w.hadRoom(i))
	}
	if above.bottom-l.bottom > paragraphGap*w.distance*l.size {
		return false
	}
	isIndented := l.left > above.left+l.size/2 && !w.isItem(i-1)
	return !endsParagraph(above.text()) || !isIndented && !w.hadRoom(i)
}

// hadRoom reports whether the first word of line i would have had room in the line above, which
// therefore ends a paragraph.
func (w *pdfWriter) hadRoom(i int) bool {
	l, above := w.lines[i], w.lines[i-1]
	right := above.right // of the column
	for j := max(0, i-roomLines); j < min(len(w.lines), i+roomLines); j++ {
		if n := w.lines[j]; n.page == above.page && math.Abs(n.left-above.left) < 3*n.size && len(n.cells) == 1 {
			right = max(right, n.right)
		}
	}
	text := l.text()
	word, _, _ := strings.Cut(text, " ")
	width := (l.right - l.left) * float64(utf8.RuneCountInString(word)+1) / float64(max(1, utf8.RuneCountInString(text)))
	return above.right+width < right-l.size
}

func (w *pdfWriter) isItem(i int) bool {
	_, ok := w.lines[i].listItem()
	return ok
}

func endsParagraph(text string) bool {
	return strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") || strings.HasSuffix(text, ":")
}

// tableLines returns how many lines from i on are a table: rows of two cells or more, and
// between them further lines of their cells.
func (w *pdfWriter) tableLines(i int) int {
	rows, end := 0, i
	for j := i; j < len(w.lines); j++ {
		l := w.lines[j]
		_, isHeading := w.headings[j]
		if isHeading && rows > 0 || w.isItem(j) || j > i && (l.page != w.lines[j-1].page || l.bottom >= w.lines[j-1].bottom) {
			break
		}
		switch {
		case l.wraps && rows > 0:
			end = j + 1
		case len(l.cells) >= 2:
			rows++
			end = j + 1
		case rows == 0 || !w.isInCell(j, w.lines[i]):
			return tableSize(rows, end-i)
		}
	}
	return tableSize(rows, end-i)
}

func tableSize(rows, lines int) int {
	if rows < 2 {
		return 0
	}
	return lines
}

// isInCell reports whether line j is a further line of a cell that is not in the first column
// of a table.
func (w *pdfWriter) isInCell(j int, first line) bool {
	l := w.lines[j]
	return l.left >= first.left+l.size && w.lines[j-1].bottom-l.bottom <= paragraphGap*w.distance*l.size
}

// table writes n lines from i on as the rows of a table.
func (w *pdfWriter) table(i, n int) {
	lines := w.lines[i : i+n]
	columns := lines[0].cells
	for _, l := range lines {
		if len(l.cells) > len(columns) {
			columns = l.cells
		}
	}
	var rows [][]string
	for _, l := range lines {
		if len(rows) == 0 || len(l.cells) > 1 && !l.wraps {
			rows = append(rows, make([]string, len(columns)))
		}
		row := rows[len(rows)-1]
		for _, cell := range l.cells {
			c := nearestCell(columns, cell)
			row[c] = squeeze(row[c] + " " + cell.text)
		}
	}
	if hasHeader(rows, lines[0].isBold) {
		w.Outline.Table(rows[0], rows[1:])
	} else {
		w.Outline.Table(nil, rows)
	}
}

// nearestCell returns the column whose cell overlaps most with a cell, or is nearest to it.
func nearestCell(columns []lineCell, c lineCell) int {
	best, most := 0, 0.0
	for i, column := range columns {
		overlap := min(column.right, c.right) - max(column.left, c.left) // negative: the distance
		if i == 0 || overlap > most {
			best, most = i, overlap
		}
	}
	return best
}
