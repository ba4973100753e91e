package kokoro

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// shown returns symbols as text.
func shown(symbols []int64) string {
	var b strings.Builder
	for _, id := range symbols {
		for r, other := range vocabulary {
			if id == other {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

func TestPhonemesAreSpelledAsTheNetworkLearnedThem(t *testing.T) {
	for ipa, want := range map[string]string{
		"jʊɹ ˈɔːɹdɚɹ":              "jʊɹ ˈɔɹdəɹɹ",
		"naɪˈiːv ɐlˈɑːɹm":          "nIˈiv əlˈɑɹm",
		"lˈɪɾəl bˈɑːɾəl":           "lˈɪTᵊl bˈɑTᵊl",
		"sˈɜːʔn\u0329 kˈɜːtən":     "sˈɜɹtᵊn kˈɜɹtən",
		"dʒˈoʊ tʃˈɔɪs θˈaʊzənd eɪ": "ʤˈO ʧˈYs θˈWzənd A",
		"nˈaɪnti naɪntˈiːn":        "nˈIndi nIntˈin",
		"fˈoːɹɾi":                  "fˈɔɹTi",
		"zʔ一x":                     "ztk",
		"":                         "",
	} {
		if got := shown(symbols(ipa)); got != want {
			t.Errorf("%s: got %s, want %s", ipa, got, want)
		}
	}
}

func TestLongPhrasesAreDividedBeforeGroupsOfWords(t *testing.T) {
	for text, want := range map[string][]string{
		"Your order was shipped on Tuesday":                          {"Your order was shipped on Tuesday"},
		"I can send it to the new address until the end of the week": {"I can send it", "to the new address", "until the end of the week"},
		"It left on Tuesday at noon":                                 {"It left on Tuesday at noon"},
		"":                                                           {""},
	} {
		if got := divide(text); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestGroupsAreJoined(t *testing.T) {
	group := func(n int, mark string) piece { return piece{slices.Repeat([]int64{vocabulary['a']}, n), mark} }
	for name, c := range map[string]struct {
		groups []piece
		want   []int // lengths, with spaces and marks
	}{
		"a short beginning waits":   {[]piece{group(4, ","), group(9, "."), group(40, "")}, []int{4 + 1 + 1 + 9 + 1, 40}},
		"further pieces are longer": {[]piece{group(12, ""), group(12, ""), group(20, "."), group(5, "!")}, []int{12, 12 + 1 + 20 + 1, 6}},
		"none is too long":          {[]piece{group(5, ""), group(1200, ".")}, []int{5, 508, 508, 185}},
		"nothing":                   {nil, nil},
	} {
		var got []int
		for _, p := range join(c.groups) {
			got = append(got, len(p.symbols))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// rows returns the file of a voice, in which all numbers of a row are its index.
func rows(n int) []byte {
	var b []byte
	for i := range n * styleWidth {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(i/styleWidth)))
	}
	return b
}

func TestStyleIsThatOfTheNumberOfSymbols(t *testing.T) {
	v, err := parseVoice(rows(maxSymbols))
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]float32{0: 0, 7: 7, 509: 509, 510: 509} {
		if s := v.style(n); len(s) != styleWidth || s[0] != want || s[styleWidth-1] != want {
			t.Errorf("%d symbols: style %v", n, s[0])
		}
	}
	broken := rows(2)
	binary.LittleEndian.PutUint32(broken[8:], math.Float32bits(float32(math.NaN())))
	for name, b := range map[string][]byte{"empty": nil, "cut": rows(2)[1:], "long": rows(maxSymbols + 1), "not a number": broken} {
		if _, err := parseVoice(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzVoice(f *testing.F) {
	f.Add(rows(2), 1, "ˈɔːɹdɚɹ")
	f.Fuzz(func(t *testing.T, b []byte, n int, ipa string) {
		v, err := parseVoice(b)
		if err == nil && len(v.style(max(n, 0))) != styleWidth {
			t.Error("a style has the wrong width")
		}
		for _, p := range join([]piece{{symbols(ipa), "."}}) {
			if len(p.symbols) > maxSymbols {
				t.Errorf("%d symbols", len(p.symbols))
			}
		}
	})
}
