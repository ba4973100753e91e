package grounding

import "slices"

// isUnderWay reports whether the verb j is told of something that goes on, and it does: "the
// refund is still being booked".
func (s *finder) isUnderWay(j int, family string) bool {
	start, _ := s.sentence(j)
	if len(s.facts.underWay) == 0 || !slices.ContainsFunc(s.words[max(start, j-2):j], func(w word) bool { return w.text == "being" }) {
		return false
	}
	for k := j - 1; k >= start; k-- {
		if families := effectsOn[s.words[k].text]; families != nil {
			return slices.ContainsFunc(families, func(f string) bool { return s.facts.underWay[f] })
		}
	}
	return s.facts.underWay[family]
}
