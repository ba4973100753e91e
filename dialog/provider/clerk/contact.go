package clerk

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"frontdesk/internal/phone"
	"frontdesk/internal/words"
)

// contact is how to reach the caller.
type contact struct {
	value string // "john@example.com", "+15550123456" or a name
	kind  contactKind
}

// isProof reports whether the contact shows whose a ticket is. A name does not.
func (c contact) isProof() bool { return c.kind == email || c.kind == phoneNumber }

type contactKind int

const (
	noContact contactKind = iota
	email
	phoneNumber
	personName
)

var (
	typedEmail   = regexp.MustCompile(`(?i)[a-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+`)
	validEmail   = regexp.MustCompile(`^[a-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+$`)
	typedPhone   = regexp.MustCompile(`\+?\d[\d ()/.-]{5,}\d`)
	introduction = regexp.MustCompile(`\b(?:my name is|name is|i am called|this is|i am|call me)\b (.+)`)
	spellingAid  = regexp.MustCompile(`\b([\p{L}]+) (?:as in|for|like in|like) [\p{L}]+`)
)

// letterNames are what recognizers write for spelled letters.
var letterNames = map[string]string{
	"ay": "a", "bee": "b", "be": "b", "see": "c", "sea": "c", "cee": "c", "dee": "d", "ee": "e", "ef": "f", "eff": "f", "gee": "g",
	"aitch": "h", "eye": "i", "jay": "j", "kay": "k", "el": "l", "ell": "l", "em": "m", "en": "n", "oh": "o", "pee": "p", "pea": "p",
	"cue": "q", "queue": "q", "are": "r", "ar": "r", "ess": "s", "tea": "t", "tee": "t", "you": "u", "vee": "v", "ex": "x",
	"why": "y", "wye": "y", "zee": "z", "zed": "z",
}

// spokenSigns are characters of an address that are said as words.
var spokenSigns = map[string]string{"dot": ".", "period": ".", "point": ".", "punkt": ".", "punto": ".", "underscore": "_", "dash": "-", "hyphen": "-", "minus": "-", "plus": "+"}

// notInAddress are words that an address cannot contain. It begins after them.
var notInAddress = words.NewSet(`is it email mail address my that would be the are reach me can use contact its to at please thanks thank okay
	ok and yes no sorry actually send write spelled yeah correct right not i mean you um uh so by via ist meine adresse es mi correo est mon adresse bitte gracias merci`)

// afterHost are words that follow an address.
var afterHost = words.NewSet("please thanks thank okay ok and yes no sorry that is it for i you so right correct if but because")

// findContact finds an e-mail address, a telephone number or a spelled name in what the
// caller said. If the agent asked for a contact, it also finds "my name is".
func findContact(u utterance, isAsked bool) contact {
	if e := typedEmail.FindString(u.text); e != "" {
		return contact{strings.ToLower(e), email}
	}
	if e := spokenEmail(u.plain); e != "" {
		return contact{e, email}
	}
	n := number(u.plain)
	if p := typedPhone.FindString(u.text); p != "" {
		// "5 5 5, 0 1 2 3 4 5 6" is one number, of which the comma hides the beginning.
		if digits := onlyDigits(p); phone.IsSubscriber(digits) && !(len(n) > len(digits) && strings.HasSuffix(n, digits)) {
			if p[0] == '+' {
				digits = "+" + digits
			}
			return contact{digits, phoneNumber}
		}
	}
	if phone.IsSubscriber(n) {
		return contact{n, phoneNumber}
	}
	if name := spelledName(u.plain); name != "" {
		return contact{name, personName}
	}
	if isAsked {
		if m := introduction.FindStringSubmatch(u.plain); m != nil && len(strings.Fields(m[1])) <= 4 {
			return contact{capitalizeWords(m[1]), personName}
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

// spokenEmail returns the address in "j o h n at example dot com", or "" if there is none.
func spokenEmail(plain string) string {
	words := strings.Fields(spellingAid.ReplaceAllString(plain, "$1"))
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

// hostname reads the words after "at": "g mail dot com and so on" is "gmail.com". It returns
// "" if they are not a host name.
func hostname(words []string) string {
	var b strings.Builder
	endsWithDot := false // a label must follow
	dots := 0
	for _, w := range words {
		switch {
		case spokenSigns[w] == "." && b.Len() > 0 && !endsWithDot:
			b.WriteByte('.')
			endsWithDot = true
			dots++
			continue
		case spokenSigns[w] == "-":
			b.WriteByte('-')
			continue
		case !isASCII(w) || afterHost[w]:
		case dots > 0 && !endsWithDot && len(w) > 1: // "dot com thanks": the top-level domain is one word
		case dots > 0 && !endsWithDot && !hasShortLabel(b.String()):
		default:
			b.WriteString(w)
			endsWithDot = false
			continue
		}
		break // the host name ends before w
	}
	if dots == 0 || endsWithDot {
		return ""
	}
	return b.String()
}

// hasShortLabel reports whether the last label may still be spelled, as in "dot c o m".
func hasShortLabel(host string) bool {
	label := host[strings.LastIndexByte(host, '.')+1:]
	return len(label) > 0 && len(label) < 3
}

// localPart reads the words before "at" that can be part of an address.
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

// addressPart returns what a word stands for in the local part of an address, or "" if it
// cannot be in one.
func addressPart(w string) string {
	if s, ok := spokenSigns[w]; ok {
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
	if notInAddress[w] || !isASCII(w) {
		return ""
	}
	return w
}

func isASCII(w string) bool {
	for i := range len(w) {
		if w[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// spelledName returns a name of at least three spelled letters, or "". Example words may
// explain the letters: "b as in boy r as in red y as in yellow" is "Bry".
func spelledName(plain string) string {
	var letters strings.Builder
	best := ""
	for _, w := range append(strings.Fields(spellingAid.ReplaceAllString(plain, "$1")), "") {
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
	return capitalizeWords(best)
}

func capitalizeWords(name string) string {
	words := strings.Fields(name)
	for i, w := range words {
		words[i] = capitalize(w)
	}
	return strings.Join(words, " ")
}

// readBack returns a spoken contact in a form in which the caller can check it.
func (c contact) readBack() string {
	switch c.kind {
	case phoneNumber:
		return spellID(c.value)
	case personName:
		return c.value + ", " + spell(c.value)
	}
	local, host, _ := strings.Cut(c.value, "@")
	return spell(local) + " at " + strings.ReplaceAll(host, ".", " dot ")
}

// spell spells text: "j.s" is "J, dot, S".
func spell(text string) string {
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

// inSentence returns the contact as a part of a typed or spoken sentence.
func (c contact) inSentence(isTyped bool) string {
	switch {
	case isTyped:
		return c.value
	case c.kind == phoneNumber:
		return spellID(c.value)
	}
	return strings.NewReplacer("@", " at ", ".", " dot ").Replace(c.value)
}
