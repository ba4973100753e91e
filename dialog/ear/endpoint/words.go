package endpoint

import (
	"math"
	"strings"

	"frontdesk/internal/words"
)

// The features of Words, in this order, and what else a turn's end is judged by.
const (
	always   = iota // 1
	ending          // how often sentences end behind the last two words, 0 being usual
	open            // the last word can hardly be the last
	filler          // the last word is "uh" or the like
	question        // it is one, and long enough
	answer          // nothing but "yes", "no thank you" and the like
	fragment        // two words or less, and no answer
	digits          // a number that was announced and is not all there
	number          // a number that is
	spelling        // letters or an address that go on
	address         // an e-mail address up to its last part
	clause          // it began with "if" or the like, and the rest is not there
	list            // a first thing, and no second
	subject         // a thing, and nothing said of it
	story           // what has happened, and not yet what is wanted
	polite          // it closes with "please", "thanks" or "goodbye"
	point           // it says what is wanted, or what is wrong
	length          // how many words, up to 5, in fives
	wordless        // there are none
	pitch           // how far the voice fell at the end, in octaves
	slowing         // how much longer the last syllable is than usual, in tenths of a second
	island          // a short sound behind a pause, as hesitations are
	count
)

// Names are the features' names, in order.
var Names = [count]string{"always", "ending", "open", "filler", "question", "answer", "fragment", "digits", "number",
	"spelling", "address", "clause", "list", "subject", "story", "polite", "point", "length", "wordless", "pitch", "slowing", "island"}

// Features is what a silence is judged by.
type Features [count]float64

var (
	questionWords = words.NewSet("what what's when when's where where's which who who's whose why how how's")
	invertedVerbs = words.NewSet("is are was were do does did can could will would should may have has am isn't aren't don't doesn't didn't can't couldn't won't")
	// openEnds can hardly be a turn's last word.
	openEnds = words.NewSet(`and or but so because if when while that which who whose than the a an my your his her our their its this these
		to of in on at for from with by about into between under over after before until as like is are was were am be been
		has have had i'm it's i've i'd we're they're he's she's there's i we he she can could will would should might must
		very really quite just also then maybe actually well not every any called need want get`)
	// strandedEnds are fine at the end of a question: "who is it from".
	strandedEnds = words.NewSet("to of in on at for from with by about into over is are was open like")
	// particles belong to the verb before them: "I can't log in".
	particleVerbs = words.NewSet("log logged logging sign signed signing turn turns turned switch moved come came send sent")
	particles     = words.NewSet("in on over")
	// embeddedEnds are fine at the end of a question within a sentence: "which plan I have".
	embeddedEnds = words.NewSet("is are was were have has need want do did can get")

	answers           = words.NewSet("yes yeah yep yup no nope sure okay ok right correct exactly absolutely please thanks thank you not really don't that's it all nothing else uh-huh fine good great perfect hello hi bye goodbye wait stop hold on a one second moment minute just uh huh")
	thingsWithNumbers = words.NewSet("number order ticket account zip code postcode phone telephone invoice reference tracking")
	leadIns           = words.NewSet("hello hi hey sorry okay ok so well yes yeah no oh and but please just um uh er right then also excuse me good morning afternoon evening actually")
	closings          = words.NewSet("please thanks goodbye bye you")
	wishes            = words.NewSet("want need like wish hope wonder wondering wanted calling looking trying please interested help")
	troubles          = words.NewSet(`not never still wrong damaged broken broke twice stopped forgot lost can't won't don't doesn't didn't isn't hasn't haven't wasn't but problem again instead yet recognize know understand sure
		never locked crash crashes crashed leak leaks leaking error fail fails failed missing late slow freezes frozen expired declined rejected cracked dead empty`)
	// orders begin a request: "cancel my order", "let me speak to somebody".
	orders       = words.NewSet("connect stop give tell send open create cancel close check let put transfer show help call change reset find get make take explain repeat add remove update track talk speak")
	conjunctions = words.NewSet("if when because since although though while unless once after before")
	determiners  = words.NewSet("the my your our a an this that these those some its his her their")
	phones       = words.NewSet("phone telephone mobile cell")
	mails        = words.NewSet("email e-mail mail address letter")
)

const (
	wholeNumber = 5  // digits of an order or a postcode; a ticket's are announced by its T
	wholePhone  = 10 // digits of a telephone number
	wholeClause = 8  // words of a sentence that begins with a conjunction
)

