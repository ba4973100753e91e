package clerk

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"frontdesk/internal/words"
)

// contact is a way to reach the caller.
type contact struct {
	value string // "john@example.com", "+15550123456" or a name
	kind  contactKind
}

type contactKind int

const (
	noContact contactKind = iota
	email
	phone
	person
)

var (
	typedEmail = regexp.MustCompile(`(?i)[a-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+`)
	validEmail = regexp.MustCompile(`^[a-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+$`)
	typedPhone = regexp.MustCompile(`\+?\d[\d ()/.-]{5,}\d`)
	namedAs    = regexp.MustCompile(`\b(?:my name is|name is|i am called|this is|i am|call me)\b (.+)`)
	asIn       = regexp.MustCompile(`\b([\p{L}]+) (?:as in|for|like in|like) [\p{L}]+`)
)

// letterNames are how recognisers write letters that are spelled out.
var letterNames = map[string]string{
	"ay": "a", "bee": "b", "be": "b", "see": "c", "sea": "c", "cee": "c", "dee": "d", "ee": "e", "ef": "f", "eff": "f", "gee": "g",
	"aitch": "h", "eye": "i", "jay": "j", "kay": "k", "el": "l", "ell": "l", "em": "m", "en": "n", "oh": "o", "pee": "p", "pea": "p",
	"cue": "q", "queue": "q", "are": "r", "ar": "r", "ess": "s", "tea": "t", "tee": "t", "you": "u", "vee": "v", "ex": "x",
	"why": "y", "wye": "y", "zee": "z", "zed": "z",
}

// signs are characters of an address that are said as words.
var signs = map[string]string{"dot": ".", "period": ".", "point": ".", "punkt": ".", "punto": ".", "underscore": "_", "dash": "-", "hyphen": "-", "minus": "-", "plus": "+"}

// addressEdge are words an address cannot hold: it begins after them and ends before them.
var addressEdge = words.NewSet(`is it email mail address my that would be the are reach me can use contact its to at please thanks thank okay
	ok and yes no sorry actually send write spelled yeah correct right not i mean you um uh so by via ist meine adresse es mi correo est mon adresse bitte gracias merci`)

// hostEdge are words that follow an address.
var hostEdge = words.NewSet("please thanks thank okay ok and yes no sorry that is it for i you so right correct if but because")

