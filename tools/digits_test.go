package tools

import (
	"strings"
	"testing"
)

func TestSpokenDigits(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"yes":                       "",
		"four seven three two nine": "47329",
		"my order number is uh six one nine four two": "61942",
		"47329":                               "47329",
		"#47-329":                             "47329",
		"47,329":                              "47329",
		"4, 7, 3, 2, 9.":                      "47329",
		"Four, seven; um, three... two nine!": "47329",
		"four double two nine":                "4229",
		"double oh seven":                     "007",
		"triple five 1":                       "5551",
		"oh four seven":                       "047",
		"four oh oh seven":                    "4007",
		"seven o":                             "70",
		"oh, I see":                           "",
		"oh my order is 12":                   "12",
		"ten forty two":                       "1042",
		"one thousand and forty two":          "1042",
		"one thousand forty two":              "1042",
		"twelve hundred":                      "1200",
		"two thousand three hundred and five": "2305",
		"three hundred":                       "300",
		"forty seven three twenty nine":       "47329",
		"forty seven thousand three hundred and twenty nine": "47329",
		"one hundred forty seven thousand two":               "147002",
		"twenty":                                             "20",
		"twenty ten":                                         "2010",
		"order for 7 3 2 9":                                  "7329",
		"7 for 2 9":                                          "7429",
		"the one I bought was 4 7 3 and there were two":                "473",
		"I bought two shirts, the number is four seven three two nine": "47329",
		"１２３":              "123",
		"double trouble 5": "5",
		"hundred thousand": "",
	} {
		if got := SpokenDigits(text); got != want {
			t.Errorf("SpokenDigits(%q) is %q, want %q", text, got, want)
		}
	}
}

func TestParseTicketID(t *testing.T) {
	for text, want := range map[string]TicketID{
		"T-1042":                 1042,
		"t1042":                  1042,
		"t 1042":                 1042,
		"ticket 1042":            1042,
		"Ticket T-1042.":         1042,
		"tea one zero four two":  1042,
		"tee ten forty two":      1042,
		"1042":                   1042,
		"it's 1 0 4 2":           1042,
		"it is 1 0 4 2":          1042,
		"number one oh four two": 1042,
		"T 1 0 4 2":              1042,
		"T-01042":                1042,
		"what is the status of ticket t one zero four two":                1042,
		"any news on my ticket t two zero seven":                          207,
		"i opened a ticket last week the number is t three one one eight": 3118,
		"can you close ticket t nine five":                                95,
		"I bought two, my ticket number is 1042":                          1042,
		"the one from monday":                                             0,
		"the one":                                                         0,
		"seven":                                                           0,
		"1042 please":                                                     1042,
		"1042 is my order":                                                0,
		"order 47329":                                                     0,
		"":                                                                0,
		"ticket":                                                          0,
		"T-0":                                                             0,
		"T-99999999999999999999":                                          0,
		"one order, two tickets":                                          0,
	} {
		got, ok := ParseTicketID(text)
		if got != want || ok != (want != 0) {
			t.Errorf("ParseTicketID(%q) is %v, %v, want %d", text, got, ok, want)
		}
	}
}

func FuzzSpokenDigits(f *testing.F) {
	for _, text := range []string{"four seven", "double oh 7", "one thousand and forty two", "12,3 - 4", "oh oh oh", "triple", "\xff\x00", "１２３", strings.Repeat("nine thousand ", 50)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		digits := SpokenDigits(text)
		if strings.Trim(digits, "0123456789") != "" {
			t.Errorf("%q gives %q", text, digits)
		}
		if again := SpokenDigits(SayDigits(digits)); again != digits {
			t.Errorf("%q is heard as %q when it is read out", digits, again)
		}
	})
}

func FuzzParseTicketID(f *testing.F) {
	for _, text := range []string{"T-1042", "tea one zero four two", "ticket number is 7", "t t t 1", "1 t 2", "T-0", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := ParseTicketID(text)
		if ok != (id > 0) {
			t.Fatalf("%q gives %d, %v", text, id, ok)
		}
		if !ok {
			return
		}
		for _, form := range []string{id.String(), id.Say()} {
			if again, ok := ParseTicketID(form); !ok || again != id {
				t.Errorf("%q is read as %d, %v", form, again, ok)
			}
		}
	})
}
