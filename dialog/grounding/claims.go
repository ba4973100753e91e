package grounding

import (
	"slices"
	"strings"

	"frontdesk/internal/words"
)

// A claim is found word by word: a subject that can have an effect ("I", "we have", "your
// refund has been") and a verb of an effect in its reach, in one sentence. A denial, a
// condition or a question is not one.

// maxReach is how many words after its subject the verb of a claim may stand.
const maxReach = 24

// word is a word of a text.
type word struct {
	text     string
	end      int  // index of the byte after it
	isFirst  bool // of its sentence
	isLast   bool // of its sentence
	asks     bool // its sentence ends with a question mark
	hasComma bool // a comma or colon stands before it
}

// split returns the words of a folded text.
func split(folded string) []word {
	var out []word
	start, first := 0, 0 // of the sentence
	isWord := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 0x80 && !strings.ContainsRune("…–—“”«»„", r)
	}
	isFirst, hasComma := true, false
	inWord := false
	closeWord := func(at int) {
		if inWord {
			out = append(out, word{text: folded[start:at], end: at, isFirst: isFirst, hasComma: hasComma})
			isFirst, hasComma, inWord = false, false, false
		}
	}
	closeSentence := func(asks bool) {
		if len(out) > first {
			out[len(out)-1].isLast = true
		}
		for i := first; i < len(out); i++ {
			out[i].asks = asks
		}
		first, isFirst = len(out), true
	}
	for i, r := range folded {
		if isWord(r) {
			if !inWord {
				start, inWord = i, true
			}
			continue
		}
		closeWord(i)
		switch r {
		case '.', '!', '?', '…':
			closeSentence(r == '?')
		case ',', ';', ':', '–', '—', '(', ')', '"', '“', '”', '«', '»', '„':
			hasComma = true
		}
	}
	closeWord(len(folded))
	closeSentence(false)
	return joinSpelled(out)
}

// joinSpelled joins letters that stand apart: "r e f u n d e d".
func joinSpelled(in []word) []word {
	var out []word
	for i := 0; i < len(in); {
		j := i
		spelled := ""
		for j < len(in) && len(in[j].text) == 1 && in[j].text[0] >= 'a' && !(j > i && in[j].text == "i" && in[j].isFirst && j+1 < len(in) && len(in[j+1].text) > 1) {
			spelled += in[j].text
			j++
		}
		if len(spelled) < 4 {
			out = append(out, in[i])
			i++
			continue
		}
		w := in[j-1]
		w.text, w.isFirst, w.hasComma = spelled, in[i].isFirst, in[i].hasComma
		out = append(out, w)
		i = j
	}
	return out
}

// finder looks for claims in the words of a text.
type finder struct {
	facts *Facts
	words []word
	from  int // index of the byte from which a claim must end
}

// claims reports whether a folded text claims an effect that no tool had. from is where the
// clause begins that is to be said; a claim that ends before it was judged before.
func (f *Facts) claims(text string, from int) bool {
	s := finder{f, split(text), from}
	for i := range s.words {
		if s.claimsAt(i) {
			return true
		}
	}
	return s.claimsByPhrase()
}

func (s *finder) claimsAt(i int) bool {
	for _, g := range grammars {
		if !g.mayBe(s, i) {
			continue
		}
		if s.ownAct(g, i) || s.passive(g, i) || s.present(g, i) || s.fragment(g, i) {
			return true
		}
	}
	return false
}

// mayBe reports whether the sentence of a word may be in the language of g: it has half as
// many of its small words as of English ones.
func (g *grammar) mayBe(s *finder, i int) bool {
	if g.small == nil {
		return true
	}
	start, end := s.sentence(i)
	for k := i; k > start; k-- { // fragments before it may be in another language
		if s.words[k].isFirst && i-k >= 2 {
			start = k
			break
		}
	}
	own, english := 0, 0
	for _, w := range s.words[start:end] {
		if g.small[w.text] {
			own++
		}
		if smallEnglish[w.text] {
			english++
		}
	}
	return 2*own >= english
}

// sentence returns the bounds of the sentence of a word. Sentences of one or two words, such
// as "I... have... refunded...", are one sentence.
func (s *finder) sentence(i int) (start, end int) {
	for start = i; start > 0 && !s.isBoundary(start); start-- {
	}
	for end = i + 1; end < len(s.words) && !s.isBoundary(end); end++ {
	}
	return start, end
}

