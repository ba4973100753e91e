package tools

import (
	"slices"
	"strconv"
	"strings"
)

// TicketID is the number of a ticket. It is written T-1042.
type TicketID int64

func (id TicketID) String() string { return "T-" + strconv.FormatInt(int64(id), 10) }

// Say is the id as a voice should read it: "T 1 0 4 2".
func (id TicketID) Say() string { return "T " + SayDigits(strconv.FormatInt(int64(id), 10)) }

// ticketWords are what comes before a ticket's number, as recognisers write it.
var ticketWords = words("t tee tea ti ticket tickets")

// betweenWords may stand between them and the number.
var betweenWords = words("number no id is the its was of dash hyphen minus um uh my status please and a it t tee tea")

// ParseTicketID finds the id of a ticket in what a caller said or typed: "T-1042",
// "tea one zero four two", "the ticket number is ten forty two", "1042". It reports
// false when there is none.
func ParseTicketID(text string) (TicketID, bool) {
	words := spokenWords(text)
	runs := digitRuns(words)
	for _, run := range runs {
		for i := run.start - 1; i >= 0; i-- {
			if ticketWords[words[i]] {
				return ticketNumber(run.digits)
			}
			if !betweenWords[words[i]] {
				break
			}
		}
	}
	// A number by itself, as in answer to "what is your ticket number?"; but "the one"
	// is no number.
	if len(runs) != 1 || len(runs[0].digits) < 2 {
		return 0, false
	}
	for _, w := range slices.Concat(words[:runs[0].start], words[runs[0].end:]) {
		if !betweenWords[w] && !fillers[w] {
			return 0, false
		}
	}
	return ticketNumber(runs[0].digits)
}

func ticketNumber(digits string) (TicketID, bool) {
	n, err := strconv.ParseInt(strings.TrimLeft(digits, "0"), 10, 64)
	if err != nil {
		return 0, false
	}
	return TicketID(n), true
}
