package tools

import (
	"strconv"
	"testing"

	"frontdesk/internal/require"
)

func TestParseTicketID(t *testing.T) {
	for text, want := range map[string]TicketID{
		"T-48291532":          48291532,
		"t48291532":           48291532,
		"t 4829 1532":         48291532,
		"T-4829-1532":         48291532,
		"T, 4 8 2 9, 1 5 3 2": 48291532,
		"48291532":            48291532,
		"48 29 15 32 please":  48291532,
		"Ticket T-48291532.":  48291532,
		"tea four eight two nine one five three two":                            48291532,
		"tee four eight, two nine, uh, one five, three two":                     48291532,
		"t forty eight twenty nine fifteen thirty two":                          48291532,
		"t four eight two nine dash one five three two":                         48291532,
		"four eight two nine and then one five three two":                       48291532,
		"my ticket number is tea three double seven oh four one six one":        37704161,
		"what is the status of ticket t four eight two nine one five three two": 48291532,
		"I bought two, my ticket number is 48291532":                            48291532,
		"48291532 is my order":                                                  0,
		"T-48291537":                                                            0, // the check digit is wrong
		"T-48291523":                                                            0,
		"T-482915321":                                                           0,
		"T-99999999999999999999":                                                0,
		"T-1042":                                                                1042, // the older format
		"tea ten forty two":                                                     1042,
		"number one oh four two":                                                1042,
		"T-01042":                                                               1042,
		"can you close ticket t nine five":                                      95,
		"the one from monday":                                                   0,
		"the one":                                                               0,
		"seven":                                                                 0,
		"1042 is my order":                                                      0,
		"order 47329":                                                           0,
		"":                                                                      0,
		"ticket":                                                                0,
		"T-0":                                                                   0,
		"one order, two tickets":                                                0,
	} {
		got, ok := ParseTicketID(text)
		if got != want || ok != (want != 0) {
			t.Errorf("ParseTicketID(%q) = %v, %v, want %d", text, got, ok, want)
		}
	}
}

// Damm's own example: the check digit of 572 is 4.
func TestCheckDigitFindsWrongDigitsAndSwappedNeighbors(t *testing.T) {
	if got := checkDigit("572"); got != '4' {
		t.Fatalf("check digit of 572: got %c, want 4", got)
	}
	for range 200 {
		id, err := randomTicketID()
		require.NoError(t, err)
		digits := strconv.FormatInt(int64(id), 10)
		if !IsTicketNumber(digits) {
			t.Fatalf("%s is not well-formed", digits)
		}
		for i := range digits {
			for d := byte('0'); d <= '9'; d++ {
				if wrong := digits[:i] + string(d) + digits[i+1:]; wrong != digits && IsTicketNumber(wrong) {
					t.Errorf("%s is well-formed, and %s, too", digits, wrong)
				}
			}
			if i > 0 && digits[i] != digits[i-1] {
				if swapped := digits[:i-1] + string(digits[i]) + string(digits[i-1]) + digits[i+1:]; IsTicketNumber(swapped) {
					t.Errorf("%s is well-formed, and %s, too", digits, swapped)
				}
			}
		}
	}
}

func TestRandomIDsDoNotCount(t *testing.T) {
	seen := make(map[TicketID]bool)
	firsts := make(map[byte]bool)
	for range 1000 {
		id, err := randomTicketID()
		require.NoError(t, err)
		seen[id] = true
		firsts[strconv.FormatInt(int64(id), 10)[0]] = true
	}
	if len(seen) < 995 || len(firsts) != 9 || firsts['0'] {
		t.Errorf("1000 ids: %d are different, their first digits are %v", len(seen), firsts)
	}
}

func TestSayGroupsTheDigits(t *testing.T) {
	for id, want := range map[TicketID]string{48291532: "T, 4 8 2 9, 1 5 3 2", 1042: "T, 1 0 4 2"} {
		if got := id.Say(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzParseTicketID(f *testing.F) {
	for _, text := range []string{"T-48291532", "tea one zero four two", "ticket number is 7", "t t t 1", "1 t 2", "T-0", "4829 dash 1532", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := ParseTicketID(text)
		if ok != (id > 0) {
			t.Fatalf("ParseTicketID(%q) = %d, %v", text, id, ok)
		}
		if !ok {
			return
		}
		if !id.isFormer() && !IsTicketNumber(strconv.FormatInt(int64(id), 10)) {
			t.Errorf("ParseTicketID(%q) = %d, which is not well-formed", text, id)
		}
		for _, form := range []string{id.String(), id.Say()} {
			if again, ok := ParseTicketID(form); !ok || again != id {
				t.Errorf("ParseTicketID(%q) = %d, %v, want %d", form, again, ok, id)
			}
		}
	})
}