// isBoundary reports whether a sentence begins at word i that does not continue fragments.
func (s *finder) isBoundary(i int) bool {
	if !s.words[i].isFirst {
		return false
	}
	n := 0
	for j := i - 1; j >= 0; j-- {
		n++
		if s.words[j].isFirst {
			break
		}
	}
	return n > 2 || s.words[i-1].asks
}

// ownAct reports whether a claim of an act of the agent begins at word i: "I have opened".
func (s *finder) ownAct(g *grammar, i int) bool {
	n := g.subject(s.words[i:])
	if n == 0 || i > 0 && g.inversions[s.words[i-1].text] {
		return false
	}
	_, end := s.sentence(i)
	isModal := i+n < end && g.modals[s.words[i+n].text]
	for j := i + n; j < min(end, i+n+maxReach); j++ {
		w := s.words[j].text
		if g.barriers[w] {
			break
		}
		if isModal && s.words[j-1].text != "and" {
			continue
		}
		if family := g.familyOf(w); family != "" && s.isClaim(g, i, j, family) {
			return true
		}
	}
	if g.verbFirst { // "Erstattet habe ich …"
		start, _ := s.sentence(i)
		for j := i - 1; j >= max(start, i-1); j-- {
			if family := g.familyOf(s.words[j].text); family != "" && s.isClaim(g, i, j, family) {
				return true
			}
		}
	}
	return false
}

// passive reports whether word i makes a perfect passive with a verb of an effect: "has been
// cancelled".
func (s *finder) passive(g *grammar, i int) bool {
	if !g.passive[s.words[i].text] || s.isGeneral(g, i) || s.isOfNothing(i) {
		return false
	}
	start, end := s.sentence(i)
	for j := i + 1; j < min(end, i+7); j++ {
		if g.barriers[s.words[j].text] {
			break
		}
		if family := g.familyOf(s.words[j].text); family != "" && !s.words[i].asks && s.isClaim(g, i, j, family) && !s.facts.words[s.words[j].text] {
			return true
		}
	}
	if g.verbFirst && i > start { // "dass … storniert wurde"
		family := g.familyOf(s.words[i-1].text)
		return family != "" && !s.words[i].asks && s.isClaim(g, i, i-1, family) && !s.facts.words[s.words[i-1].text]
	}
	return false
}

// nothing are subjects of which a passive tells no effect: "no ticket", "aucun remboursement".
var nothing = words.NewSet("no nothing none nobody kein keine nichts niemand aucun aucune rien ningun ninguna nada")

// isOfNothing reports whether the part of the sentence before word i has such a subject.
func (s *finder) isOfNothing(i int) bool {
	start, _ := s.sentence(i)
	for k := i - 1; k >= start && !s.words[k+1].hasComma; k-- {
		if nothing[s.words[k].text] && !english.notOnly[s.words[k+1].text] {
			return true
		}
	}
	return false
}

// isGeneral reports whether the words before a perfect passive make it a general statement:
// "items that have been opened", "it may have been cancelled".
func (s *finder) isGeneral(g *grammar, i int) bool {
	start, _ := s.sentence(i)
	for j := i - 1; j >= max(start, i-4); j-- {
		if g.general[s.words[j].text] {
			return true
		}
	}
	return false
}

// present reports whether word i tells a result: "your ticket is closed", but not "the store
// is closed on Sundays".
func (s *finder) present(g *grammar, i int) bool {
	if !g.present[s.words[i].text] || s.words[i].asks {
		return false
	}
	start, end := s.sentence(i)
	subject := s.words[start:i]
	isThing := slices.ContainsFunc(subject, func(w word) bool { return things[w.text] })
	isTold := i > start && g.you[s.words[i-1].text] || g.you[s.words[i].text] // of the caller
	isNow := false
	for j := i + 1; j < min(end, i+6); j++ {
		w := s.words[j].text
		if g.now[w] {
			isNow = true
		}
		family := g.familyOf(w)
		if family == "" {
			continue
		}
		isLast := j+1 == end || s.words[j+1].hasComma || g.afterResult[s.words[j+1].text]
		isResult := isThing && (isLast || isNow) || isTold && (isNow || g.booked[w])
		return isResult && s.isClaim(g, i, j, family) && !s.facts.words[w]
	}
	return false
}

