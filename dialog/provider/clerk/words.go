package clerk

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"frontdesk/internal/words"
)

const maxSaid = 2000 // bytes of what was said that are looked at

// utterance is what a caller said or typed, made ready for rules.
type utterance struct {
	text  string   // as it came
	plain string   // lower case, without punctuation, fillers and short forms
	words []string // of plain
	asks  bool     // it is put as a question
}

// shortForms are opened so that one rule covers "isn't" and "is not".
var shortForms = strings.NewReplacer(
	"won't", "will not", "can't", "can not", "cannot", "can not", "n't", " not", "'re", " are", "'ve", " have",
	"'ll", " will", "i'm", "i am", "'d", " would", "what's", "what is", "where's", "where is", "that's", "that is",
	"it's", "it is", "who's", "who is", "how's", "how is", "when's", "when is", "there's", "there is", "here's", "here is",
	"he's", "he is", "she's", "she is", "let's", "let us", "e-mail", "email", "e mail", "email", "wi-fi", "wifi",
	"uh huh", "uhhuh", "uh-huh", "uhhuh", "mm hmm", "uhhuh", "mm-hmm", "uhhuh", "o'clock", "oclock", "gonna", "going to", "wanna", "want to",
)

// opener is what sentences begin with when they ask something.
var opener = regexp.MustCompile(`^(?:(?:and|so|but|then|okay|ok|also|hi|hello|hey|please|yes|no|actually|sorry|wait|oh|well) )*(?:what|when|where|who|why|how|which|can|could|do|does|did|is|are|am|was|were|will|would|should|has|have|may|if i)\b`)

// interjection is what somebody says to get a word in, before what it is about.
var interjection = regexp.MustCompile(`^(?:(?:wait|stop|hold on|hang on|listen|excuse me|one moment|just a (?:second|moment)|no no) )+(?:(?:please|no|sorry|but|so|a (?:second|moment|minute)) )*`)

// topic is plain without interjections, if enough is left to be about something.
func topic(plain string) string {
	rest := plain[len(interjection.FindString(plain)):]
	if len(strings.Fields(rest)) < 3 {
		return plain
	}
	return rest
}

// hear reads what was said.
func hear(text string) utterance {
	text = strings.TrimSpace(words.Clip(text, maxSaid))
	plain := topic(plainText(text))
	return utterance{
		text: text, plain: plain, words: strings.Fields(plain),
		asks: strings.Contains(text, "?") || opener.MatchString(plain),
	}
}

