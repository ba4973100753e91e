package clerk

import (
	"regexp"
	"strings"

	"frontdesk/internal/words"
)

// vagueTime matches times that do not matter for a search, as in "my invoice for March".
var vagueTime = regexp.MustCompile(`\b(?:(?:this|last|next|the other|every|each) (?:time|week|month|year|monday|tuesday|wednesday|thursday|friday)|(?:in|for|from|of|since) (?:january|february|march|april|may|june|july|august|september|october|november|december)|(?:a|an|one|two|three|four|few|several|couple of|some) (?:minutes|hours?|days?|weeks?|months?|years?) ago|yesterday|this (?:morning|afternoon))\b`)

// rewordings replace words of callers by words of pages; $0 keeps the caller's words.
var rewordings = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{vagueTime, " "},
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
		plain = r.pattern.ReplaceAllString(plain, r.replacement)
	}
	return strings.Join(strings.Fields(plain), " ")
}

// weakTerms say little about the topic. They count a third.
var weakTerms = words.NewSet(`receiv come through keep make work arriv find see turn put bring show accept remember item day time today tomorrow tonight
	week month morn evening new old back full way mean call told believ seem look right person peopl everi alway type`)

// terms returns the different terms of plain text in order.
func terms(l *words.Lexicon, plain string) []string { return l.AppendAnswerTerms(nil, plain) }
