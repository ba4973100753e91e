package phrasebook

import (
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

func TestTextsBecomeSpokenSentences(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"Our stores open at 9 am. They close at 8 pm!", []string{"our stores open at nine a m", "they close at eight p m"}},
		{"It costs $45.50", []string{"it costs forty five dollars and fifty cents"}},
		{"Ticket T-1042", []string{"ticket t one zero four two"}},
		{"## Coffee machines\n- descale them", []string{"coffee machines", "descale them"}},
		{"don't use a well-known trick", []string{"don't use a well known trick"}},
		{"since 1998, 350 of 2,500", []string{"since nineteen ninety eight three hundred fifty of two thousand five hundred"}},
		{"<s> [NOISE] (2)", []string{"noise two"}},
		{"", nil},
	} {
		var got []string
		for _, s := range Split(c.in) {
			got = append(got, strings.Join(s, " "))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("Split(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"It costs $45.50!", "<s> a(2) [NOISE]\tb\\data\\", "\xff é 日本 'tis o'", "T-1042 9–5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range Split(text) {
			for _, w := range s {
				if w == "" || strings.ContainsFunc(w, NotLetter) || w[0] == '\'' {
					t.Fatalf("%q must not be a word of the language model", w)
				}
			}
		}
	})
}

func TestEveryPhraseOfThePhraseBookExpands(t *testing.T) {
	all, err := newGrammar(Book, []string{"lamp"}).sentences()
	require.NoError(t, err)
	if len(all) < 5000 {
		t.Errorf("%d sentences", len(all))
	}
	for _, s := range all {
		for _, w := range s {
			if strings.ContainsFunc(w, NotLetter) {
				t.Errorf("%q in %q", w, s)
			}
		}
	}
}

func TestPhraseBookGivesTheSameSentencesEachTime(t *testing.T) {
	first, err := newGrammar(Book, nil).sentences()
	require.NoError(t, err)
	second, _ := newGrammar(Book, nil).sentences()
	if !slices.EqualFunc(first, second, slices.Equal) {
		t.Error("the sentences differ")
	}
}

func TestPhrasesExpandToTheirChoices(t *testing.T) {
	g := newGrammar("= color red|dark {shade}\n= shade blue\n# a comment\n(one|two) [very] {color} {noun}\n", []string{"lamp"})
	all, err := g.sentences()
	require.NoError(t, err)
	for _, s := range all {
		line := strings.Join(slices.DeleteFunc(s, func(w string) bool { return slices.Contains(hesitations, w) }), " ")
		line = strings.Replace(line, " very", "", 1)
		if !slices.Contains([]string{"one red lamp", "two red lamp", "one dark blue lamp", "two dark blue lamp"}, line) {
			t.Errorf("unexpected sentence %q", line)
		}
	}
	for _, broken := range []string{"(a|b", "{nothing}", "= loop {loop}\n{loop}"} {
		if _, err := newGrammar(broken, nil).sentences(); err == nil {
			t.Errorf("%q: no error", broken)
		}
	}
}

func TestCallersReadOutTheKeysOfTables(t *testing.T) {
	for key, want := range map[string]string{
		"47329":   "four seven three two nine",
		"T-1042":  "t one zero four two",
		"inv2031": "i n v two zero three one",
		"model 5": "model five",
		"lamp":    "lamp",
		"日本-7":    "seven",
	} {
		if got := strings.Join(spell(key), " "); got != want {
			t.Errorf("spell(%q) = %q, want %q", key, got, want)
		}
	}
	all, err := Sentences(Knowledge{Keys: []string{"47329", "---"}})
	require.NoError(t, err)
	alone, within := false, false
	for _, s := range all {
		line := strings.Join(s, " ")
		alone = alone || line == "four seven three two nine"
		within = within || strings.Contains(line, "order number is four seven three two nine")
	}
	if !alone || !within {
		t.Errorf("the key stands alone: %t, in a phrase: %t", alone, within)
	}
}
