//go:build cgo

package moonshine

import (
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// callOfShop returns a call of the shop with the order 47329, whose tickets have numbers of
// three digits with an even sum.
func callOfShop(t *testing.T) *vocabularyCall {
	v := shop(t)
	return newVocabularyCall(&Vocabulary{
		tokenizer: v.tokenizer, kinds: v.kinds, spoken: v.spoken, keys: v.keys, keyLetters: v.keyLetters,
		isTicket: func(digits string) bool {
			sum := 0
			for _, d := range digits {
				sum += int(d - '0')
			}
			return len(digits) == 3 && sum%2 == 0
		},
	})
}

func TestNumeralIsTheLongestNumber(t *testing.T) {
	v := shop(t)
	for text, want := range map[string]string{
		"I bought 2 lamps for order 4 7 3.": "473",
		"Order four, seven three to nine.":  "47329",
		"Ticket T-31 18.":                   "3118",
		"It's 4 7 3 oh":                     "4730",
		"7 for":                             "7",
		"It costs 5.50.":                    "50",
		"Come at 11:30.":                    "11",
		"nine-five, yes":                    "95",
		"Hello.":                            "",
		"":                                  "",
		"Call " + strings.Repeat("five ", 17) + ".": "",
	} {
		if got := v.findNumeral(v.tokenizer.encode(text)).digits(); got != want {
			t.Errorf("%q has the number %q, want %q", text, got, want)
		}
	}
}

func TestNumeralKeepsTheHypothesis(t *testing.T) {
	v := shop(t)
	for _, text := range []string{"", "Hello.", "Order 47-329, please!", "It's four, seven for two.", "Où est 5 ?"} {
		tokens := v.tokenizer.encode(text)
		if got := v.findNumeral(tokens).tokens(); !slices.Equal(got, tokens) {
			t.Errorf("%q became %q", text, v.tokenizer.text(got))
		}
	}
}

func TestSureNumberIsWrittenWithDigits(t *testing.T) {
	c := callOfShop(t)
	for text, want := range map[string]string{
		"Order four seven three to nine.":            "Order four seven three two nine.",
		"Order four seven three to eight.":           "Order four seven three to eight.",
		"What is the status of ticket D112?":         "What is the status of ticket T112?",
		"I opened a ticket. The number is D-1 12.":   "I opened a ticket. The number is T-1 12.",
		"Ticket B one one for.":                      "Ticket T one one for.",
		"Ticket tea one for one.":                    "Ticket T one four one.",
		"Ticket T112.":                               "Ticket T112.",
		"My order is D112.":                          "My order is D112.",
		"I have a ticket for plan B since 2 months.": "I have a ticket for plan B since 2 months.",
	} {
		best, _ := c.readNumber(c.tokenizer.encode(text))
		if got := c.tokenizer.text(best.tokens()); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	c.keyLetters = map[string]bool{"d": true}
	tokens := c.tokenizer.encode("My ticket is about D112.")
	if best, _ := c.readNumber(tokens); !slices.Equal(best.tokens(), tokens) {
		t.Errorf("a key with D became %q", c.tokenizer.text(best.tokens()))
	}
}

func TestOtherNumbersArePossible(t *testing.T) {
	c := callOfShop(t)
	for text, want := range map[string]string{
		"Where is my order for seven three two nine?": "Where is my order four seven three two nine?|Where is my order for four seven three two nine?",
		"Order 4739.":                         "Order 47329.",
		"Order four, seven, three, nine.":     "Order four, seven, three, two, nine.",
		"Order 48329.":                        "Order 47329.",
		"Order 473 329.":                      "Order 47 329.",
		"Order four, seven, three, two times": "Order four, seven, three, two, nine times|Order four, seven, three, two, nine",
		"My ticket is 2112.":                  "My ticket is T112.",
		"My ticket to 13":                     "My ticket T 213|My ticket T213",
		"I paid 48328 for it.":                "",
		"I want 2 lamps.":                     "",
		"Order 47329.":                        "",
		"Order 47329, not 4739.":              "",
		"Ticket T112.":                        "",
		"":                                    "",
	} {
		_, others := c.readNumber(c.tokenizer.encode(text))
		var got []string
		for _, o := range others {
			got = append(got, c.tokenizer.text(o.tokens()))
		}
		slices.Sort(got)
		all := strings.Split(want, "|")
		slices.Sort(all)
		if want == "" {
			all = nil
		}
		if got = slices.Compact(got); !slices.Equal(got, all) {
			t.Errorf("%q: %q, want %q", text, got, all)
		}
	}
	_, others := c.readNumber(c.tokenizer.encode("Ticket T113."))
	if len(others) == 0 {
		t.Error("an impossible ticket has no possible one near it")
	}
	for _, o := range others {
		if !c.isTicket(o.digits()) {
			t.Errorf("%q is no ticket", o.digits())
		}
	}
	c.isTicket = nil
	if _, others = c.readNumber(c.tokenizer.encode("Ticket T113.")); len(others) > 0 {
		t.Error("tickets without a format")
	}
}

// TestAudioChoosesTheNumber gives each text a log probability and says which one wins.
func TestAudioChoosesTheNumber(t *testing.T) {
	c := callOfShop(t)
	hypothesis := func(text string, p float32) Hypothesis {
		return Hypothesis{Tokens: c.tokenizer.encode(text), LogProbs: []float32{p}, Score: p, Ended: true}
	}
	for name, tt := range map[string]struct {
		read   []Hypothesis
		others float32 // log probability of all other texts
		want   string
	}{
		"a key that is nearly as likely": {[]Hypothesis{hypothesis("Order 48329.", -2)}, -5.9, "Order 47329."},
		"a key that is not":              {[]Hypothesis{hypothesis("Order 48329.", -2)}, -6.1, "Order 48329."},
		"a key that sounds the same":     {[]Hypothesis{hypothesis("Order for seven three two nine.", -2)}, -9, "Order four seven three two nine."},
		"a key in another hypothesis":    {[]Hypothesis{hypothesis("Order 48329.", -2), hypothesis("Order 47329!", -5)}, -20, "Order 47329!"},
		"an unlikely one in another":     {[]Hypothesis{hypothesis("Order 48329.", -2), hypothesis("Order 47329!", -7)}, -20, "Order 48329."},
		"a ticket and its letter":        {[]Hypothesis{hypothesis("My ticket is 2112.", -2)}, -7.9, "My ticket is T112."},
		"a ticket with its letter":       {[]Hypothesis{hypothesis("Ticket T112.", -2), hypothesis("Ticket T114.", -2.1)}, -20, "Ticket T112."},
		"a possible ticket":              {[]Hypothesis{hypothesis("Ticket T113.", -2), hypothesis("Ticket T114.", -3)}, -20, "Ticket T114."},
		"a hypothesis that did not end":  {[]Hypothesis{{Tokens: c.tokenizer.encode("Order 48329.")}}, -1, "Order 48329."},
		"nothing that was heard":         {[]Hypothesis{hypothesis("", -0.1)}, -1, ""},
	} {
		hyps, err := c.reviseNumber(tt.read, func(sequences [][]Token) (out []Hypothesis, _ error) {
			for _, s := range sequences {
				out = append(out, Hypothesis{Tokens: s, LogProbs: []float32{tt.others}, Ended: true})
			}
			return out, nil
		})
		require.NoError(t, err)
		if got := c.tokenizer.text(hyps[0].Tokens); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func FuzzReadNumber(f *testing.F) {
	for _, text := range []string{"Order 47-329, please!", "My ticket to 12", "four oh oh for, 7 two.", "Ticket D-A-2-2", "to to to 2", "It's １２", "\xff"} {
		f.Add(text)
	}
	v := shop(f)
	c := newVocabularyCall(&Vocabulary{
		tokenizer: v.tokenizer, kinds: v.kinds, spoken: v.spoken, keys: v.keys, keyLetters: v.keyLetters,
		isTicket: func(digits string) bool { return len(digits) == 3 },
	})
	f.Fuzz(func(t *testing.T, text string) {
		tokens := v.tokenizer.encode(text)
		if got := v.findNumeral(tokens).tokens(); !slices.Equal(got, tokens) {
			t.Errorf("%q became %q", text, v.tokenizer.text(got))
		}
		_, others := c.readNumber(tokens)
		for _, o := range others {
			if d := o.digits(); !c.keys[d] && !c.isTicket(d) {
				t.Errorf("%q gives %q, which is neither a key nor a ticket", text, d)
			}
			if d := v.findNumeral(o.tokens()); !strings.Contains(d.digits(), o.digits()) {
				t.Errorf("%q gives %q, which is read as %q", text, o.digits(), d.digits())
			}
		}
	})
}
