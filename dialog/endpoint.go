package dialog

import "time"

// How long the caller must be silent until the turn is over, by what the words so
// far look like.
const (
	finishedWait = 400 * time.Millisecond  // they are a whole turn
	openWords    = 650 * time.Millisecond  // nothing speaks for or against it
	danglingWait = 1300 * time.Millisecond // they cannot be the end
	wordlessWait = 600 * time.Millisecond  // there are none, as with ears that give no partials
	maybeWait    = 200 * time.Millisecond  // when a whole turn may be prepared for
	longestTurn  = 45 * time.Second
)

// NewEndpointer makes an Endpointer that waits for silence, and the longer the less
// the words so far look like a finished turn. That words end turns better than
// silence alone is an old finding: A. Raux and M. Eskenazi, "Optimizing endpointing
// thresholds using dialogue features in a spoken dialogue system", SIGdial 2008.
func NewEndpointer() Endpointer { return new(hangover) }

type hangover struct {
	words, asked string // what look was judged on
	look         look
	lasted       time.Duration
}

// Reset implements Endpointer.
func (h *hangover) Reset() { *h = hangover{} }

// Judge implements Endpointer.
func (h *hangover) Judge(e Evidence) Verdict {
	h.lasted += 20 * time.Millisecond
	if e.Words != h.words || e.Asked != h.asked {
		h.words, h.asked = e.Words, e.Asked
		h.look = lookAt(e.Words, e.Asked)
	}
	switch {
	case h.lasted >= longestTurn:
		return Verdict{Finished: true, Why: "the turn is too long"}
	case e.Final && e.Silence >= maybeWait:
		return Verdict{Finished: true, Why: "the recogniser heard the end"}
	case e.Silence >= h.look.wait():
		return Verdict{Finished: true, Why: h.look.String()}
	case e.Silence >= maybeWait && h.look == finished:
		return Verdict{Maybe: true}
	}
	return Verdict{}
}

// look is what words look like as a turn.
type look int

const (
	wordless look = iota
	unclear
	finished
	dangling
)

func (l look) wait() time.Duration {
	return [...]time.Duration{wordlessWait, openWords, finishedWait, danglingWait}[l]
}

func (l look) String() string {
	return [...]string{"silence", "silence after words", "silence after a whole turn", "long silence after an unfinished turn"}[l]
}

var (
	questionWords = wordSet("what what's when when's where where's which who who's whose why how how's")
	invertedVerbs = wordSet("is are was were do does did can could will would should may have has am isn't aren't don't doesn't didn't can't couldn't won't")
	// openEnds can hardly be a turn's last word.
	openEnds = wordSet(`and or but so because if when while that which who whose than the a an my your his her our their its this these
		to of in on at for from with by about into between under over after before until as like is are was were am be been
		has have had i'm it's i've i'd we're they're he's she's there's i we they he she can could will would should might must
		uh um er erm uhm very really quite just also then maybe actually well not every any called need want get change`)
	// strandedEnds are fine at the end of a question: "who is it from".
	strandedEnds = wordSet("to of in on at for from with by about into over is are was open like")
	// particles belong to the verb before them: "I can't log in".
	particleVerbs = wordSet("log logged logging sign signed signing turn turns turned switch moved come came send sent")
	particles     = wordSet("in on over")
	// embeddedEnds are fine at the end of a question within a sentence: "which plan I have".
	embeddedEnds = wordSet("is are was were have has need want do did can get")

	answers           = wordSet("yes yeah yep yup no nope sure okay ok right correct exactly absolutely please thanks thank you not really don't that's it all nothing else")
	thingsWithNumbers = wordSet("number order ticket account zip code postcode phone telephone invoice reference tracking")
	numberWords       = wordSet("zero oh o one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred double triple dash")
)

const (
	wholeNumber = 5  // digits of an order or a postcode; a ticket's are announced by its T
	wholePhone  = 10 // digits of a telephone number
)

// lookAt judges words after what the agent asked.
func lookAt(text, asked string) look {
	said := plainWords(text)
	if len(said) == 0 {
		return wordless
	}
	last := said[len(said)-1]
	question := questionWords[said[0]] || invertedVerbs[said[0]]
	switch {
	case len(said) <= 4 && allIn(said, answers):
		return finished
	case isGoodbye(text):
		return finished
	case openEnds[last] && !closed(said, question):
		return dangling
	case said[0] == "if" && len(said) < 7: // what then?
		return dangling
	}
	if l := lookAtNumber(said, asked); l != unclear {
		return l
	}
	if l := lookAtEmail(said); l != unclear {
		return l
	}
	if question && len(said) >= 4 {
		return finished
	}
	return unclear
}

// closed reports whether words can be a whole turn although the last one rarely ends one.
func closed(said []string, question bool) bool {
	if len(said) < 4 {
		return false
	}
	last, before := said[len(said)-1], said[len(said)-2]
	return question && strandedEnds[last] ||
		particles[last] && particleVerbs[before] ||
		embeddedEnds[last] && anyIn(said[:len(said)-2], questionWords)
}

// lookAtNumber judges a number said digit by digit, or one that was just announced.
func lookAtNumber(said []string, asked string) look {
	digits, i := 0, len(said)
	for i > 0 {
		n := digitsIn(said[i-1])
		if n == 0 {
			break
		}
		digits += n
		i--
	}
	if digits == 0 {
		if thingsWithNumbers[said[len(said)-1]] && len(said) <= 3 && !questionWords[said[0]] {
			return dangling
		}
		return unclear
	}
	about := append(plainWords(asked), said[:i]...)
	whole := wholeNumber
	phone := false
	for _, w := range about {
		phone = phone || w == "phone" || w == "telephone" || w == "mobile"
	}
	if phone {
		whole = wholePhone
	}
	switch {
	case digits >= whole:
		return finished
	case phone || anyIn(about, thingsWithNumbers) || digits >= 3:
		if i > 0 && said[i-1] == "t" && digits >= 4 { // a ticket: "t one zero four two"
			return finished
		}
		return dangling
	}
	return unclear
}

// digitsIn is how many digits a word stands for, roughly: "47" and "forty" are two.
func digitsIn(word string) int {
	n := 0
	for _, r := range word {
		if r < '0' || r > '9' {
			n = 0
			break
		}
		n++
	}
	switch {
	case n > 0:
		return n
	case !numberWords[word], word == "hundred", word == "dash":
		return 0
	case len(word) > 4 && (word[len(word)-1] == 'y' || word[len(word)-1] == 'n') && word != "seven":
		return 2 // twenty … ninety, thirteen … nineteen
	}
	return 1
}

// lookAtEmail judges a spelled address: it goes on until its "dot com".
func lookAtEmail(said []string) look {
	at, dot, letters := false, false, 0
	for i, w := range said {
		switch {
		case w == "dot":
			dot = at && i+1 < len(said)
		case w == "at" && i > 0 && i+1 < len(said) && anyIn(said[:i], wordSet("email e-mail mail address letter")):
			at = true
		}
		if len(w) == 1 && w != "a" && w != "i" {
			letters++
		} else {
			letters = 0
		}
	}
	switch {
	case at && dot:
		return finished
	case at, letters >= 2, said[len(said)-1] == "dot":
		return dangling
	}
	return unclear
}

func allIn(said []string, set map[string]bool) bool {
	for _, w := range said {
		if !set[w] {
			return false
		}
	}
	return true
}

func anyIn(said []string, set map[string]bool) bool {
	for _, w := range said {
		if set[w] {
			return true
		}
	}
	return false
}
