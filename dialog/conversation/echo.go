package conversation

import (
	"slices"

	"frontdesk/internal/words"
)

// repeats reports whether a transcript is words that the agent is saying and no answer to
// them. Near a loudspeaker such words are the agent's own, however badly the recognizer
// understood them.
func repeats(said, spoken string) bool {
	heard, all := words.Split(said), words.Split(spoken)
	if len(heard) == 0 || words.IsAffirmation(said) || words.IsBackchannel(said) {
		return false
	}
	found, from := 0, 0
	for _, w := range heard {
		if i := slices.IndexFunc(all[from:], func(o string) bool { return alike(w, o) }); i >= 0 && i < 2*len(heard)+2 || i >= 0 && found == 0 {
			found++
			from += i + 1
		}
	}
	return 2*found > len(heard)
}

// alike reports whether a recognizer may have mistaken one word for the other: at most a
// third of the letters differ.
func alike(a, b string) bool { return 3*words.EditDistance(a, b) <= max(len(a), len(b)) }

// mayRepeat is repeats for a partial transcript: of one or two words, one is enough.
func mayRepeat(said, spoken string) bool {
	heard := words.Split(said)
	if len(heard) >= 3 {
		return repeats(said, spoken)
	}
	all := words.Split(spoken)
	return slices.ContainsFunc(heard, func(w string) bool {
		return slices.ContainsFunc(all, func(o string) bool { return alike(w, o) })
	})
}