// plainText is text in lower case, in words with single spaces between them.
func plainText(text string) string {
	text = strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	text = shortForms.Replace(text)
	fields := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && !unicode.Is(unicode.Mn, r)
	})
	out := fields[:0]
	for _, f := range fields {
		f = strings.TrimSuffix(strings.Trim(f, "'"), "'s")
		if f != "" && !words.RequestFillers[f] {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}

// vague are times that only say which one, as in "my invoice for March".
var vague = regexp.MustCompile(`\b(?:(?:this|last|next|the other|every|each) (?:time|week|month|year|monday|tuesday|wednesday|thursday|friday)|(?:in|for|from|of|since) (?:january|february|march|april|may|june|july|august|september|october|november|december)|(?:a|an|one|two|three|four|few|several|couple of|some) (?:minutes|hours?|days?|weeks?|months?|years?) ago|yesterday|this (?:morning|afternoon))\b`)

// rewordings say in a page's words what callers say in others; $0 keeps the caller's.
var rewordings = []struct {
	said *regexp.Regexp
	as   string
}{
	{vague, " "},
	{regexp.MustCompile(`\b(?:for|of|on|with|about|from) (?:my|the|this|that|an?) (?:last |latest |recent |previous )?(?:order|purchase)\b`), " "},
	{regexp.MustCompile(`\b(?:two times|2 times|double|a second time)\b`), "twice"},
	{regexp.MustCompile(`\b(?:verification|login|log in|access|sms|text|one time|two factor|authentication|authenticator) code\b`), "security code"},
	{regexp.MustCompile(`\b(?:billed|debited)\b`), "charged"},
	{regexp.MustCompile(`\b(?:england|scotland|wales|great britain|britain|uk|london)\b`), "$0 united kingdom"},
	{regexp.MustCompile(`\b(?:germany|france|spain|italy|ireland|netherlands|poland|austria|belgium|sweden|denmark|portugal|greece|finland)\b`), "$0 european union europe"},
	{regexp.MustCompile(`\b(?:usa|america)\b`), "united states"},
	{regexp.MustCompile(`\b(?:abroad|overseas|another country|other countries|outside the (?:us|country|united states))\b`), "$0 international countries"},
	{regexp.MustCompile(`\bwhat time\b(.*\b(?:open|close|shut))`), "hours$1"},
	{regexp.MustCompile(`\b(?:says|said|shows|showing|marked)(?: it| that| is| was| as| it is| it was)* delivered\b`), "tracking says delivered but no package"},
	{regexp.MustCompile(`\b(?:turn|switch) off\b|\b(?:turn|switch|shut) (?:it|that|them) off\b|\b(?:disable|deactivate)\b`), "stop"},
	{regexp.MustCompile(`\b(?:auto|automatically) ?(?:renew|renews|renewal|renewing)\b`), "automatic renewal"},
	{regexp.MustCompile(`\b(?:pick (?:it )?up|picking up|pickup|click and collect)\b`), "collect"},
	{regexp.MustCompile(`\b(?:can not|do not) (?:remember|recall)\b`), "forgot"},
	{regexp.MustCompile(`\b(?:money back|give me my money|cash back)\b`), "$0 refund"},
	{regexp.MustCompile(`\b(?:half of (?:the|my) (?:money|amount|price)|too (?:little|much)|less than|not enough|only (?:got|gave|received|refunded)|not the full|part of (?:the|my) (?:money|refund))\b`), "wrong amount"},
	{regexp.MustCompile(`\b(?:not come through|not come|did not come|not shown up|not received|never received|did not (?:get|receive)|never got|not get)\b`), "not arrive"},
	{regexp.MustCompile(`\b(?:broke|broken|stopped working|died|failed) after\b`), "faulty warranty"},
	{regexp.MustCompile(`\b(?:expired|expires|expiring)\b`), "$0 update"},
	{regexp.MustCompile(`\b(?:disconnecting|disconnects|cuts out|cutting out|keeps dropping|offline|no connection|connection)\b`), "no internet"},
	{regexp.MustCompile(`\b(?:dripping|drips|drip)\b`), "leaks"},
	{regexp.MustCompile(`\b(?:will not|does not|can not) (?:open|start|launch|load)\b`), "not open crashes"},
	{regexp.MustCompile(`\bbank holidays?\b|\b(?:easter|labor day|memorial day|independence day|fourth of july|4th of july)\b`), "$0 public holidays"},
	{regexp.MustCompile(`\b(?:over the )?weekends?\b`), "saturday sunday"},
	{regexp.MustCompile(`\b(?:weekdays?|during the week|workdays?)\b`), "monday friday"},
}

// reword prepares plain text for a search.
func reword(plain string) string {
	for _, r := range rewordings {
		plain = r.said.ReplaceAllString(plain, r.as)
	}
	return strings.Join(strings.Fields(plain), " ")
}

// weak are terms that say little about the topic; they count a third.
var weak = words.NewSet(`receiv come through keep make work arriv find see turn put bring show accept remember item day time today tomorrow tonight
	week month morn evening new old back full way mean call told believ seem look right person peopl everi alway type`)

// terms are the different terms of plain text, in order. Numbers are written in
// digits: "nineteen" meets "19".
func terms(plain string) []string {
	var out []string
	for w := range strings.FieldsSeq(plain) {
		t := words.SpokenDigits(w)
		if t == "" || words.AnswerStopWords[w] {
			t = words.AnswerTerm(w)
		}
		if t != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}
