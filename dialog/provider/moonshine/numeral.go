package moonshine

import (
	"slices"
	"strings"
)

// slot is a word of a hypothesis, or a digit that is written with other digits.
type slot struct {
	gap    []Token // the punctuation before it
	tokens []Token
	text   string // in lower case
	digit  byte   // that it is or sounds like, 0 if none
	isSure bool   // it is a digit
	starts bool   // no number continues here, because of the punctuation before it
}

// soundsLike gives the digits that words sound like.
var soundsLike = map[string]byte{
	"o": '0', "oh": '0', "won": '1', "to": '2', "too": '2', "tree": '3', "for": '4', "fore": '4', "sex": '6',
	"ate": '8', "aid": '8', "a": '8', "it": '8',
}

const maxDigits = 16 // of a number

// numeral is a hypothesis with the number in it: the slots from to to.
type numeral struct {
	*Vocabulary
	slots    []slot
	rest     []Token // after the last slot
	from, to int
}

// findNumeral returns tokens with their longest number: digits, and the words between them
// that sound like digits. Without one, from equals to.
func (v *Vocabulary) findNumeral(tokens []Token) numeral {
	n := numeral{Vocabulary: v}
	n.slots, n.rest = v.slots(tokens)
	longest := 0
	for i := 0; i < len(n.slots); i++ {
		if !n.slots[i].isSure {
			continue
		}
		to, sure := i+1, 1
		for j := to; j < len(n.slots) && n.slots[j].digit != 0 && !n.slots[j].starts; j++ {
			if n.slots[j].isSure {
				sure++
			}
			if n.slots[j].isSure || n.slots[j].digit == '0' {
				to = j + 1
			}
		}
		if sure > longest && to-i <= maxDigits {
			n.from, n.to, longest = i, to, sure
		}
		i = to - 1
	}
	return n
}

// slots divides tokens, and returns those after the last slot.
func (v *Vocabulary) slots(tokens []Token) (list []slot, rest []Token) {
	isOpen := false
	for _, id := range tokens {
		switch kind := v.kinds[id]; {
		case kind == letters && isOpen:
			last := &list[len(list)-1]
			last.tokens, last.text = append(last.tokens, id), last.text+v.spoken[id]
		case kind == start || kind == letters || kind == digit:
			list = append(list, slot{gap: rest, tokens: []Token{id}, text: v.spoken[id]})
			isOpen, rest = kind != digit, nil
		default:
			isOpen, rest = false, append(rest, id)
		}
	}
	for i := range list {
		s := &list[i]
		for _, id := range s.gap {
			s.starts = s.starts || strings.Trim(v.tokenizer.piece(id), wordBoundary+",-") != ""
		}
		if d := slices.Index(digitNames[:], s.text); d >= 0 {
			s.digit, s.isSure = '0'+byte(d), true
		} else if v.kinds[s.tokens[0]] == digit {
			s.digit, s.isSure = s.text[0], true
		} else {
			s.digit = soundsLike[s.text]
		}
	}
	return list, rest
}

// digits returns the digits of the number.
func (n numeral) digits() string {
	var b strings.Builder
	for _, s := range n.slots[n.from:n.to] {
		b.WriteByte(s.digit)
	}
	return b.String()
}

// before returns the word before the number, or nil if the number cannot continue it.
func (n numeral) before() *slot {
	if n.from == 0 || n.from == n.to || n.slots[n.from].starts {
		return nil
	}
	return &n.slots[n.from-1]
}

// tokens returns the hypothesis.
func (n numeral) tokens() []Token {
	var out []Token
	for _, s := range n.slots {
		out = append(append(out, s.gap...), s.tokens...)
	}
	return append(out, n.rest...)
}

// hasDigits reports whether the number is written with digits, not with words.
func (n numeral) hasDigits() bool {
	count := 0
	for _, s := range n.slots[n.from:n.to] {
		if n.kinds[s.tokens[0]] == digit {
			count++
		}
	}
	return 2*count > n.to-n.from
}

// joint returns the punctuation that the number has most often between digits.
func (n numeral) joint() []Token {
	var best []Token
	most := 0
	for i := n.from + 1; i < n.to; i++ {
		count := 0
		for j := n.from + 1; j < n.to; j++ {
			if slices.Equal(n.slots[i].gap, n.slots[j].gap) {
				count++
			}
		}
		if count > most {
			best, most = n.slots[i].gap, count
		}
	}
	return best
}

// write returns s with the text of a word instead of its own: a digit as the number has it, or
// a letter. Within a compound, as after a hyphen, it does not begin with a space.
func (n numeral) write(s slot, text string) slot {
	if len(text) == 1 && text[0] >= '0' && text[0] <= '9' {
		s.digit, s.isSure = text[0], true
		if !n.hasDigits() {
			text = digitNames[text[0]-'0']
		}
	} else {
		s.digit, s.isSure = 0, false
	}
	s.text = strings.ToLower(text)
	id, isToken := n.tokenizer.tokens[text]
	isInside := len(s.tokens) == 0 || n.kinds[s.tokens[0]] != start
	isSpace := len(s.gap) > 0 && n.tokenizer.piece(s.gap[len(s.gap)-1]) == wordBoundary
	isSeparate := len(s.gap) == 0 && (!n.hasDigits() || s.digit == 0) || len(s.gap) > 0 && n.tokenizer.piece(s.gap[len(s.gap)-1]) == ","
	switch {
	case isSpace && s.digit == 0 || isSpace && len(text) > 1:
		s.gap, s.tokens = s.gap[:len(s.gap)-1], n.tokenizer.encode(text)
	case isToken && isInside && !isSeparate:
		s.tokens = []Token{id}
	default:
		s.tokens = n.tokenizer.encode(text)
	}
	return s
}

// with returns n with another list of slots, in which the number is from to to.
func (n numeral) with(slots []slot, from, to int) numeral {
	n.slots, n.from, n.to = slots, from, to
	return n
}

// replace returns n with another digit at i, which is within the number or beside it.
func (n numeral) replace(i int, d byte) numeral {
	slots := slices.Clone(n.slots)
	if i == n.to {
		slots[i].gap = n.joint()
	}
	slots[i] = n.write(slots[i], string(rune(d)))
	return n.with(slots, min(n.from, i), max(n.to, i+1))
}

// insert returns n with a digit more before i.
func (n numeral) insert(i int, d byte) numeral {
	s := slot{gap: n.joint()}
	slots := slices.Clone(n.slots)
	if i == n.from {
		s.gap, slots[i].gap = slots[i].gap, s.gap
	}
	return n.with(slices.Insert(slots, i, n.write(s, string(rune(d)))), n.from, n.to+1)
}

// remove returns n without the digit at i.
func (n numeral) remove(i int) numeral {
	slots := slices.Clone(n.slots)
	if i == n.from && i+1 < n.to {
		slots[i+1].gap = slots[i].gap
	}
	return n.with(slices.Delete(slots, i, i+1), n.from, n.to-1)
}

// spelled returns n with digits for all words of the number that only sound like them.
func (n numeral) spelled() numeral {
	for i := n.from; i < n.to; i++ {
		if !n.slots[i].isSure {
			n = n.replace(i, n.slots[i].digit)
		}
	}
	return n
}

// compact returns n with digits that nothing divides, after the letter before them.
func (n numeral) compact() numeral {
	slots := slices.Clone(n.slots)
	for i := n.from; i < n.to; i++ {
		slots[i].gap, slots[i].tokens = nil, []Token{n.tokenizer.tokens[string(rune(slots[i].digit))]}
	}
	return n.with(slots, n.from, n.to)
}
