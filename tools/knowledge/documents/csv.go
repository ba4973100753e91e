package documents

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/tools/knowledge"
)

const (
	maxRows    = 20_000
	maxColumns = 200
)

// columnNames are the names of columns, in lower case, that give a row its heading, its text
// and the heading above its own.
var columnNames = struct{ question, answer, category []string }{
	question: []string{"question", "questions", "frage", "fragen", "heading", "title", "titel", "überschrift", "topic", "thema", "pregunta"},
	answer:   []string{"answer", "answers", "antwort", "antworten", "text", "content", "inhalt", "respuesta", "réponse"},
	category: []string{"category", "kategorie", "section", "abschnitt", "group", "gruppe", "rubrik", "categoría", "catégorie"},
}

// readCSV reads a table whose first row names the columns. Each row becomes a section. A
// table with a column for questions and one for answers becomes headings and texts. Otherwise
// the first cell is the heading, and the text gives each cell after the name of its column.
func readCSV(_ context.Context, o *knowledge.Outline, source []byte) error {
	source, err := knowledge.Text(source)
	if err != nil {
		return err
	}
	comma := delimiter(source)
	if line, rest, ok := bytes.Cut(source, []byte("\n")); ok && len(line) >= 5 && strings.EqualFold(string(line[:4]), "sep=") {
		source, comma = rest, delimiter(line) // Excel writes and reads such a line
	}
	r := csv.NewReader(bytes.NewReader(source))
	r.Comma = comma
	r.FieldsPerRecord = -1 // short rows are common, and harmless here
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return csvError(err)
	}
	if len(header) > maxColumns {
		return fault.New(fault.TooLarge, "the table has more than %d columns", maxColumns)
	}
	t := newTable(header)
	for n := 0; ; n++ {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return csvError(err)
		}
		if n == maxRows {
			return fault.New(fault.TooLarge, "the table has more than %d rows; split it", maxRows)
		}
		t.add(o, row)
	}
}

func csvError(err error) error {
	var e *csv.ParseError
	if errors.As(err, &e) {
		switch {
		case errors.Is(e.Err, csv.ErrQuote), errors.Is(e.Err, csv.ErrBareQuote):
			return fault.New(fault.Invalid, `line %d: a quotation mark is at the wrong place or not closed; write a text with " as "a ""word"" in it"`, e.Line)
		default:
			return fault.New(fault.Invalid, "line %d: %v", e.Line, e.Err)
		}
	}
	return fault.Wrap(err, fault.Invalid, "cannot read the table")
}

// delimiter returns the character that separates the columns: the one of comma, semicolon and
// tab that is most frequent in the first line outside quotation marks.
func delimiter(source []byte) rune {
	counts := make(map[byte]int)
	quoted := false
	for _, c := range source {
		if c == '\n' && !quoted {
			break
		}
		if c == '"' {
			quoted = !quoted
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return rune(best)
}

// table tells what the columns of a CSV file mean. A column that is missing is -1.
type table struct {
	header                     []string
	question, answer, category int
}

func newTable(header []string) table {
	find := func(names []string) int {
		return slices.IndexFunc(header, func(cell string) bool { return slices.Contains(names, strings.ToLower(squeeze(cell))) })
	}
	t := table{header: header, question: find(columnNames.question), answer: find(columnNames.answer), category: find(columnNames.category)}
	if t.question < 0 || t.answer < 0 {
		t.question, t.answer, t.category = 0, -1, -1
	}
	return t
}

// add adds the section of a row.
func (t table) add(o *knowledge.Outline, row []string) {
	cell := func(i int) string {
		if i < 0 || i >= len(row) {
			return ""
		}
		return row[i]
	}
	heading, answer := cell(t.question), cell(t.answer)
	if t.answer >= 0 && strings.TrimSpace(answer) == "" {
		return // a question without an answer would be found and say nothing
	}
	o.LeaveLevel(1)
	level := 2
	if category := cell(t.category); strings.TrimSpace(category) != "" {
		o.Heading(level, category, "")
		level++
	}
	o.Heading(level, heading, "")
	for paragraph := range strings.SplitSeq(answer, "\n") {
		o.Block(paragraph)
	}
	var rest []string
	for i := range row {
		if i == t.question || i == t.answer || i == t.category || strings.TrimSpace(cell(i)) == "" {
			continue
		}
		name := ""
		if i < len(t.header) {
			name = squeeze(t.header[i])
		}
		if name != "" {
			name += ": "
		}
		rest = append(rest, name+squeeze(cell(i)))
	}
	switch {
	case len(rest) > 0:
		o.Block(strings.Join(rest, ", "))
	case t.answer < 0:
		o.Block(heading) // a table of one column
	}
}
