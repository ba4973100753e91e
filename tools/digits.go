package tools

import "frontdesk/internal/words"

// SpokenDigits is words.SpokenDigits.
func SpokenDigits(text string) string { return words.SpokenDigits(text) }
