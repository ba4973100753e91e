package conversation

import (
	"slices"

	"frontdesk/internal/words"
)

// isEchoOf reports whether at least half of a transcript are words that the agent is saying,
// and is not an answer to them. On a line with echo such words are the agent's own, even if
// the recognizer misheard some of them.
func isEchoOf(said, spoken string) bool {
	heard, all := words.Split(said), words.Split(spoken)
	if len(heard) == 0 || words.IsAffirmation(said) || words.IsBackchannel(said) {
		return false
	}
	found, from := 0, 0
	for _, w := range heard {
		if i := slices.IndexFunc(all[from:], func(o string) bool { return soundsLike(w, o) }); i >= 0 && i < 2*len(heard)+2 || i >= 0 && found == 0 {
			found++
			from += i + 1
		}
	}
	return 2*found > len(heard) || found > 1 && 2*found == len(heard)
}

// soundsLike reports whether a recognizer may have mistaken one word for the other: at most a
// third of the letters differ.
func soundsLike(a, b string) bool { return 3*words.EditDistance(a, b) <= max(len(a), len(b)) }

// mayBeEchoOf is isEchoOf for a partial transcript: of one or two words, one is enough.
func mayBeEchoOf(said, spoken string) bool {
	heard := words.Split(said)
	if len(heard) >= 3 {
		return isEchoOf(said, spoken)
	}
	all := words.Split(spoken)
	return slices.ContainsFunc(heard, func(w string) bool {
		return slices.ContainsFunc(all, func(o string) bool { return soundsLike(w, o) })
	})
}
