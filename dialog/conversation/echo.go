package conversation

import "slices"

// repeats reports whether said are words out of what the agent is saying, and no answer:
// with a loudspeaker near, they are the agent's own, however badly they were understood.
func repeats(said, spoken string) bool {
	words, all := plainWords(said), plainWords(spoken)
	if len(words) == 0 || isAssent(said) || isBackchannel(said) {
		return false
	}
	found, from := 0, 0
	for _, w := range words {
		if i := slices.IndexFunc(all[from:], func(o string) bool { return alike(w, o) }); i >= 0 && i < 2*len(words)+2 || i >= 0 && found == 0 {
			found++
			from += i + 1
		}
	}
	return 2*found > len(words)
}

// alike reports whether one word may have been understood as the other: at most a third
// of its letters differ (V. Levenshtein, "Binary codes capable of correcting deletions,
// insertions, and reversals", 1966).
func alike(a, b string) bool {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, before+1, row[j]+1)
		}
	}
	return 3*row[len(b)] <= max(len(a), len(b))
}

// mayRepeat is repeats for words that are still coming: of one or two, one is enough.
func mayRepeat(said, spoken string) bool {
	words := plainWords(said)
	if len(words) >= 3 {
		return repeats(said, spoken)
	}
	all := plainWords(spoken)
	return slices.ContainsFunc(words, func(w string) bool {
		return slices.ContainsFunc(all, func(o string) bool { return alike(w, o) })
	})
}
