package archive

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
		if got := redact(tt.text, Kinds); got != tt.want {
			t.Errorf("redact(%q) = %q, want %q", tt.text, got, tt.want)
		}
		if got := redact(tt.text, nil); got != tt.text {
			t.Errorf("redact(%q) without kinds = %q, want no change", tt.text, got)
		}
	}
}

func TestRedactJSONKeepsTheStructure(t *testing.T) {
	got, err := redactJSON(json.RawMessage(`{"at":"2026-11-23T17:43:57.716319964Z","text":"4111 1111 1111 1111","n":1234567890123456789,"list":["a@b.de",{"x":null}],"took_ns":12345}`), Kinds)
	if want := `{"at":"2026-11-23T17:43:57.716319964Z","list":["[e-mail]",{"x":null}],"n":"[phone number]","text":"[card number]","took_ns":12345}`; err != nil || string(got) != want {
		t.Errorf("got %s, error %v; want %s", got, err, want)
	}
}
