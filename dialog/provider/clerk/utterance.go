package clerk

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"frontdesk/internal/words"
)

const maxSaid = 2000 // bytes of what was said; the rest is ignored

// utterance is what a caller said or typed, prepared for rules.
type utterance struct {
	text       string   // as received
	plain      string   // lower case, without punctuation, fillers and short forms
	words      []string // of plain
	isQuestion bool
}

// shortForms expands short forms, so that one rule covers "isn't" and "is not".
var shortForms = strings.NewReplacer(
	"won't", "will not", "can't", "can not", "cannot", "can not", "n't", " not", "'re", " are", "'ve", " have",
	"'ll", " will", "i'm", "i am", "'d", " would", "what's", "what is", "where's", "where is", "that's", "that is",
	"it's", "it is", "who's", "who is", "how's", "how is", "when's", "when is", "there's", "there is", "here's", "here is",
	"he's", "he is", "she's", "she is", "let's", "let us", "e-mail", "email", "e mail", "email", "wi-fi", "wifi",
	"uh huh", "uhhuh", "uh-huh", "uhhuh", "mm hmm", "uhhuh", "mm-hmm", "uhhuh", "o'clock", "oclock", "gonna", "going to", "wanna", "want to",
)

// typedForms are what people type for words, beside misspelledKeywords.
var typedForms = misspelledKeywords(map[string]string{
	"wheres": "where is", "whats": "what is", "hows": "how is", "whens": "when is", "whos": "who is", "thats": "that is", "theres": "there is",
	"dont": "do not", "doesnt": "does not", "didnt": "did not", "isnt": "is not", "wasnt": "was not", "arent": "are not", "havent": "have not",
	"hasnt": "has not", "cant": "can not", "couldnt": "could not", "shouldnt": "should not", "wouldnt": "would not", "im": "i am", "ive": "i have",
	"pls": "please", "plz": "please", "thx": "thanks", "tmrw": "tomorrow", "tmr": "tomorrow", "wat": "what", "wut": "what", "wen": "when", "hw": "how",
	"cna": "can", "wiht": "with", "teh": "the", "adress": "address", "ariv": "arrive", "recieve": "receive", "recieved": "received",
})

// keywords are words of rules that callers type wrong, and that are not like other words.
var keywords = []string{"order", "orders", "ticket", "tickets", "refund", "delivery", "arrive", "arrived", "status", "cancel", "package", "parcel", "person", "return", "tomorrow", "today", "number"}

// misspelledKeywords adds keywords without one of their letters, or with two swapped, to forms.
func misspelledKeywords(forms map[string]string) map[string]string {
	for _, word := range keywords {
		for i := range len(word) {
			without := word[:i] + word[i+1:]
			forms[without] = word
			if i > 0 {
				forms[word[:i-1]+word[i:i+1]+word[i-1:i]+word[i+1:]] = word
			}
		}
	}
	for _, word := range append(slices.Clone(keywords), "ticke", "toda", "retur") { // words, and beginnings of words
		delete(forms, word)
	}
	return forms
}

// questionStart matches the beginning of a question.
var questionStart = regexp.MustCompile(`^(?:(?:and|so|but|then|okay|ok|also|hi|hello|hey|please|yes|no|actually|sorry|wait|oh|well) )*(?:what|when|where|who|why|how|which|can|could|do|does|did|is|are|am|was|were|will|would|should|has|have|may|if i)\b`)

// interjections match what callers say to get a word in, before what they want to say.
var interjections = regexp.MustCompile(`^(?:(?:wait|stop|hold on|hang on|listen|excuse me|one moment|just a (?:second|moment)|no no) )+(?:(?:please|no|sorry|but|so|a (?:second|moment|minute)) )*`)

// withoutInterjections removes interjections from plain if enough words remain.
func withoutInterjections(plain string) string {
	rest := plain[len(interjections.FindString(plain)):]
	if len(strings.Fields(rest)) < 3 {
		return plain
	}
	return rest
}

func newUtterance(text string) utterance {
	text = strings.TrimSpace(words.Clip(text, maxSaid))
	plain := withoutInterjections(plainText(text))
	return utterance{
		text: text, plain: plain, words: strings.Fields(plain),
		isQuestion: strings.Contains(text, "?") || questionStart.MatchString(plain),
	}
}

// Recognizers and pages write amounts and times with signs. Spoken, the unit comes last.
var (
	writtenMoney   = regexp.MustCompile(`([$€£])\s?(\d[\d,]*)(?:\.(\d\d?)\b)?`)
	writtenPercent = regexp.MustCompile(`(\d)\s?%`)
	writtenTime    = regexp.MustCompile(`(\d)\s?([ap])\.?\s?m\b`)
	writtenClock   = regexp.MustCompile(`\b(\d{1,2}):(\d\d)\b(\s?[ap]\.?\s?m\b)?`)
	currencies     = map[string]string{"$": "dollars", "€": "euros", "£": "pounds"}
	smallUnits     = map[string]string{"$": "cents", "€": "cents", "£": "pence"}
)

// spokenAmounts writes the units of amounts and times as words after their numbers:
// "19 dollars 99 cents" for "$19.99".
func spokenAmounts(text string) string {
	text = writtenMoney.ReplaceAllStringFunc(text, func(amount string) string {
		m := writtenMoney.FindStringSubmatch(amount)
		spoken := strings.ReplaceAll(m[2], ",", "") + " " + currencies[m[1]] + " "
		if m[3] != "" {
			spoken += (m[3] + "0")[:2] + " " + smallUnits[m[1]] + " "
		}
		return spoken
	})
	text = writtenClock.ReplaceAllStringFunc(text, func(time string) string {
		m := writtenClock.FindStringSubmatch(time)
		if m[3] == "" {
			m[3] = " oclock"
		}
		return m[1] + " " + m[2] + m[3]
	})
	text = writtenPercent.ReplaceAllString(text, "$1 percent")
	return writtenTime.ReplaceAllString(text, "$1 ${2}m")
}

// plainText returns the words of text in lower case, without fillers and short forms, with
// spokenAmounts, separated by single spaces.
func plainText(text string) string {
	text = strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	text = spokenAmounts(shortForms.Replace(text))
	fields := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && !unicode.Is(unicode.Mn, r)
	})
	out := fields[:0]
	for _, f := range fields {
		f = strings.TrimSuffix(strings.Trim(f, "'"), "'s")
		if written, ok := typedForms[f]; ok {
			f = written
		}
		if f != "" && !words.RequestFillers[f] {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}
