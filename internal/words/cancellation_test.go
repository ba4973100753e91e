package words

import "testing"

func TestIsCancellation(t *testing.T) {
	for text, want := range map[string]bool{
		"never mind": true, "Oh, cancel that, please.": true, "Stop looking!": true, "Vergessen Sie es bitte": true, "Hören Sie auf zu suchen": true,
		"Laissez tomber, s'il vous plaît.": true, "Ce n'est plus la peine": true, "Olvídelo": true, "Ya no hace falta, gracias": true,
		"": false, "please": false, "what": false, "cancel my order": false, "never mind the color": false, "can I cancel that later": false, "stop": false,
	} {
		if got := IsCancellation(text); got != want {
			t.Errorf("IsCancellation(%q) = %v, want %v", text, got, want)
		}
	}
}
