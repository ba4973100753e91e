package understanding

import (
	"strings"
	"testing"
)

func TestSentimentOfNegationAndIntensity(t *testing.T) {
	for _, c := range [][2]string{ // the first one is worse
		{"this is terrible", "this is bad"},
		{"I am very angry", "I am angry"},
		{"I am angry", "I am a bit angry"},
		{"I am not happy", "I am happy"},
		{"das ist sehr schlecht", "das ist schlecht"},
		{"ich bin nicht zufrieden", "ich bin zufrieden"},
		{"je ne suis pas content", "je suis content"},
		{"no estoy contento", "estoy muy contento"},
	} {
		if worse, better := Sentiment(c[0]), Sentiment(c[1]); worse >= better {
			t.Errorf("%q has %v and %q has %v", c[0], worse, c[1], better)
		}
	}
	if got := Sentiment("where is my order 47329"); got != 0 {
		t.Errorf("a neutral question has %v", got)
	}
}

// heldOut are sentences that the lexicon was not changed for after they were written, with
// whether the caller is content (+), not (-), or neither (0).
var heldOut = map[string]string{
	"-": `This is the third time I call and nobody helps me.
I have had enough of this nonsense.
Your service is awful, honestly.
I am really disappointed with the delivery.
You people are completely useless.
That is not good enough.
I want my money back, this is a scam.
I am fed up with waiting.
Das ist eine absolute Frechheit.
Ich bin sehr enttäuscht von Ihnen.
So ein schlechter Service ist mir noch nie begegnet.
Ich bin stinksauer.
Das kann doch nicht Ihr Ernst sein.
Ich bin überhaupt nicht zufrieden.
C'est vraiment inadmissible.
Je suis très mécontent de votre service.
J'en ai marre d'attendre.
Ce produit est nul.
Vous vous moquez de moi ?
Es una vergüenza.
Estoy harto de esperar.
El servicio es pésimo.
No estoy nada contento con esto.
Esto es inaceptable.`,
	"0": `What are your opening hours?
My order number is four seven three two nine.
I moved to a new address.
Can you tell me the price of the kettle?
It was delivered on Monday.
Please open a ticket.
Wie lange dauert die Lieferung?
Meine Kundennummer ist 12345.
Ich möchte meine Adresse ändern.
Kann ich mit Karte zahlen?
Quel est le prix de la livraison ?
Je voudrais suivre mon colis.
Mon numéro est le 12345.
¿Cuánto cuesta el envío?
Quiero cambiar mi dirección.
¿Tienen este modelo en azul?`,
	"+": `That was quick, thank you so much.
You have been very helpful.
Perfect, that is exactly what I needed.
I love this product.
Great service, as always.
Vielen Dank, das war sehr hilfreich.
Super, das hat geklappt.
Ich bin wirklich zufrieden mit dem Gerät.
Merci beaucoup, c'est parfait.
Je suis ravie de votre service.
Muchas gracias, muy amable.
Estoy encantado con el producto.`,
}

// TestSentimentOnSentencesThatItWasNotTunedOn keeps the accuracy that docs/configuration.md
// tells.
func TestSentimentOnSentencesThatItWasNotTunedOn(t *testing.T) {
	right, all := 0, 0
	for want, list := range heldOut {
		for sentence := range strings.Lines(list) {
			sentence = strings.TrimSpace(sentence)
			got, s := "0", Sentiment(sentence)
			switch {
			case s <= -0.2:
				got = "-"
			case s >= 0.2:
				got = "+"
			}
			all++
			if got == want {
				right++
			} else {
				t.Logf("%q: %v, want %s", sentence, s, want)
			}
		}
	}
	t.Logf("%d of %d right", right, all)
	if right*100 < 75*all {
		t.Errorf("%d of %d sentences are right", right, all)
	}
}