// words sets what the words said so far, normalised, tell after what was asked.
func (f *Features) words(said []string, q asked) {
	*f = Features{always: 1}
	if len(said) == 0 {
		f[wordless] = 1
		return
	}
	last := said[len(said)-1]
	main := said // without what only leads up to it
	for len(main) > 1 && leadIns[main[0]] {
		main = main[1:]
	}
	asks := asking(main)
	hangs := openEnds[last] && len(said) > 1 && !closed(main, asks)
	if q.answered(said, hangs) {
		f[answer] = 1
		return
	}
	f[length] = math.Min(float64(len(said)), 5) / 5
	if hangs || !openEnds[last] {
		f[ending] = endingOf(said)
	}
	switch {
	case words.Hesitations[last]:
		f[filler] = 1
		return
	case hangs:
		f[open] = 1
		return
	case len(main) <= 2:
		f[fragment] = 1
	}
	f.number(said, q.words)
	f.spelled(said)
	f.sentence(said, main, asks)
}

// sentence judges what is no list of digits or letters. main is said without what only
// leads up to it.
func (f *Features) sentence(said, main []string, asks bool) {
	set := func(i int, is bool) {
		if is {
			f[i] = 1
		}
	}
	first := words.NewSet("first firstly").HasAny(said) && !words.NewSet("second secondly then").HasAny(said)
	set(polite, closings[said[len(said)-1]])
	set(list, first || len(said) >= 3 && said[len(said)-1] == "questions")
	set(question, asks && len(main) >= 3 && !first)
	set(clause, conjunctions[main[0]] && len(main) < wholeClause && !asks)
	set(subject, determiners[main[0]] && len(main) <= 4 && !invertedVerbs.HasAny(main) && !troubles.HasAny(main))
	set(story, f[number] == 0 && tells(main))
	set(point, len(main) >= 3 && (orders[main[0]] || wishes.HasAny(said) || troubles.HasAny(main)))
}

// asking reports whether words are a question or end with one: "…can I get another".
func asking(said []string) bool {
	for i := range len(said) - 2 {
		if invertedVerbs[said[i]] && words.NewSet("i you we")[said[i+1]] {
			return true
		}
	}
	return questionWords[said[0]] || invertedVerbs[said[0]]
}

// tells reports whether words say what the caller did or has, in a way that more will
// follow: "I bought a lamp last week", without a word of what is wanted or wrong.
func tells(said []string) bool {
	if len(said) < 4 || asking(said) || troubles.HasAny(said) || wishes.HasAny(said) {
		return false
	}
	if words.NewSet("i i've we we've")[said[0]] {
		return true
	}
	for i, w := range said[:min(4, len(said))] {
		if i > 0 && words.NewSet("my the it")[said[0]] && strings.HasSuffix(w, "ed") && len(w) > 4 {
			return true
		}
	}
	return false
}

// closed reports whether words can be a whole turn although the last one rarely ends one.
func closed(said []string, asks bool) bool {
	if len(said) < 3 {
		return false
	}
	last, before := said[len(said)-1], said[len(said)-2]
	return asks && strandedEnds[last] || asks && words.NewSet("that this these those")[last] ||
		particles[last] && particleVerbs[before] ||
		embeddedEnds[last] && questionWords.HasAny(said[:len(said)-2])
}

// number judges a number said digit by digit, or one that was just announced.
func (f *Features) number(said, asked []string) {
	have, i := 0, len(said)
	for i > 0 && words.CountDigits(said[i-1]) > 0 {
		i--
		have += words.CountDigits(said[i])
	}
	if have == 0 {
		if thingsWithNumbers[said[len(said)-1]] && len(said) <= 3 && !questionWords[said[0]] {
			f[digits] = 1
		}
		return
	}
	phone := phones.HasAny(asked) || phones.HasAny(said[:i])
	whole := wholeNumber
	switch {
	case phone:
		whole = wholePhone
	case i > 0 && said[i-1] == "t": // a ticket: "t one zero four two"
		whole = 3
	}
	switch {
	case have >= whole:
		f[number] = 1
	case phone || have >= 3 || thingsWithNumbers.HasAny(asked) || thingsWithNumbers.HasAny(said[:i]):
		f[digits] = 1
	}
}

// spelled judges letters, and an address, which goes on until its "dot com".
func (f *Features) spelled(said []string) {
	at, dot, letters := false, false, 0
	for i, w := range said {
		switch {
		case w == "dot":
			dot = at && i+1 < len(said)
		case w == "at" && i > 0 && i+1 < len(said) && (mails.HasAny(said[:i]) || letters >= 2):
			at = true
		}
		if len(w) == 1 && w != "a" && w != "i" {
			letters++
		} else if w != "at" && w != "dot" {
			letters = 0
		}
	}
	switch {
	case at && dot:
		f[address] = 1
	case at, letters >= 2, said[len(said)-1] == "dot":
		f[spelling] = 1
	}
}
