package words

import (
	"testing"
	"unicode/utf8"
)

func TestSpokenForm(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Your ticket is T-1042.", "Your ticket is T one zero four two."},
		{"Order 47329 ships today.", "Order four seven three two nine ships today."},
		{"It costs $45.50, or $1,200.", "It costs 45 dollars and 50 cents, or 1200 dollars."},
		{"That is $1.", "That is 1 dollar."},
		{"£3.01 and 20 EUR", "3 pounds and 1 penny and 20 euros"},
		{"We are open 9am–5pm, Mon–Fri.", "We are open 9 A M to 5 P M, Monday to Friday."},
		{"From 9:30 am to 17:05", "From 9 30 A M to 5 oh 5 P M"},
		{"Open from 9 am. We close at 8 p.m. On Sunday at 5:30 p.m. we rest.", "Open from 9 A M. We close at 8 P M. On Sunday at 5 30 P M we rest."},
		{"At 8:00.", "At 8 o'clock."},
		{"It takes 3-5 working days.", "It takes 3 to 5 working days."},
		{"Write to help@willow-lane.example.", "Write to help at willow dash lane dot example."},
		{"See https://www.willowlane.example/returns?x=1 now", "See willowlane dot example slash returns now"},
		{"See [our returns page](https://x.example/y).", "See our returns page."},
		{"**Important**: use `reset`", "Important: use reset"},
		{"- First item\n- Second item", "First item Second item"},
		{"## Returns", "Returns"},
		{"Call +1 555 010-0199.", "Call plus one, five five five, zero one zero, zero one nine nine."},
		{"20% off, 2.4 GHz", "20 percent off, 2 point four gigahertz"},
		{"It is 20 m wide", "It is 20 meters wide"},
		{"On 2026-03-07 we close.", "On March 7 2026 we close."},
		{"Salt & pepper, and/or both", "Salt and pepper, and or or both"},
		{"Bring your ID.", "Bring your I D."},
		{"Tea — or coffee – both 🙂", "Tea, or coffee, both"},
		{"\"Hello,\" she said", "Hello, she said"},
		{"We’re here 24/7", "We're here 24 hours a day"},
		{"Section #3", "Section number 3"},
		{"I'm fine.", "I'm fine."},
		{"10 + 2", "10 plus 2"},
		{"...", ""},
		{"", ""},
		{"🙂", ""},
	} {
		if got := SpokenForm(c.in, "en-US"); got != c.want {
			t.Errorf("SpokenForm(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestSpokenFormKeepsFiguresOfOtherLanguages(t *testing.T) {
	const in, want = "**Preis**: 45,50 € am 3.5. — [hier](https://x.example)", "Preis: 45,50 € am 3.5., hier"
	if got := SpokenForm(in, "de-DE"); got != want {
		t.Errorf("SpokenForm(%q)\n got %q\nwant %q", in, got, want)
	}
}

func FuzzSpokenForm(f *testing.F) {
	for _, s := range []string{"T-1042", "$45.50", "9am–5pm", "a@b.example", "https://x.example/?q", "**x**", "\xff\x00", "1,000,000.00 €", "+1 (555) 010-0199"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, language := range []string{"", "de"} {
			out := SpokenForm(s, language)
			if !utf8.ValidString(out) {
				t.Errorf("SpokenForm returned invalid UTF-8: %q", out)
			}
			if len(out) > 40*maxSpokenText {
				t.Errorf("SpokenForm made %d bytes into %d", len(s), len(out))
			}
			for _, r := range out {
				if r < ' ' || r == 0x7f {
					t.Fatalf("control character in %q", out)
				}
			}
		}
	})
}
