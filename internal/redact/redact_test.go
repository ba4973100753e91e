package redact

import (
	"encoding/json"
	"testing"
)

func TestRedactReplacesPersonalData(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"my card is 4111 1111 1111 1111, thanks", "my card is [card number], thanks"},
		{"it is 4111-1111-1111-1111.", "it is [card number]."},
		{"four one one one one one one one one one one one one one one one please", "[card number] please"},
		{"four triple one double one, uh, one one double one one one one one one one", "[card number]"},
		{"it is 4111 1111 1111 1112", "it is [phone number]"}, // no valid card number, but long enough for a telephone number
		{"378282246310005 expires 12 26", "[card number] expires 12 26"},
		{"order 47329 and ticket T-1042", "order 47329 and ticket T-1042"},
		{"call +1 (555) 123-4567 after 6", "call +[phone number] after 6"},
		{"five five five one two three four five six seven", "[phone number]"},
		{"DE89 3704 0044 0532 0130 00 is mine", "[IBAN] is mine"},
		{"GB82WEST12345698765432", "[IBAN]"},
		{"GB00WEST1234569", "GB00WEST1234569"},
		{"anna.b@mail.example.com or anna at example dot com", "[e-mail] or [e-mail]"},
		{"meet me at nine", "meet me at nine"},
		{"two of them, one broken", "two of them, one broken"},
		{"", ""},
	} {
		if got := Text(tt.text, Kinds); got != tt.want {
			t.Errorf("Text(%q) = %q, want %q", tt.text, got, tt.want)
		}
		if got := Text(tt.text, nil); got != tt.text {
			t.Errorf("Text(%q) without kinds = %q, want no change", tt.text, got)
		}
	}
}

func TestRedactJSONKeepsTheStructure(t *testing.T) {
	got, err := JSON(json.RawMessage(`{"at":"2026-11-23T17:43:57.716319964Z","text":"4111 1111 1111 1111","n":1234567890123456789,"list":["a@b.de",{"x":null}],"took_ns":12345}`), Kinds)
	if want := `{"at":"2026-11-23T17:43:57.716319964Z","list":["[e-mail]",{"x":null}],"n":"[phone number]","text":"[card number]","took_ns":12345}`; err != nil || string(got) != want {
		t.Errorf("got %s, error %v; want %s", got, err, want)
	}
}

func TestPaymentDataIsRedactedInFourLanguages(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"My card number is 4111 1111 1111 1111 and the PIN is 4 8 1 5.", "My card number is [card number] and the PIN is [PIN]."},
		{"my pin is four eight one five, call +49 30 1234567", "my pin is [PIN], call +49 30 1234567"},
		{"Meine Karte ist vier eins eins eins eins eins eins eins eins eins eins eins eins eins eins eins, die Geheimzahl zwo drei neun null.",
			"Meine Karte ist [card number], die Geheimzahl [PIN]."},
		{"Ma carte est quatre un un un un un un un un un un un un un un un, le code secret est un deux trois quatre",
			"Ma carte est [card number], le code secret est [PIN]"},
		{"Mi tarjeta es cuatro uno uno uno uno uno uno uno uno uno uno uno uno uno uno uno y la clave es cinco seis siete ocho",
			"Mi tarjeta es [card number] y la clave es [PIN]"},
		{"Order 47329 came with two of three parts. Call 030 1234567, mail a@b.example.", "Order 47329 came with two of three parts. Call 030 1234567, mail a@b.example."},
		{"My pin does not work. I have tried it for two weeks, and order 47329 is late.", "My pin does not work. I have tried it for two weeks, and order 47329 is late."},
	} {
		if got := Text(tt.text, Payment); got != tt.want {
			t.Errorf("Text(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
