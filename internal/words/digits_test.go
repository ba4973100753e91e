package words

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
			t.Errorf("SpokenDigits(%q) = %q, want %q", text, got, want)
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
			t.Errorf("SpokenDigits(%q) = %q, want digits only", text, digits)
		}
		if again := SpokenDigits(SayDigits(digits)); again != digits {
			t.Errorf("SpokenDigits(SayDigits(%q)) = %q", digits, again)
		}
	})
}
