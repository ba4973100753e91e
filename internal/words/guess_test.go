package words

import "testing"

func TestGuessLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"Können Sie mir bitte sagen, wann Sie morgen öffnen?":     "de",
		"¿Cuánto cuesta el envío a Canadá?":                       "es",
		"Me gustaría saber cuánto cuesta el envío a Canadá":       "es",
		"Est-ce que vous pouvez me dire où est ma commande ?":     "fr",
		"can you tell me where my order is":                       "en",
		"Where is order 47329":                                    "",
		"walker dot who you open on top of any":                   "en",
		"kim@example.com":                                         "",
		"":                                                        "",
		"Ich möchte bitte mit einem Menschen sprechen":            "de",
		"je ne parle pas anglais est ce que vous parlez français": "fr",
	} {
		if got := GuessLanguage(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
