// Package dialplan decides what may be dialed over a trunk, and how much. It imports fault
// and phone. A Plan comes from the configuration; a Meter enforces it for a trunk and
// counts calls and their cost in a Ledger.
package dialplan

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
	"frontdesk/internal/phone"
)

// Plan is what may be dialed over a trunk. The zero Plan allows nothing. A limit of 0 is no
// limit.
type Plan struct {
	Prefixes  map[string]float64 // prefix of a number (+49, 1) or whole SIP address -> price per minute
	Deny      []string           // prefixes that are not allowed although a shorter one is
	Calls     int                // at the same time
	PerMinute int                // calls started
	PerDay    int                // calls started, UTC days
	Spend     float64            // cost of a day's calls, in the currency of the prices
	Longest   time.Duration      // of a call
}

// ParseNumber returns a telephone number as it is dialed, or a SIP address. The error is
// Invalid.
func ParseNumber(text string) (string, error) {
	text = strings.TrimSpace(text)
	if isSIP(text) {
		return text, checkSIPAddress(text)
	}
	number, ok := phone.Dialable(text)
	if !ok {
		return "", fault.New(fault.Invalid, "%.60q is not a telephone number such as +493012345678", text)
	}
	return number, nil
}

func isSIP(text string) bool {
	return strings.HasPrefix(text, "sip:") || strings.HasPrefix(text, "sips:")
}

func checkSIPAddress(text string) error {
	var uri sip.Uri
	err := sip.ParseUri(text, &uri)
	if err != nil || uri.Host == "" || len(text) > 256 || strings.ContainsAny(text, " \t\r\n<>\"?;,") {
		return fault.Wrap(err, fault.Invalid, "%.60q is not a SIP address such as sip:anna@example.com", text)
	}
	return nil
}

// Price returns the price of a minute to a number. The longest prefix decides. The error is
// Forbidden if the plan does not allow the number.
func (p Plan) Price(number string) (float64, error) {
	longest, price, isAllowed := -1, 0.0, false
	for prefix, cost := range p.Prefixes {
		matches := strings.HasPrefix(number, prefix) && !strings.HasPrefix(number, "sip")
		if strings.HasPrefix(prefix, "sip") {
			matches = prefix == number
		}
		if matches && len(prefix) > longest {
			longest, price, isAllowed = len(prefix), cost, true
		}
	}
	for _, prefix := range p.Deny {
		if strings.HasPrefix(number, prefix) && len(prefix) >= longest {
			isAllowed = false
		}
	}
	if !isAllowed {
		return 0, fault.New(fault.Forbidden, "the plan of this trunk does not allow calls to %s", number)
	}
	return price, nil
}
