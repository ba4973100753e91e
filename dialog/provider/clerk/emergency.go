package clerk

import (
	"fmt"
	"slices"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

// emergencyNumbers are the numbers of the emergency services by region; 112 holds elsewhere.
var emergencyNumbers = map[string]string{"US": "911", "CA": "911", "MX": "911", "GB": "999", "IE": "112", "AU": "000", "NZ": "111"}

// emergencyNumber returns the number for the region of a BCP 47 language.
func emergencyNumber(language string) string {
	for tag := range strings.SplitSeq(strings.ToUpper(strings.ReplaceAll(language, "_", "-")), "-") {
		if n := emergencyNumbers[tag]; n != "" {
			return n
		}
	}
	if words.IsEnglish(language) && len(language) <= 2 {
		return "911 or 112"
	}
	return "112"
}

// handleEmergency tells the caller to call the emergency services, what the pages say about
// such an emergency, and offers a person.
func (r *responder) handleEmergency(st *state, u utterance) []part {
	text := fmt.Sprintf(r.phrases.emergency, emergencyNumber(r.language))
	if !r.hasTool[searchKnowledge] {
		return r.offerPerson(text)
	}
	parts := r.search(st, u)
	answer := parts[0].respond
	parts[0].isAnswer = false
	parts[0].respond = func(st *state, result tools.Result) statement {
		s := answer(st, result)
		st.failures = 0
		isAbout := slices.ContainsFunc(r.rules, func(rule rule) bool { return rule.intent == emergency && rule.matches(plainText(s.text)) })
		if len(s.pages) == 0 || !isAbout {
			return statement{text: text, question: r.personQuestionOr(r.ticketQuestion())}
		}
		s.text = text + " " + s.text
		return s
	}
	return parts
}

// isOtherLanguage reports whether the caller speaks another language than the agent.
func (r *responder) isOtherLanguage(u utterance) bool {
	guess := words.GuessLanguage(u.text)
	own := words.Language(r.language)
	if own == "" {
		own = "en"
	}
	return guess != "" && guess != own && slices.Contains([]string{"en", "de", "fr", "es"}, own)
}