// findContact finds an e-mail address, a telephone number or, where a name was asked
// for, a name in what the caller said or spelled.
func findContact(u utterance, asked bool) contact {
	if e := typedEmail.FindString(u.text); e != "" {
		return contact{strings.ToLower(e), email}
	}
	if e := spokenEmail(u.plain); e != "" {
		return contact{e, email}
	}
	if p := typedPhone.FindString(u.text); p != "" {
		if digits := onlyDigits(p); len(digits) >= 7 && len(digits) <= 15 {
			if p[0] == '+' {
				digits = "+" + digits
			}
			return contact{digits, phone}
		}
	}
	if n := number(u.plain); len(n) >= 7 && len(n) <= 15 {
		return contact{n, phone}
	}
	if name := spelledName(u.plain); name != "" {
		return contact{name, person}
	}
	if asked {
		if m := namedAs.FindStringSubmatch(u.plain); m != nil && len(strings.Fields(m[1])) <= 4 {
			return contact{titled(m[1]), person}
		}
	}
	return contact{}
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// spokenEmail reads "j o h n at example dot com", "" when it is none.
func spokenEmail(plain string) string {
	words := strings.Fields(asIn.ReplaceAllString(plain, "$1"))
	for at := len(words) - 1; at > 0; at-- {
		if words[at] != "at" && words[at] != "arroba" && words[at] != "arobase" {
			continue
		}
		host := hostname(words[at+1:])
		if host == "" {
			continue
		}
		address := localPart(words[:at]) + "@" + host
		if validEmail.MatchString(address) {
			return address
		}
	}
	return ""
}

// hostname reads the words behind "at": "g mail dot com and so on" is "gmail.com".
func hostname(words []string) string {
	var b strings.Builder
	dotted := false // a dot has been said and a label must follow
	dots := 0
	for _, w := range words {
		switch {
		case signs[w] == "." && b.Len() > 0 && !dotted:
			b.WriteByte('.')
			dotted = true
			dots++
			continue
		case signs[w] == "-":
			b.WriteByte('-')
			continue
		case !ascii(w) || hostEdge[w]:
		case dots > 0 && !dotted && len(w) > 1: // "dot com thanks": the top level is one word
		case dots > 0 && !dotted && !oneLetterTail(b.String()):
		default:
			b.WriteString(w)
			dotted = false
			continue
		}
		break
	}
	if dots == 0 || dotted {
		return ""
	}
	return b.String()
}

// oneLetterTail reports whether the last label so far is being spelled, as in "dot c o m".
func oneLetterTail(host string) bool {
	tail := host[strings.LastIndexByte(host, '.')+1:]
	return len(tail) > 0 && len(tail) < 3
}

// localPart reads the words before "at", from the last one that cannot be part of it.
func localPart(words []string) string {
	start := len(words)
	for start > 0 && len(words)-start < 40 && addressPart(words[start-1]) != "" {
		start--
	}
	var b strings.Builder
	for _, w := range words[start:] {
		b.WriteString(addressPart(w))
	}
	return strings.Trim(b.String(), ".-_+")
}

// addressPart is what a word stands for in the local part of an address, "" for nothing.
func addressPart(w string) string {
	if s, ok := signs[w]; ok {
		return s
	}
	if len(w) == 1 && w >= "a" && w <= "z" {
		return w
	}
	if l, ok := letterNames[w]; ok && w != "are" && w != "you" && w != "be" {
		return l
	}
	if d := words.SpokenDigits(w); d != "" {
		return d
	}
	if addressEdge[w] || !ascii(w) {
		return ""
	}
	return w
}

func ascii(w string) bool {
	for i := range len(w) {
		if w[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// spelledName reads three or more letters that are spelled, with or without words to
// tell them apart: "b as in boy r as in red y as in yellow" is "Bry".
func spelledName(plain string) string {
	var letters strings.Builder
	best := ""
	for _, w := range append(strings.Fields(asIn.ReplaceAllString(plain, "$1")), "") {
		switch l := letterNames[w]; {
		case len(w) == 1 && w >= "a" && w <= "z":
			letters.WriteString(w)
		case l != "" && letters.Len() > 0:
			letters.WriteString(l)
		default:
			if letters.Len() > len(best) {
				best = letters.String()
			}
			letters.Reset()
		}
	}
	if len(best) < 3 {
		return ""
	}
	return titled(best)
}

func titled(name string) string {
	words := strings.Fields(name)
	for i, w := range words {
		r, n := utf8.DecodeRuneInString(w)
		words[i] = strings.ToUpper(string(r)) + w[n:]
	}
	return strings.Join(words, " ")
}

// readBack is the contact as it is said for the caller to check.
func (c contact) readBack(typed bool) string {
	if typed {
		return c.value
	}
	switch c.kind {
	case phone:
		return spoken(c.value)
	case person:
		return c.value + ", " + letters(c.value)
	}
	local, host, _ := strings.Cut(c.value, "@")
	return letters(local) + " at " + strings.ReplaceAll(host, ".", " dot ")
}

// letters spells text: "j.s" is "J, dot, S".
func letters(text string) string {
	var out []string
	for _, r := range strings.ToUpper(text) {
		switch r {
		case '.':
			out = append(out, "dot")
		case '_':
			out = append(out, "underscore")
		case '-':
			out = append(out, "dash")
		case '+':
			out = append(out, "plus")
		case '%':
			out = append(out, "percent")
		case ' ':
		default:
			out = append(out, string(r))
		}
	}
	return strings.Join(out, ", ")
}

// said is the contact within a sentence.
func (c contact) said(typed bool) string {
	if typed {
		return c.value
	}
	if c.kind == phone {
		return spoken(c.value)
	}
	return strings.NewReplacer("@", " at ", ".", " dot ").Replace(c.value)
}
