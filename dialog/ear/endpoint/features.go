package endpoint

// The features, in the order of Names and of the weights.
const (
	always    = iota // 1, for the intercept
	ending           // how often sentences end after the last two words; 0 is usual
	open             // the last word can hardly be the last one of a turn
	filler           // the last word is "uh" or another hesitation
	question         // the words are a question and long enough for one
	answer           // nothing but "yes", "no thank you" and the like
	fragment         // at most two words, and not an answer
	digits           // an announced number that is incomplete
	number           // a complete number
	spelling         // letters or an address that will continue
	address          // an e-mail address including its last part
	clause           // begins with "if" or another conjunction, without the main clause
	list             // a first item without a second
	subject          // a thing, and nothing said about it
	story            // what happened, but not yet what the caller wants
	polite           // ends with "please", "thanks" or "goodbye"
	point            // says what the caller wants, or begins as an order does
	trouble          // says what is wrong; a wish may follow
	statement        // a whole sentence: a verb with words before and after it
	length           // number of words, up to 5, divided by 5
	longer           // number of words beyond 5, up to 10, divided by 10
	wordless         // there are no words
	pitch            // how far the voice fell at the end, in octaves
	slowing          // how much longer the last syllable is than usual, in tenths of a second
	island           // short speech after a pause, as hesitations are
	mark             // the recognizer wrote the end of a sentence after the last word (1) or a comma (-1)
	count
)

// Names are the names of the features.
var Names = [count]string{"always", "ending", "open", "filler", "question", "answer", "fragment", "digits", "number",
	"spelling", "address", "clause", "list", "subject", "story", "polite", "point", "trouble", "statement", "length", "longer", "wordless", "pitch", "slowing", "island", "mark"}

// Features describe a silence.
type Features [count]float64

// Wordless returns f without the features of words, as for other languages than English
// and for recognizers without partial results.
func (f Features) Wordless() Features {
	return Features{always: 1, wordless: 1, pitch: f[pitch], slowing: f[slowing], island: f[island]}
}
