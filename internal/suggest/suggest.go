// Package suggest finds the known word that a mistyped word probably stands for. It
// imports nothing of Frontdesk.
package suggest

import "fmt"

// DidYouMean returns `, did you mean "word"?` with the known word most like word, or ""
// if none is similar enough.
func DidYouMean(word string, known []string) string {
	if best := Nearest(word, known); best != "" {
		return fmt.Sprintf(", did you mean %q?", best)
	}
	return ""
}

// Nearest returns the known word most like word, or "" if none is similar enough: about
// one letter in four may be missing, wrong or too many.
func Nearest(word string, known []string) string {
	best, least := "", 2+len(word)/4
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
