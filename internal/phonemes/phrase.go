package phonemes

import (
	"strings"
	"unicode"
)

// Marks are the punctuation marks at which speakers pause.
const Marks = ",.!?;:"

// narrowMarks replaces the wide marks of Chinese and Japanese, which no space follows.
var narrowMarks = map[rune]string{'，': ",", '。': ".", '！': "!", '？': "?", '；': ";", '：': ":", '、': ","}

// CutPhrase returns the length of the phrase at the beginning of text, and its mark: a
// punctuation mark counts if white space or the end of the text follows, because those within
// numbers make no pause.
func CutPhrase(text string) (n int, mark string) {
	wasMark := ""
	for i, r := range text {
		if wasMark != "" && unicode.IsSpace(r) {
			return i, wasMark
		}
		if narrow, ok := narrowMarks[r]; ok {
			return i + len(string(r)), narrow
		}
		wasMark = ""
		if strings.ContainsRune(Marks, r) {
			wasMark = string(r)
		}
	}
	return len(text), wasMark
}

// EndsSentence reports whether a mark ends a sentence.
func EndsSentence(mark string) bool { return mark == "." || mark == "!" || mark == "?" }
