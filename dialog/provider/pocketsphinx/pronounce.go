package pocketsphinx

import "strings"

// pronounce guesses the pronunciation of a word that the dictionary does not have: as a
// compound of two known words, as a known word with a suffix, letter by letter if it has no
// vowel, or else by rules of English spelling.
func pronounce(word string, known dictionary) string {
	word = strings.ReplaceAll(word, "'", "")
	for i := 3; i+3 <= len(word); i++ {
		if a, b := known[word[:i]], known[word[i:]]; a != nil && b != nil {
			return a[0] + " " + b[0]
		}
	}
	for _, e := range suffixes {
		if stem, ok := strings.CutSuffix(word, e.letters); ok && known[stem] != nil {
			return known[stem][0] + " " + e.phones
		}
	}
	phones := bySpelling(word)
	if !strings.ContainsAny(word, "aeiouy") {
		phones = spellOut(word, known)
	}
	if phones == "" {
		return "AH" // a pronunciation must not be empty
	}
	return phones
}

var suffixes = []struct{ letters, phones string }{
	{"s", "Z"}, {"es", "IH Z"}, {"ed", "D"}, {"ing", "IH NG"}, {"er", "ER"}, {"ly", "L IY"}, {"y", "IY"},
}

func spellOut(word string, known dictionary) string {
	var phones []string
	for _, letter := range word {
		if names := known[string(letter)]; names != nil {
			phones = append(phones, names[0])
		}
	}
	return strings.Join(phones, " ")
}

// bySpelling applies the first matching rule of spellings from left to right.
func bySpelling(word string) string {
	var phones []string
	for i := 0; i < len(word); {
		n := 1
		for _, s := range spellings {
			if strings.HasPrefix(word[i:], s.letters) && (!s.onlyAtEnd || i+len(s.letters) == len(word)) {
				phones, n = append(phones, s.phones), len(s.letters)
				break
			}
		}
		i += n
	}
	return strings.Join(strings.Fields(strings.Join(phones, " ")), " ")
}

// spelling is the usual pronunciation of some letters.
type spelling struct {
	letters   string
	phones    string
	onlyAtEnd bool // applies only at the end of a word
}

// spellings lists the longest spellings first.
var spellings = []spelling{
	{"tion", "SH AH N", false}, {"sion", "ZH AH N", false}, {"ture", "CH ER", false}, {"ough", "AO", false}, {"augh", "AO", false}, {"eigh", "EY", false},
	{"igh", "AY", false}, {"tch", "CH", false}, {"sch", "SH", false}, {"dge", "JH", false}, {"eau", "OW", false},
	{"ing", "IH NG", true}, {"ble", "B AH L", true}, {"ple", "P AH L", true}, {"tle", "T AH L", true}, {"dle", "D AH L", true}, {"gle", "G AH L", true},
	{"ai", "EY", false}, {"ay", "EY", false}, {"au", "AO", false}, {"aw", "AO", false}, {"ea", "IY", false}, {"ee", "IY", false}, {"ei", "EY", false},
	{"ey", "IY", false}, {"eu", "Y UW", false}, {"ew", "Y UW", false}, {"ie", "IY", false}, {"oa", "OW", false}, {"oi", "OY", false}, {"oo", "UW", false},
	{"ou", "AW", false}, {"ow", "OW", false}, {"oy", "OY", false}, {"ue", "UW", true}, {"ui", "UW", false}, {"ar", "AA R", false}, {"er", "ER", false},
	{"ir", "ER", false}, {"or", "AO R", false}, {"ur", "ER", false}, {"ch", "CH", false}, {"sh", "SH", false}, {"th", "TH", false}, {"ph", "F", false},
	{"gh", "G", false}, {"kn", "N", false}, {"ng", "NG", false}, {"qu", "K W", false}, {"wh", "W", false}, {"wr", "R", false}, {"ck", "K", false},
	{"ce", "S", true}, {"ge", "JH", true}, {"se", "Z", true}, {"es", "Z", true}, {"ed", "D", true},
	{"ci", "S IH", false}, {"ce", "S EH", false}, {"cy", "S IY", false}, {"ge", "JH EH", false}, {"gi", "JH IH", false},
	{"bb", "B", false}, {"cc", "K", false}, {"dd", "D", false}, {"ff", "F", false}, {"gg", "G", false}, {"ll", "L", false}, {"mm", "M", false},
	{"nn", "N", false}, {"pp", "P", false}, {"rr", "R", false}, {"ss", "S", false}, {"tt", "T", false}, {"zz", "Z", false},
	{"a", "AH", true}, {"e", "", true}, {"i", "IY", true}, {"o", "OW", true}, {"u", "UW", true}, {"y", "IY", true},
	{"a", "AE", false}, {"b", "B", false}, {"c", "K", false}, {"d", "D", false}, {"e", "EH", false}, {"f", "F", false}, {"g", "G", false},
	{"h", "HH", false}, {"i", "IH", false}, {"j", "JH", false}, {"k", "K", false}, {"l", "L", false}, {"m", "M", false}, {"n", "N", false},
	{"o", "AA", false}, {"p", "P", false}, {"q", "K", false}, {"r", "R", false}, {"s", "S", false}, {"t", "T", false}, {"u", "AH", false},
	{"v", "V", false}, {"w", "W", false}, {"x", "K S", false}, {"y", "Y", false}, {"z", "Z", false},
}