// fragment reports whether a sentence without a subject claims an effect: "Refunded!",
// "Opened a ticket for you.", "Ticket created."
func (s *finder) fragment(g *grammar, i int) bool {
	start, end := s.sentence(i)
	if s.words[i].asks {
		return false
	}
	for k := i; k > start && i-k < 5; k-- { // "Good news: ticket created."
		if s.words[k].isFirst || s.words[k].hasComma && !(k == i && things[s.words[i-1].text]) {
			start = k
			break
		}
	}
	family := g.familyOf(s.words[i].text)
	if family == "" || sameForms[s.words[i].text] || !s.isClaim(g, start, i, family) {
		return false
	}
	isLast := i+1 == end || s.words[i+1].hasComma
	before := s.words[start:i]
	if len(before) == 1 && isAny(before[0].text, "and", "then", "und", "et", "y") {
		before = nil
	}
	switch {
	case len(before) == 0:
		return isLast && s.words[i].text != "closed" && s.words[i].text != "done" || !isLast && g.objects[s.words[i+1].text]
	case len(before) <= 4 && (isLast || g.afterResult[s.words[i+1].text]):
		last := before[len(before)-1].text
		if g.now[last] && len(before) > 1 {
			last = before[len(before)-2].text
		}
		return things[last] && !s.facts.words[s.words[i].text]
	}
	return false
}

// isClaim reports whether the verb at word j, whose subject is at word i, is in the new clause,
// is not denied, is no condition, and tells an effect that did not happen.
func (s *finder) isClaim(g *grammar, i, j int, family string) bool {
	newest := s.words[j].end
	if j < i { // "erstattet habe ich"
		newest = s.words[min(i+1, len(s.words)-1)].end
	}
	if newest <= s.from && !(family == anyEffect && s.hasNewThing(j)) || s.isDenied(g, min(i, j), j) || s.isCondition(g, min(i, j)) || s.isUnderWay(j, family) {
		return false
	}
	start, end := s.sentence(j)
	isAnew := slices.ContainsFunc(s.words[start:end], func(w word) bool { return g.anew[w.text] })
	told := s.words[min(i, j):end]
	for k := min(i, j) - 1; k >= start && !slices.ContainsFunc(told, func(w word) bool { return things[w.text] }); k-- {
		told = s.words[k:end]
	}
	return !s.facts.happened(family, told, isAnew)
}

// hasNewThing reports whether the new clause names the thing that the verb at word j is told of.
func (s *finder) hasNewThing(j int) bool {
	_, end := s.sentence(j)
	return slices.ContainsFunc(s.words[j:end], func(w word) bool { return w.end > s.from && effectsOn[w.text] != nil })
}

// happened reports whether a tool had the effect of a family that a sentence tells: in this
// turn or, unless it tells of one more effect, in an earlier one.
func (f *Facts) happened(family string, sentence []word, isAnew bool) bool {
	has := func(family string) bool { return f.effectsNow[family] || f.effects[family] && !isAnew }
	if family != anyEffect {
		return has(family) || has(family+ofTicket) && !tellsOfOthers(sentence)
	}
	isNamed := false
	for _, w := range sentence {
		if families := effectsOn[w.text]; families != nil {
			isNamed = true
			if slices.ContainsFunc(families, has) {
				return true
			}
		}
	}
	return !isNamed && (len(f.effectsNow) > 0 || len(f.effects) > 0 && !isAnew)
}

// tellsOfOthers reports whether a sentence names a thing that is not of tickets.
func tellsOfOthers(sentence []word) bool {
	return slices.ContainsFunc(sentence, func(w word) bool { return things[w.text] && !ticketWords[w.text] }) &&
		!slices.ContainsFunc(sentence, func(w word) bool { return isAny(w.text, "ticket", "tickets", "tique") })
}

