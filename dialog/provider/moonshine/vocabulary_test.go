//go:build cgo

package moonshine

import (
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"frontdesk/internal/modelstest"
	"frontdesk/internal/ngram"
	"frontdesk/internal/phrasebook"
	"frontdesk/internal/require"
	"frontdesk/internal/words"
)

var shopTexts = []string{"Harbor sells lamps and routers. A lamp comes with a warranty of two years. Restart the router if it is slow."}

// vocabularyOfShop returns the vocabulary of a shop with one order.
var vocabularyOfShop = sync.OnceValues(func() (*Vocabulary, error) {
	return newVocabulary(tokenizerOfTests, phrasebook.Knowledge{Texts: shopTexts, Keys: []string{"47329"}})
})

var tokenizerOfTests *tokenizer

func shop(t testing.TB) *Vocabulary {
	t.Helper()
	f, err := os.Open(modelstest.File(t, "moonshine-base-en", "tokenizer.bin"))
	require.NoError(t, err)
	defer f.Close()
	if tokenizerOfTests == nil {
		tokenizerOfTests, err = readTokenizer(f)
		require.NoError(t, err)
	}
	v, err := vocabularyOfShop()
	require.NoError(t, err)
	return v
}

// gain returns what a hypothesis and its end gain from the vocabulary.
func gain(v *Vocabulary, tokens []Token) float64 {
	sum := 0.0
	for i := range len(tokens) + 1 {
		logits := make([]float32, vocabulary)
		v.adjust(tokens[:i], logits, "")
		next := endToken
		if i < len(tokens) {
			next = tokens[i]
		}
		sum += float64(logits[next])
	}
	return sum
}

func TestHypothesisGainsTheBonusesOfItsWords(t *testing.T) {
	v := shop(t)
	for text, sentence := range map[string]string{
		"Where is my router":         "where is my router",
		"where, is My ROUTER":        "where is my router",
		"My order number is 47":      "my order number is four seven",
		"The zyzzyva is yellowish":   "the zyzzyva is yellowish",
		"It's my-lamp":               "it's my lamp",
		"Ticket T1042":               "ticket t one zero four two",
		"I'd like to restart routed": "i'd like to restart routed",
	} {
		want, h := 0.0, history{"", ngram.Start}
		for _, w := range append(strings.Fields(sentence), ngram.End) {
			if i, ok := slices.BinarySearch(v.model.Words, w); ok {
				want += float64(v.after(h).words[i])
			} else {
				want += float64(unknownBonus)
			}
			h = h.after(w)
		}
		letterwise := v.tokenizer.encode("") // a space; then one token for each letter
		for _, r := range text {
			if r == ' ' {
				letterwise = append(letterwise, v.tokenizer.encode("")...)
			} else {
				letterwise = append(letterwise, v.tokenizer.tokens[string(r)])
			}
		}
		for name, tokens := range map[string][]Token{"pieces": v.tokenizer.encode(text), "letters": letterwise} {
			if got := gain(v, tokens); math.Abs(got-want) > 1e-3 {
				t.Errorf("%q as %s gains %.3f, want %.3f", text, name, got, want)
			}
		}
	}
}

func TestChoicesAreShortAndBeginWithACapital(t *testing.T) {
	v := shop(t)
	q := v.ask("Would you like élan or " + strings.Repeat("a", 1000) + "?")
	var texts []string
	for _, a := range q.answers {
		texts = append(texts, a.text)
	}
	if want := []string{"Élan.", "Like élan.", "You like élan."}; !slices.Equal(texts, want) {
		t.Errorf("%q, want %q", texts, want)
	}
}

