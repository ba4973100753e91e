package moonshine

import (
	"slices"
	"strings"
)

// The decoder writes some digits of a number as words that sound like them ("for", "won"), or
// confuses, misses or doubles one. Only some numbers are those of orders and tickets, so those
// near the number that was read are few, and the decoder itself scores each of them. The
// bonuses are in log probabilities, and were tuned on synthetic callers of a development
// corpus.
const (
	numbersScored   = 16 // at most; each takes about 5 ms
	numberBonus     = 4  // of a possible number over an impossible one
	soundBonus      = 10 // the same if both sound alike
	letterBonus     = 2  // of a ticket number with its letter over one without
	minKeyDigits    = 3  // of a number that may be part of a key; "for two" is no order number
	minTicketDigits = 2
)

// ticketLetters are what the model writes for the T of a ticket number: they rhyme with it.
const ticketLetters = "bcdegpvz"

// isTicketLetter reports whether a word is the T of a ticket number. isTicket says that the
// caller speaks of a ticket: then letters that rhyme with T are one, unless keys begin with them.
func (v *Vocabulary) isTicketLetter(word string, isTicket bool) bool {
	switch word {
	case "t", "tee", "tea", "ti":
		return true
	}
	return isTicket && len(word) == 1 && strings.Contains(ticketLetters, word) && !v.keyLetters[word]
}

// numberReading is a way to read the number of a hypothesis.
type numberReading struct {
	numeral
	bonus float32
}

// readNumber returns the hypothesis with its number as tools expect it, as far as that is
// sure, what this gains over an impossible number, and what the caller may have said instead.
func (c *vocabularyCall) readNumber(tokens []Token) (best numberReading, others []numberReading) {
	n := c.findNumeral(tokens)
	best = numberReading{n, 0}
	if n.to-n.from < minTicketDigits {
		return best, nil
	}
	if c.isTicket != nil {
		isTicket := slices.ContainsFunc(n.slots, func(s slot) bool { return s.text == "ticket" || s.text == "tickets" })
		b := n.before()
		if b != nil && c.isTicketLetter(b.text, isTicket) {
			return c.readTicket(n.lettered(n.from - 1))
		}
		if isTicket {
			others = c.addLetter(n)
			if len(others) == 0 && !c.isTicket(n.digits()) {
				others = c.nearTickets(n)
			}
		}
	}
	if c.keys[n.digits()] {
		return numberReading{n.spelled(), numberBonus}, others
	}
	return best, append(others, c.nearKeys(n)...)
}

// lettered returns n with T for the word before the number.
func (n numeral) lettered(i int) numeral {
	slots := slices.Clone(n.slots)
	if slots[i].text != "t" {
		slots[i] = n.write(slots[i], "T")
	}
	return n.with(slots, n.from, n.to)
}

// readTicket reads n, which is a ticket number with its letter.
func (c *vocabularyCall) readTicket(n numeral) (best numberReading, others []numberReading) {
	if c.isTicket(n.digits()) {
		return numberReading{n.spelled(), numberBonus + letterBonus}, nil
	}
	return numberReading{n, letterBonus}, c.nearTickets(n)
}

// addLetter returns the tickets that n may be whose letter the model wrote as the digit 2, or
// as the word before the number.
func (c *vocabularyCall) addLetter(n numeral) (list []numberReading) {
	add := func(m numeral) {
		if m.to-m.from >= minTicketDigits && c.isTicket(m.digits()) {
			m = m.spelled()
			list = append(list, numberReading{m, numberBonus + letterBonus}, numberReading{m.compact(), numberBonus + letterBonus})
		}
	}
	slots := slices.Clone(n.slots)
	if slots[n.from].digit == '2' && n.to-n.from > minTicketDigits {
		slots[n.from] = n.write(slots[n.from], "T")
		add(n.with(slots, n.from+1, n.to))
	}
	if b := n.before(); b != nil && len(b.text) <= 3 && b.text != "for" {
		add(n.lettered(n.from - 1))
		if b.digit == '2' {
			m := n.insert(n.from, '2')
			add(m.lettered(m.from - 1))
		}
	}
	return list
}

// nearTickets returns the tickets whose number differs in one digit from n's.
func (c *vocabularyCall) nearTickets(n numeral) []numberReading {
	return n.near(c.isTicket, numberBonus+letterBonus)
}

// nearKeys returns the keys of the agent's tables whose digits differ in one from n's, or that
// words before the number are a part of.
func (c *vocabularyCall) nearKeys(n numeral) (list []numberReading) {
	if n.to-n.from < minKeyDigits {
		return nil
	}
	isKey := func(digits string) bool { return c.keys[digits] }
	for m := n; ; {
		b := m.before()
		if b == nil || b.digit == 0 {
			break
		}
		m.from--
		if isKey(m.digits()) {
			list = append(list, numberReading{m.spelled(), soundBonus})
		}
	}
	return append(list, n.near(isKey, numberBonus)...)
}

// near returns the readings with an existing number that differs from n's in one digit.
func (n numeral) near(exists func(digits string) bool, bonus float32) (list []numberReading) {
	if n.to-n.from >= maxDigits {
		return nil
	}
	n = n.spelled()
	digits := n.digits()
	add := func(m numeral) { list = append(list, numberReading{m, bonus}) }
	for i := 0; i <= len(digits); i++ {
		for d := byte('0'); d <= '9'; d++ {
			if i < len(digits) && d != digits[i] && exists(digits[:i]+string(rune(d))+digits[i+1:]) {
				add(n.replace(n.from+i, d))
			}
			if (i == 0 || d != digits[i-1]) && exists(digits[:i]+string(rune(d))+digits[i:]) {
				add(n.insert(n.from+i, d))
				if b := n.before(); i == 0 && b != nil && !b.isSure && len(b.text) > 1 {
					add(n.replace(n.from-1, d))
				}
				if i == len(digits) && n.to < len(n.slots) && !n.slots[n.to].starts {
					add(n.replace(n.to, d))
				}
			}
		}
		if i < len(digits) && (i == 0 || digits[i] != digits[i-1]) && exists(digits[:i]+digits[i+1:]) {
			add(n.remove(n.from + i))
		}
	}
	return list
}

// reviseNumber puts the best hypothesis before hyps if its number is not the most likely one.
func (c *vocabularyCall) reviseNumber(hyps []Hypothesis, score func([][]Token) ([]Hypothesis, error)) ([]Hypothesis, error) {
	if !hyps[0].Ended {
		return hyps, nil
	}
	best, others := c.readNumber(hyps[0].Tokens)
	hyps[0].Tokens = best.tokens()
	others = others[:min(len(others), numbersScored)]
	var scored []Hypothesis
	if len(others) > 0 {
		sequences := make([][]Token, len(others))
		for i, o := range others {
			sequences[i] = o.tokens()
		}
		var err error
		if scored, err = score(sequences); err != nil {
			return nil, err
		}
	}
	var won *Hypothesis
	top := best.bonus
	for i := range scored {
		if gain := scored[i].logProb() - hyps[0].logProb() + others[i].bonus; gain > top {
			won, top = &scored[i], gain
		}
	}
	for i := range hyps[1:] {
		h := &hyps[1+i]
		r, _ := c.readNumber(h.Tokens)
		if gain := h.Score - hyps[0].Score + r.bonus; gain > top {
			h.Tokens = r.tokens()
			won, top = h, gain
		}
	}
	return prepend(won, hyps), nil
}
