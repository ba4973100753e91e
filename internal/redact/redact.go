// Package redact replaces personal data in what callers said. It imports nothing of Frontdesk.
// Text and JSON go in and come out with the data replaced by the name of its kind.
package redact

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kinds of data that can be redacted.
const (
	Cards  = "cards"  // payment card numbers with a valid check digit (ISO/IEC 7812)
	IBANs  = "ibans"  // bank account numbers with valid check digits (ISO 13616)
	Phones = "phones" // telephone numbers: nine digits or more
	Emails = "emails"
	PINs   = "pins" // three to eight digits after the word for a PIN or a card's check number
)

// Kinds are all kinds that the archive may redact.
var Kinds = []string{Cards, IBANs, Phones, Emails}

// Payment are the kinds of data that nobody but the caller needs: cards and PINs.
var Payment = []string{Cards, PINs}

var (
	emailPattern = regexp.MustCompile(`(?i)[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+|\b[a-z0-9]+(?:\s+(?:dot|underscore|dash)\s+[a-z0-9]+)*\s+at\s+[a-z0-9]+(?:\s+dot\s+[a-z]+)+\b`)
	ibanPattern  = regexp.MustCompile(`(?i)\b[a-z]{2}[0-9]{2}(?:[ ]?[a-z0-9]){11,30}\b`)
	tokenPattern = regexp.MustCompile(`[0-9]+|\pL+|[^0-9\pL]+`)
)

// spokenDigits are the words for digits in numbers that are read out, in English, German,
// French and Spanish.
var spokenDigits = map[string]string{
	"zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
	"six": "6", "seven": "7", "eight": "8", "nine": "9",
	"null": "0", "eins": "1", "zwei": "2", "zwo": "2", "drei": "3", "vier": "4", "fünf": "5", "sechs": "6", "sieben": "7", "acht": "8", "neun": "9",
	"zéro": "0", "un": "1", "deux": "2", "trois": "3", "quatre": "4", "cinq": "5", "sept": "7", "huit": "8", "neuf": "9",
	"cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6", "siete": "7", "ocho": "8", "nueve": "9",
}

// pinWords are words after which a PIN or a check number follows, in the same languages.
var pinWords = []string{"pin", "cvv", "cvc", "geheimzahl", "prüfnummer", "prüfziffer", "secret", "cryptogramme", "secreto", "clave", "passcode"}

const pinDistance = 5 // words between such a word and the digits

// Text replaces data of the kinds in text, written or read out, by the name of the kind.
func Text(text string, kinds []string) string {
	if slices.Contains(kinds, Emails) {
		text = emailPattern.ReplaceAllString(text, "[e-mail]")
	}
	if slices.Contains(kinds, IBANs) {
		text = ibanPattern.ReplaceAllStringFunc(text, func(s string) string {
			// The match may be too long: the words after an account number may look like more of it.
			for end := len(s); end >= 15; end-- {
				if s[end-1] != ' ' && isIBAN(s[:end]) {
					return "[IBAN]" + s[end:]
				}
			}
			return s
		})
	}
	return redactNumbers(text, kinds)
}

// redactNumbers redacts runs of digits, written or spoken, that only separators of digit
// groups interrupt.
func redactNumbers(text string, kinds []string) string {
	cards, phones, pins := slices.Contains(kinds, Cards), slices.Contains(kinds, Phones), slices.Contains(kinds, PINs)
	pinNear := 0 // more words within which a PIN may follow
	var out strings.Builder
	run, digits, separator := "", "", "" // the run's text, its digits, and the separator after it
	times := 1                           // 2 after "double", 3 after "triple"
	endRun := func() {
		switch {
		case cards && containsCard(digits):
			out.WriteString("[card number]")
		case pins && pinNear > 0 && len(digits) >= 3 && len(digits) <= 8:
			out.WriteString("[PIN]")
		case phones && len(digits) >= 9:
			out.WriteString("[phone number]")
		default:
			out.WriteString(run)
		}
		out.WriteString(separator)
		run, digits, separator, times = "", "", "", 1
	}
	for _, token := range tokenPattern.FindAllString(text, -1) {
		word := strings.ToLower(token)
		switch d := spokenDigits[word]; {
		case token[0] >= '0' && token[0] <= '9':
			run, digits, separator = run+separator+token, digits+token, ""
		case d != "":
			run, digits, separator, times = run+separator+token, digits+strings.Repeat(d, times), "", 1
		case word == "double" && times == 1:
			run, separator, times = run+separator+token, "", 2
		case word == "triple" && times == 1:
			run, separator, times = run+separator+token, "", 3
		case run != "" && strings.Trim(token, " \t\n-.,/()") == "" || run != "" && (word == "uh" || word == "um"):
			separator += token
		default:
			endRun()
			out.WriteString(token)
			if pinNear = max(0, pinNear-1); slices.Contains(pinWords, word) {
				pinNear = 2*pinDistance + 1 // white space counts, too
			}
		}
	}
	endRun()
	return out.String()
}

// containsCard reports whether digits are or contain a card number.
func containsCard(digits string) bool {
	for n := min(len(digits), 19); n >= 13; n-- {
		for i := 0; i+n <= len(digits); i++ {
			if isLuhnValid(digits[i:i+n]) && (n == len(digits) || n >= 15) {
				return true
			}
		}
	}
	return false
}

// isLuhnValid checks the last digit of a number (ISO/IEC 7812-1, annex B).
func isLuhnValid(digits string) bool {
	total := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		total += d
	}
	return total%10 == 0
}

// isIBAN checks the check digits of an account number (ISO 7064, MOD 97-10).
func isIBAN(s string) bool {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	remainder := 0
	for _, c := range s[4:] + s[:4] {
		switch {
		case c >= '0' && c <= '9':
			remainder = (remainder*10 + int(c-'0')) % 97
		default:
			remainder = (remainder*100 + int(c-'A') + 10) % 97
		}
	}
	return remainder == 1
}

// JSON redacts every string and number in a JSON value, but not times.
func JSON(body json.RawMessage, kinds []string) (json.RawMessage, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(redactValue(v, kinds))
}

func redactValue(v any, kinds []string) any {
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return v
		}
		return Text(v, kinds)
	case []any:
		for i := range v {
			v[i] = redactValue(v[i], kinds)
		}
	case map[string]any:
		for k := range v {
			v[k] = redactValue(v[k], kinds)
		}
	case json.Number:
		if s := Text(v.String(), kinds); s != v.String() {
			return s
		}
	}
	return v
}
