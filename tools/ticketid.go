package tools

import (
	"slices"
	"strconv"
	"strings"

	"frontdesk/internal/words"
)

// TicketID is the number of a ticket. Its text form is T-1042.
type TicketID int64

func (id TicketID) String() string { return "T-" + strconv.FormatInt(int64(id), 10) }

// Say returns the id as a voice should read it: "T 1 0 4 2".
func (id TicketID) Say() string { return "T " + words.SayDigits(strconv.FormatInt(int64(id), 10)) }

// ticketWords precede the number of a ticket, as recognizers write them.
var ticketWords = words.NewSet("t tee tea ti ticket tickets")

// betweenWords may stand between a ticket word and the number.
var betweenWords = words.NewSet("number no id is the its was of dash hyphen minus um uh my status please and a it t tee tea")

// ParseTicketID finds the id of a ticket in what a caller said or typed: "T-1042", "tea
// one zero four two", "the ticket number is ten forty two", "1042". It returns false if
// there is none.
func ParseTicketID(text string) (TicketID, bool) {
	said, numbers := words.FindNumbers(text)
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

func ticketNumber(digits string) (TicketID, bool) {
	n, err := strconv.ParseInt(strings.TrimLeft(digits, "0"), 10, 64)
	if err != nil {
		return 0, false
	}
	return TicketID(n), true
}
