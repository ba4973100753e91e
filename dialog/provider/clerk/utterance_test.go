package clerk

import "testing"

func TestAmountIsNoNumberOfAnOrder(t *testing.T) {
	for text, want := range map[string]string{
		"I paid $19.99 for it.":                      "",
		"It was $1,299, not £5.":                     "",
		"You promised me 20% off, at 11:30 p.m.":     "",
		"Where is order 47329? I paid €45 for that.": "47329",
		"Order 47329, it was 100 percent right.":     "47329",
		"It was $5.50 or £5.50, not $5.5.":           "",
		"I paid nineteen ninety-nine.":               "",
		"It cost me only two hundred and five.":      "",
		"I was charged 1999 for order 47329.":        "47329",
		"I paid for 47329.":                          "47329",
		"It was five pounds fifty.":                  "",
		"It was five pounds, order 47329.":           "47329",
		"It was 5 pence or fifty cents.":             "",
		"I came at 5:30 on the 23rd.":                "",
		"I called at 17:45 about order 4 7 3 2 9.":   "47329",
		"My order is nineteen ninety nine.":          "1999",
	} {
		if got := number(plainText(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got, want := plainText("£5.5 at 5:30, not 11:30 p.m."), "5 pounds 50 pence at 5 30 oclock not 11 30 pm"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := plainText("It costs $19.99 until 5 P.M."), plainText("it costs 19 dollars 99 cents until 5 pm"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
