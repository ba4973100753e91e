package documents

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	cellGap       = 1.2  // between cells of a row, in units of the font size, at least
	cellLines     = 4    // lines of a table's cell, at most, unless it is in the last column
	wordGap       = 0.12 // between words, in units of the font size, at least
	marginShare   = 0.12 // of a page's height at its top and bottom may be running headers and footers
	sameHeight    = 4.0  // points by which the height of a running header may differ
	largeHeading  = 1.1  // times the size of the text that a larger heading has, at least
	headingWords  = 15   // at most
	headingLines  = 3    // at most
	paragraphGap  = 1.35 // times the usual distance of lines that begins a paragraph
	lineShare     = 0.5  // of the height of two pieces that overlaps if they are on one line
	roomLines     = 8    // before and after a line that tell how wide its column is
	sizeTolerance = 0.1  // by which font sizes in one paragraph differ, at most
)

// line is a line of text on a page. Its cells are parts with wide gaps between them.
type line struct {
	page                     int
	cells                    []lineCell
	left, right, top, bottom float64
	size                     float64
	isBold                   bool
	wraps                    bool // the line continues cells of the row above
}

type lineCell struct {
	text        string
	left, right float64
}

func (l *line) text() string {
	texts := make([]string, len(l.cells))
	for i, c := range l.cells {
		texts[i] = c.text
	}
	return squeeze(strings.Join(texts, " "))
}

// lines joins the pieces of a page to lines.
func (p *pdfPage) lines() []line {
	var out []line
	for _, piece := range p.pieces {
		if strings.TrimSpace(piece.text) == "" {
			continue
		}
		if addToLine(out, piece) {
			continue
		}
		out = append(out, line{
			page: p.number, cells: []lineCell{{piece.text, piece.left, piece.right}},
			left: piece.left, right: piece.right, top: piece.top, bottom: piece.bottom, size: piece.size, isBold: piece.isBold,
		})
	}
	return out
}

// addToLine adds a piece to the last line, or to one shortly before: after the text of a cell
// with several lines, the next cell begins higher up. It returns false if a new line begins.
func addToLine(lines []line, p piece) bool {
	right := 0.0
	for k := len(lines) - 1; k >= max(0, len(lines)-cellLines); k-- {
		if p.left < right {
			return false
		}
		if lines[k].continues(p) {
			lines[k].add(p)
			for i := k + 1; i < len(lines); i++ {
				lines[i].wraps = true
			}
			return true
		}
		right = max(right, lines[k].right)
	}
	return false
}

// continues reports whether a piece is on the line, to the right of it.
func (l *line) continues(p piece) bool {
	overlap := min(l.top, p.top) - max(l.bottom, p.bottom)
	return overlap >= lineShare*min(l.top-l.bottom, p.top-p.bottom) && p.left >= l.right-l.size
}

func (l *line) add(p piece) {
	gap := p.left - l.right
	last := &l.cells[len(l.cells)-1]
	switch {
	case gap >= cellGap*max(l.size, p.size):
		l.cells = append(l.cells, lineCell{p.text, p.left, p.right})
	case gap >= wordGap*p.size:
		last.text += " " + p.text
		last.right = p.right
	default:
		last.text += p.text
		last.right = p.right
	}
	if utf8.RuneCountInString(p.text) > utf8.RuneCountInString(last.text)/2 {
		l.size = p.size
	}
	l.isBold = l.isBold && p.isBold
	l.right, l.top, l.bottom = max(l.right, p.right), max(l.top, p.top), min(l.bottom, p.bottom)
}

var (
	pageNumber = regexp.MustCompile(`(?i)^(page|seite|p\.|s\.)?\s*[-–—|]?\s*\d{1,4}\s*([-–—|]|(of|von|/)\s*\d{1,4})?$`)
	digits     = regexp.MustCompile(`\d+`)
)

// body returns the lines of all pages without running headers and footers: lines near the top
// or bottom of several pages that differ in numbers only, and page numbers.
func (d *pdfDocument) body() []line {
	type place struct {
		text   string
		height int
	}
	pages := make([][]line, len(d.pages))
	counts := make(map[place]int)
	isInMargin := func(page pdfPage, l line) bool {
		return l.bottom > page.height*(1-marginShare) || l.top < page.height*marginShare
	}
	placesOf := func(l line) []place { // two, so that a small difference never separates lines
		text, height := digits.ReplaceAllString(l.text(), "0"), l.bottom/sameHeight
		return []place{{text, int(math.Floor(height))}, {text, int(math.Floor(height+0.5)) + 1<<20}}
	}
	for i, page := range d.pages {
		pages[i] = page.lines()
		seen := make(map[place]bool)
		for _, l := range pages[i] {
			if !isInMargin(page, l) {
				continue
			}
			for _, p := range placesOf(l) {
				if !seen[p] {
					seen[p] = true
					counts[p]++
				}
			}
		}
	}
	enough := 3
	if len(d.pages) < 5 {
		enough = 2
	}
	var out []line
	for i, page := range d.pages {
		for _, l := range pages[i] {
			isRunning := isInMargin(page, l) && (pageNumber.MatchString(l.text()) ||
				slices.ContainsFunc(placesOf(l), func(p place) bool { return counts[p] >= enough }))
			if !isRunning {
				out = append(out, l)
			}
		}
	}
	return out
}

// textSize returns the font size of most of the text.
func textSize(lines []line) float64 {
	counts := make(map[float64]int)
	for _, l := range lines {
		counts[roundSize(l.size)] += len(l.text())
	}
	best, most := 0.0, 0
	for size, n := range counts {
		if n > most || n == most && size < best {
			best, most = size, n
		}
	}
	return best
}

func roundSize(size float64) float64 { return math.Round(size*2) / 2 }

// lineDistance returns the usual distance between the lines of a paragraph, in units of the
// font size.
func lineDistance(lines []line) float64 {
	var distances []float64
	for i := 1; i < len(lines); i++ {
		a, b := lines[i-1], lines[i]
		if d := (a.bottom - b.bottom) / max(b.size, 1); a.page == b.page && d > 0.8 && d < 2.5 && len(a.cells) == 1 && len(b.cells) == 1 {
			distances = append(distances, d)
		}
	}
	if len(distances) == 0 {
		return 1.2
	}
	slices.Sort(distances)
	return distances[len(distances)/3] // most lines continue a paragraph, and only they are this close
}

// mayBeHeading reports whether a line is short enough and distinct enough to be a heading.
func (l *line) mayBeHeading(body float64) bool {
	text := l.text()
	hasLetter := strings.ContainsFunc(text, unicode.IsLetter)
	isDistinct := l.size >= body*largeHeading || l.isBold && l.size >= body*(1-sizeTolerance)
	return isDistinct && hasLetter && len(l.cells) == 1 && len(strings.Fields(text)) <= headingWords && !endsSentence(text)
}

// headingSizes returns the levels of headings that are larger than the text, by font size.
func headingSizes(headings []pdfHeading, body float64) map[float64]int {
	var sizes []float64
	for _, h := range headings {
		if size := roundSize(h.size); size >= body*largeHeading && !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
	}
	slices.SortFunc(sizes, func(a, b float64) int { return cmp.Compare(b, a) })
	levels := make(map[float64]int, len(sizes))
	for i, size := range sizes {
		levels[size] = min(i+1, 5)
	}
	return levels
}
