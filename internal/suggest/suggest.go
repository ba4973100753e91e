// Package suggest finds the known word that a mistyped word probably stands for. It
// imports words.
package suggest

import (
	"fmt"

	"frontdesk/internal/words"
)

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
		if d := words.EditDistance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}