func TestQuestionMakesItsAnswersLikely(t *testing.T) {
	v := shop(t)
	firstDigit := v.tokenizer.encode("4")
	asked, unasked := make([]float32, vocabulary), make([]float32, vocabulary)
	v.adjust(firstDigit[:1], asked, "number is")
	v.adjust(firstDigit[:1], unasked, "")
	if digit := firstDigit[1]; asked[digit] < unasked[digit]+1 {
		t.Errorf("a digit gains %.2f after a question for a number, and %.2f else", asked[digit], unasked[digit])
	}
	for reply, want := range map[string]struct {
		context string
		isYesNo bool
		choices string
	}{
		"Sure. What is your order number?":                     {"number is", false, ""},
		"Please spell your e-mail address.":                    {"email is", false, ""},
		"Your order has shipped. Is there anything else?":      {"", true, ""},
		"Shall we deliver it to your home or the shop?":        {"", false, "home|the|the shop|your home|shop"},
		"Your order number is 4 7 3 2 9. It arrives on Friday": {"", false, ""},
		"": {"", false, ""},
	} {
		q := v.ask(reply)
		if q.context != want.context || q.isYesNo != want.isYesNo {
			t.Errorf("%q: %+v, want %+v", reply, q, want)
		}
		for choice := range strings.SplitSeq(want.choices, "|") {
			if choice != "" && !q.asksFor(newAnswer(v.tokenizer, choice)) {
				t.Errorf("%q does not ask for %q", reply, choice)
			}
		}
	}
	q := v.ask("Is that correct?")
	if !q.asksFor(newAnswer(v.tokenizer, "no thanks")) || q.asksFor(newAnswer(v.tokenizer, "hello")) {
		t.Error("no answers a yes-or-no question, hello does not")
	}
}

// TestVocabularyIsHeard compares what is heard with and without an agent's vocabulary.
func TestVocabularyIsHeard(t *testing.T) {
	r := open(t)
	biased := r.For(shop(t))
	for _, c := range []struct{ voice, text, want string }{
		{"slt", "I'd like to report a problem with my router.", "i'd like to report a problem with my router"},
		{"rms", "Where is my order number four seven three two nine?", "47329"},
		{"kal16", "Agent please.", "agent please"},
		{"rms", "The senator visited a quiet monastery near Vienna.", "the senator visited a quiet monastery near vienna"},
	} {
		pcm := fliteSpeech(t, c.voice, c.text)
		all, err := recognize(t.Context(), listen(t, biased), pcm)
		require.NoError(t, err)
		got := all[len(all)-1].Text
		plain := strings.Join(words.Split(got), " ")
		if words.SpokenDigits(got) != "" {
			plain = words.SpokenDigits(got)
		}
		if plain != c.want {
			t.Errorf("%s: %q is heard as %q", c.voice, c.text, got)
		}
	}
}

func TestHumIsABackchannel(t *testing.T) {
	r := open(t)
	all, err := recognize(t.Context(), listen(t, r.For(shop(t))), fliteSpeech(t, "rms", "Uh huh."))
	require.NoError(t, err)
	if got := all[len(all)-1].Text; got == "" || !words.IsBackchannel(got) {
		t.Errorf("%q", got)
	}
}

func TestVocabularyMakesNoWordsOfNoise(t *testing.T) {
	v := shop(t)
	hello := v.tokenizer.encode("Hello.")
	for _, c := range []struct {
		empty float64 // probability that nothing was said
		want  Token
	}{{0.9, endToken}, {0.4, hello[0]}} {
		logits := make([]float32, vocabulary)
		for i := range logits {
			logits[i] = -30
		}
		logits[endToken], logits[hello[0]] = float32(math.Log(c.empty)), float32(math.Log(1-c.empty))
		newVocabularyCall(v).Bias(1).Adjust(nil, logits)
		if best := Token(slices.Index(logits, slices.Max(logits))); best != c.want {
			t.Errorf("with %.1f for nothing, token %d is best, want %d", c.empty, best, c.want)
		}
	}
}

func BenchmarkAdjust(b *testing.B) {
	v := shop(b)
	tokens := v.tokenizer.encode("Where is my order number")
	logits := make([]float32, vocabulary)
	for b.Loop() {
		v.adjust(tokens, logits, "")
	}
}