// isDenied reports whether a denial stands before the verb at word j.
func (s *finder) isDenied(g *grammar, i, j int) bool {
	start, _ := s.sentence(j)
	n := 0
	for k := j - 1; k >= max(start, i-1-g.denialAhead) && n <= g.denialReach; k-- {
		w := s.words[k].text
		if k < i && (s.words[k+1].hasComma || w == "no" && g == english) || isAny(w, "and", "but", "und", "et", "y") {
			return false
		}
		if g.denials[w] {
			return !(k+1 < len(s.words) && g.notOnly[s.words[k+1].text])
		}
		if !g.adverbs[w] {
			n++
		}
	}
	return false
}

// isCondition reports whether a word such as "if" stands before word i, in its part of the
// sentence.
func (s *finder) isCondition(g *grammar, i int) bool {
	start, _ := s.sentence(i)
	for k := i; k >= start; k-- {
		if k < i && g.conditions[s.words[k].text] && !(k+1 < len(s.words) && g.emphasis[s.words[k+1].text]) {
			return true
		}
		if s.words[k].hasComma {
			return false
		}
	}
	return false
}

// claimsByPhrase finds claims that have no verb of an effect: "your money is on its way".
func (s *finder) claimsByPhrase() bool {
	if len(s.words) == 0 {
		return false
	}
	if s.claimsInLine(0, len(s.words), true) {
		return true
	}
	for i, w := range s.words {
		if _, end := s.sentence(i); (w.isFirst || w.hasComma) && s.words[end-1].end > s.from && s.claimsInLine(i, end, false) {
			return true
		}
	}
	return false
}

// claimsInLine looks for phrases in words, with or without their punctuation.
func (s *finder) claimsInLine(from, to int, withPunctuation bool) bool {
	var b strings.Builder
	newFrom := -1
	for i, w := range s.words[from:to] {
		switch {
		case i > 0 && w.isFirst && withPunctuation:
			b.WriteString(" .")
		case w.hasComma && withPunctuation:
			b.WriteString(" ,")
		}
		if w.end > s.from && newFrom < 0 {
			newFrom = b.Len()
		}
		b.WriteString(" " + w.text)
	}
	line := b.String() + " ."
	for _, p := range phrases {
		for _, at := range p.pattern.FindAllStringIndex(line, -1) {
			isNew := newFrom >= 0 && (at[1] > newFrom || p.family == anyEffect && namesThing(line[newFrom:]))
			if isNew && s.isPhraseClaim(p, line, at) {
				return true
			}
		}
	}
	return false
}

// namesThing reports whether the sentence that goes on in rest names what an effect is told of.
func namesThing(rest string) bool {
	rest, _, _ = strings.Cut(rest, ".")
	return slices.ContainsFunc(strings.Fields(rest), func(w string) bool { return effectsOn[w] != nil })
}

// isPhraseClaim reports whether a phrase at a place of a line is neither denied nor true.
func (s *finder) isPhraseClaim(p phrase, line string, at []int) bool {
	start := at[0] + len(line[at[0]:at[1]]) - len(strings.TrimLeft(line[at[0]:at[1]], " .,"))
	part := line[strings.LastIndexAny(line[:start], ".,")+1 : at[1]]
	if deniedPhrase.MatchString(part) || s.facts.hasWords(p.record) {
		return false
	}
	end := max(at[1], start+strings.IndexByte(line[start:], '.'))
	return !s.facts.happened(p.family, split(line[start:end]), false)
}

// hasWords reports whether a trusted record has one of the words.
func (f *Facts) hasWords(list []string) bool {
	return slices.ContainsFunc(list, func(w string) bool { return f.words[w] })
}

// asksForSecret reports whether a folded text asks for what no agent needs, in a sentence that
// does not end before from.
func asksForSecret(text string, from int) bool {
	for len(text) > 0 {
		end := strings.IndexAny(text, ".!?\n") + 1
		if end == 0 {
			end = len(text)
		}
		sentence := text[:end]
		text, from = text[end:], from-end
		secret := secrets.FindStringIndex(sentence)
		if from < 0 && secret != nil && (asking.MatchString(sentence[:secret[0]]) || asksCaller.MatchString(sentence)) &&
			!slices.ContainsFunc(words.Split(sentence), denies) {
			return true
		}
	}
	return false
}

func denies(w string) bool {
	return w == "never" || w == "not" || w == "dont" || w == "nie" || w == "nicht" || w == "jamais" || w == "pas" || w == "nunca" || w == "no"
}
