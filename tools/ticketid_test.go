package tools

import "testing"

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
			t.Errorf("ParseTicketID(%q) = %v, %v, want %d", text, got, ok, want)
		}
	}
}

func FuzzParseTicketID(f *testing.F) {
	for _, text := range []string{"T-1042", "tea one zero four two", "ticket number is 7", "t t t 1", "1 t 2", "T-0", "\xff"} {
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
		for _, form := range []string{id.String(), id.Say()} {
			if again, ok := ParseTicketID(form); !ok || again != id {
				t.Errorf("ParseTicketID(%q) = %d, %v, want %d", form, again, ok, id)
			}
		}
	})
}
