package mouth

import (
	"slices"
	"strings"
	"testing"
)

func TestClausesEndWhereASpeakerPauses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"one sentence", "Your order ships tomorrow.", []string{"Your order ships tomorrow."}},
		{"short first clause", "Let me look at that, it takes a second, thank you. Done.",
			[]string{"Let me look at that, ", "it takes a second, thank you. ", "Done."}},
		{"first clause ends before a conjunction", "Your order has left our warehouse today and should be with you on Monday and not later. Fine.",
			[]string{"Your order has left our warehouse today ", "and should be with you on Monday and not later. ", "Fine."}},
		{"first clause ends before a preposition", "It takes us three to five working days for a refund to get to you.",
			[]string{"It takes us three to five working days ", "for a refund to get to you."}},
		{"too short to cut", "Yes, sir, it does. Good.", []string{"Yes, sir, it does. ", "Good."}},
		{"prices", "It costs $45.50 today. Not more.", []string{"It costs $45.50 today. ", "Not more."}},
		{"times of day", "We open at 9 a.m. on Monday. Come by.", []string{"We open at 9 a.m. on Monday. ", "Come by."}},
		{"identifiers", "Your ticket is T-1042. Keep it.", []string{"Your ticket is T-1042. ", "Keep it."}},
		{"addresses", "See https://example.com/a.b?c=1 for more! Thanks.", []string{"See https://example.com/a.b?c=1 for more! ", "Thanks."}},
		{"abbreviations", "Ask Dr. Smith, e.g. by phone. Fine.", []string{"Ask Dr. Smith, ", "e.g. by phone. ", "Fine."}},
		{"lists", "Two steps:\n1. Open the box.\n2. Plug it in.", []string{"Two steps:\n", "1. Open the box.\n", "2. Plug it in."}},
		{"quotes", `He said "stop." Then left.`, []string{`He said "stop." `, "Then left."}},
		{"a one-word answer", "No. We do not.", []string{"No. ", "We do not."}},
		{"full-width stops", "はい。分かりました。", []string{"はい。", "分かりました。"}},
		{"only white space", " \n ", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Collect(Clauses(slices.Values([]string{tt.text})))
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzClauses(f *testing.F) {
	f.Add("Well, hello there, friend. It costs $4.50, e.g. at 9 a.m. Ok?\n- one\n- two", uint8(3))
	f.Add(strings.Repeat("no full stop here ", 40), uint8(1))
	f.Add(strings.Repeat("é", 300), uint8(2))
	f.Add("\xff\xfe。 \n\n  x", uint8(1))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		whole := slices.Collect(Clauses(slices.Values([]string{text})))
		var chunks []string
		for c := range slices.Chunk([]byte(text), int(size)+1) {
			chunks = append(chunks, string(c))
		}
		if split := slices.Collect(Clauses(slices.Values(chunks))); !slices.Equal(whole, split) {
			t.Fatalf("in one piece cut into %q, in chunks into %q", whole, split)
		}
		all := strings.Join(whole, "")
		if !strings.HasPrefix(text, all) || strings.Trim(text[len(all):], " \n\t\r") != "" {
			t.Fatalf("the clauses of %q are %q", text, whole)
		}
		for _, c := range whole {
			if len(c) > maxClause {
				t.Fatalf("a clause of %d bytes: %q", len(c), c)
			}
		}
	})
}

func TestSentenceStart(t *testing.T) {
	text := "Hello there. It costs 3.50 a piece, and more. Bye!"
	for n, want := range map[int]string{0: "Hello", 5: "Hello", 11: "Hello", 12: "It costs", 13: "It costs", 30: "It costs", 46: "Bye!", 49: "Bye!", 50: ""} {
		if got := text[SentenceStart(text, n):]; !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("the sentence at byte %d starts at %q, want %q", n, got, want)
		}
	}
}
