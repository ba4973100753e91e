// Package phone checks telephone numbers. It imports nothing of Frontdesk. Text goes in,
// and digits with an optional leading + come out.
//
// The rules differ by what a number is for:
//
//   - Dialable: what a trunk may dial, 2 to 20 digits. It includes extensions and short
//     service numbers, and the digits stay as they are written, because the trunk knows
//     what they mean.
//   - IsCallback: a caller ID that a person can dial later, 3 to 15 digits. Shorter ones
//     are codes of a PBX, such as *1.
//   - IsSubscriber: a number that a caller says or types as a contact, 7 to 15 digits
//     (ITU-T E.164). Shorter ones are order numbers, dates and the like.
package phone

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

const (
	minDialable, maxDialable = 2, 20
	minCallback              = 3
	minSubscriber            = 7
	maxE164                  = 15
	keyDigits                = 9
)

// Dialable returns text without the separators that people write in numbers. ok is false if
// text is not a number that a trunk can dial.
//
// "+49 (0)30 1234567" becomes +49301234567: the national prefix in parentheses is not
// dialed from abroad. Package phonenumbers knows which countries have such a prefix.
func Dialable(text string) (number string, ok bool) {
	text = strings.TrimSpace(text)
	number = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -./()", r) {
			return -1
		}
		return r
	}, text)
	if !isNumber(number, minDialable, maxDialable) {
		return number, false
	}
	if strings.HasPrefix(text, "+") && strings.Contains(text, "(0)") {
		if n, err := phonenumbers.Parse(text, ""); err == nil {
			return phonenumbers.Format(n, phonenumbers.E164), true
		}
	}
	return number, true
}

// IsCallback reports whether a caller ID is a number that can be called back.
func IsCallback(number string) bool { return isNumber(number, minCallback, maxE164) }

// IsSubscriber reports whether number can be the full number of a subscriber.
func IsSubscriber(number string) bool { return isNumber(number, minSubscriber, maxE164) }

// IsSame reports whether two numbers have the same digits, whatever the separators, and
// whether they begin with "+", "00" or nothing.
func IsSame(a, b string) bool {
	a, b = digits(a), digits(b)
	return a != "" && a == b
}

// Key returns the last nine digits of a number, which are the same however the country and
// the trunk prefix are written: "+49 30 1234567" and "030 1234567" have the same key.
func Key(number string) string {
	number = onlyDigits(number)
	return number[max(0, len(number)-keyDigits):]
}

func digits(number string) string { return strings.TrimPrefix(onlyDigits(number), "00") }

func onlyDigits(number string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
}

// isNumber reports whether number is minDigits to maxDigits digits after an optional +.
func isNumber(number string, minDigits, maxDigits int) bool {
	digits := strings.TrimPrefix(number, "+")
	return len(digits) >= minDigits && len(digits) <= maxDigits && strings.Trim(digits, "0123456789") == ""
}
