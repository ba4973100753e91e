package tools

import (
	"crypto/rand"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"frontdesk/internal/words"
)

// TicketID is the number of a ticket. Its text form is T-48291532: seven random digits, so
// that nobody can count through the tickets, and a check digit, which finds every single
// wrong digit and every swap of two neighbors. Numbers below firstTicketID are of the older
// format, which counted from 1001; a ticket keeps its older number as Ticket.Former.
type TicketID int64

const (
	firstTicketID = 10_000_000
	ticketDigits  = 8 // of an id, with its check digit
	ticketGroup   = 4 // digits that are said without a pause
)

func (id TicketID) String() string { return "T-" + strconv.FormatInt(int64(id), 10) }

// Say returns the id as a voice should read it, with a pause after each group of four
// digits: "T, 4 8 2 9, 1 5 3 2".
func (id TicketID) Say() string {
	groups := []string{"T"}
	for group := range slices.Chunk([]byte(strconv.FormatInt(int64(id), 10)), ticketGroup) {
		groups = append(groups, words.SayDigits(string(group)))
	}
	return strings.Join(groups, ", ")
}

// isFormer reports whether the id is of the older format.
func (id TicketID) isFormer() bool { return id < firstTicketID }

// damm is the quasigroup of order 10 by H. Michael Damm, "Total anti-symmetrische
// Quasigruppen" (University of Marburg, 2004), from which his check digit is computed.
var damm = [10]string{
	"0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
	"3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
}

// checkDigit returns the check digit of digits. It is '0' if digits end with theirs.
func checkDigit(digits string) byte {
	interim := byte('0')
	for i := range len(digits) {
		interim = damm[interim-'0'][digits[i]-'0']
	}
	return interim
}

// IsTicketNumber reports whether digits are well-formed as the id of a ticket: eight
// digits, of which the first is not 0 and the last one is right for the others. A recognizer
// may use it to find out that it misheard a number.
func IsTicketNumber(digits string) bool {
	return len(digits) == ticketDigits && strings.Trim(digits, "0123456789") == "" && digits[0] != '0' && checkDigit(digits) == '0'
}

// randomTicketID returns a new well-formed id.
func randomTicketID() (TicketID, error) {
	const count = firstTicketID - firstTicketID/10 // seven digits without a leading 0
	n, err := rand.Int(rand.Reader, big.NewInt(count))
	if err != nil {
		return 0, err
	}
	body := n.Int64() + firstTicketID/10
	return TicketID(body*10 + int64(checkDigit(strconv.FormatInt(body, 10))-'0')), nil
}

// ticketWords precede the number of a ticket, as recognizers write them.
var ticketWords = words.NewSet("t tee tea ti ticket tickets")

// betweenWords may stand between a ticket word and the number.
var betweenWords = words.NewSet("number no id is the its was of dash hyphen minus um uh my status please and a it t tee tea")

// joiningWords may stand between the groups of one number.
var joiningWords = words.NewSet("dash hyphen minus and then")

// ParseTicketID finds the id of a ticket in what a caller said or typed: "T-48291532",
// "tea four eight two nine, one five three two", "the ticket number is 4829 1532". It
// returns false if there is none: eight digits with a wrong check digit are none. Fewer
// digits are an id of the older format.
func ParseTicketID(text string) (TicketID, bool) {
	said, numbers := words.FindNumbers(text)
	numbers = joinNumbers(said, numbers)
	for _, n := range numbers {
		for i := n.Start - 1; i >= 0; i-- {
			if ticketWords[said[i]] {
				return ticketNumber(n.Digits)
			}
			if !betweenWords[said[i]] {
				break
			}
		}
	}
	// A number alone may answer "what is your ticket number?". "The one" does not.
	if len(numbers) != 1 || len(numbers[0].Digits) < 2 {
		return 0, false
	}
	for _, w := range slices.Concat(said[:numbers[0].Start], said[numbers[0].End:]) {
		if !betweenWords[w] && !words.NumberFillers[w] {
			return 0, false
		}
	}
	return ticketNumber(numbers[0].Digits)
}

// joinNumbers joins numbers with only joiningWords between them, if that makes an id:
// "4829 dash 1537".
func joinNumbers(said []string, numbers []words.Number) []words.Number {
	var out []words.Number
	for _, n := range numbers {
		if len(out) > 0 {
			last := &out[len(out)-1]
			if joiningWords.HasAll(said[last.End:n.Start]) && len(last.Digits)+len(n.Digits) <= ticketDigits {
				last.Digits, last.End = last.Digits+n.Digits, n.End
				continue
			}
		}
		out = append(out, n)
	}
	return out
}

func ticketNumber(digits string) (TicketID, bool) {
	digits = strings.TrimLeft(digits, "0")
	if len(digits) >= ticketDigits && !IsTicketNumber(digits) {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return TicketID(n), err == nil
}
