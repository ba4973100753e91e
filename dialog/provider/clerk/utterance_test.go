package clerk

import "testing"

func TestAmountIsNoNumberOfAnOrder(t *testing.T) {
	for text, want := range map[string]string{
		"I paid $19.99 for it.":                      "",
		"It was $1,299, not £5.":                     "",
		"You promised me 20% off, at 11:30 p.m.":     "",
		"Where is order 47329? I paid €45 for that.": "47329",
		"Order 47329, it was 100 percent right.":     "47329",
	} {
		if got := number(plainText(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got, want := plainText("It costs $19.99 until 5 P.M."), plainText("it costs 19 dollars 99 cents until 5 pm"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
