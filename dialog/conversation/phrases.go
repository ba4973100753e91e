package conversation

import (
	"slices"
	"strings"
)

// What the agent says where neither its folder nor a model gives the words.
const (
	defaultPrompt   = "Are you still there?"
	defaultFarewell = "Thank you for calling. Goodbye!"
	takeYourTime    = "Of course."
	notUnderstood   = "Sorry, I did not get that. Could you say it another way?"
)

// apologies are said, in turn, when no model answers.
var apologies = []string{
	"I'm sorry, I can't work that out just now. Could you ask me again in a moment?",
	"I'm sorry, something isn't working on my side. Please try once more.",
	"I still can't answer properly, I'm sorry. Please try again a little later.",
}

// What the caller is told, by text, when a part is lost.
const (
	hearingLost   = "I can't hear you at the moment. Please type instead; I can read what you write."
	voiceLost     = "My voice isn't working at the moment. You can read my answers here."
	modelLost     = "I have trouble answering at the moment."
	modelSwitched = "My usual knowledge isn't available, so my answers may be simpler for now."
	toolFailed    = "Something I tried to look up or do just now did not work."
	notSaved      = "This conversation can't be saved at the moment. You can go on talking."
)

// plainWords are text's words in lower case without punctuation. An apostrophe stays.
func plainWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '\'' || r >= 0x80)
	})
}

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

var (
	// murmurs are what listeners say to show that they follow, not to take the turn.
	murmurs = wordSet("uh huh mm mhm hm hmm mmm mmhm uhhuh um ah oh ok okay right yeah yep yes sure alright i see good great fine cool")
	// fillers alone say nothing yet; recognisers also hear them in noise.
	fillers = wordSet("uh um er erm ah a the and but so well i you though both oh")
	// urgent are words that are meant for the agent however short the sound is.
	urgent = wordSet("stop wait no not hold hang help agent person human operator sorry excuse actually pardon cancel wrong " +
		"what why where when which how repeat again louder slower goodbye bye hello")
	// asides are words with which callers ask for time.
	asides = wordSet("hold hang on wait just one a sec second seconds moment minute give me for please sorry let")
)

// isBackchannel reports whether words said while the agent speaks only show that the
// caller listens (V. Yngve, "On getting a word in edgewise", 1970).
func isBackchannel(text string) bool {
	said := plainWords(text)
	if len(said) > 4 {
		return false
	}
	return !slices.ContainsFunc(said, func(w string) bool { return !murmurs[w] && !fillers[w] })
}

// isEnglish reports whether language (BCP 47) is English, which is also the default.
func isEnglish(language string) bool {
	l := strings.ToLower(language)
	return l == "" || l == "en" || strings.HasPrefix(l, "en-")
}

// isUrgent reports whether a word of text is meant to stop the agent.
func isUrgent(text string) bool {
	return slices.ContainsFunc(plainWords(text), func(w string) bool { return urgent[w] })
}

// isBrief reports whether text is what a recogniser may make of a murmur or a cough: one
// word that is neither urgent nor a filler.
func isBrief(text string) bool {
	if isUrgent(text) {
		return false
	}
	n := 0
	for _, w := range plainWords(text) {
		if !murmurs[w] && !fillers[w] {
			n++
		}
	}
	return n <= 1
}

// isAside reports whether the caller only asks for time: "hold on a second".
func isAside(text string) bool {
	said := plainWords(text)
	for _, w := range said {
		if !asides[w] && !murmurs[w] {
			return false
		}
	}
	all := " " + strings.Join(said, " ") + " "
	for _, p := range []string{"hold on", "hang on", "wait a", "one second", "one moment", "one minute", "a second", "a sec", "a moment", "a minute"} {
		if strings.Contains(all, " "+p+" ") {
			return true
		}
	}
	return false
}

// isAssent reports whether a back-channel would answer a question with yes.
func isAssent(text string) bool {
	yes := wordSet("yes yeah yep sure ok okay right alright please fine good great")
	return slices.ContainsFunc(plainWords(text), func(w string) bool { return yes[w] })
}

// isGoodbye reports whether the caller ends the call: a short text that begins or
// ends with a farewell and asks nothing.
func isGoodbye(text string) bool {
	said := plainWords(text)
	if len(said) == 0 || len(said) > 8 || strings.Contains(text, "?") {
		return false
	}
	bye := wordSet("bye goodbye byebye")
	if bye[said[0]] || bye[said[len(said)-1]] {
		return true
	}
	all := strings.Join(said, " ")
	return strings.HasPrefix(all, "good bye") || strings.HasSuffix(all, "good bye") || strings.HasSuffix(all, "bye now")
}
