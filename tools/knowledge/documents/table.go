package documents

import (
	"strings"

	"frontdesk/internal/words"
)

// hasHeader guesses whether the first row of a table names the columns: it has a text for
// every column, and it is bold, or of three columns or more at least one has numbers
// everywhere except there.
func hasHeader(rows [][]string, isBold bool) bool {
	if len(rows) < 2 {
		return false
	}
	first := rows[0]
	for i, cell := range first {
		if squeeze(cell) == "" && i > 0 || strings.ContainsAny(cell, "0123456789") {
			return false
		}
	}
	if isBold || len(first) < 3 {
		return isBold
	}
	for i := range first {
		isNumeric := true
		for _, row := range rows[1:] {
			isNumeric = isNumeric && i < len(row) && strings.ContainsAny(row[i], "0123456789")
		}
		if isNumeric {
			return true
		}
	}
	return false
}

// rowText returns the cells of a row as one text.
func rowText(row []string) string {
	var cells []string
	for _, cell := range row {
		if cell = squeeze(cell); cell != "" {
			cells = append(cells, cell)
		}
	}
	return strings.Join(cells, ", ")
}

// squeeze joins the words of s with single spaces, without characters that are not text.
func squeeze(s string) string { return strings.Join(strings.Fields(words.Printable(s)), " ") }
