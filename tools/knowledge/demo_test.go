package knowledge

import (
	"strings"
	"testing"
)

// demoQuestions are what callers say, as a recognizer writes it, and the beginning of
// FILE#HEADING of the passages that answer it.
var demoQuestions = []struct{ asked, answer string }{
	{"hi i forgot my password and i can't log in", "password.md#Forgotten password"},
	{"i need to reset my password please", "password.md#Forgotten password"},
	{"the reset link never arrived in my inbox", "password.md#The reset link does not arrive"},
	{"it says my account is locked after too many attempts", "password.md#Locked account"},
	{"i changed my phone and now the security code doesn't reach me", "password.md#Security code after a phone change"},
	{"where is my order number four seven three two nine", "order-tracking.md#Where is my order"},
	{"i ordered a lamp last tuesday and it still hasn't shipped", "order-tracking.md"},
	{"has my package left the warehouse yet", "order-tracking.md"},
	{"i would like a refund for my last purchase", "refunds.md#How to get a refund"},
	{"how long does a refund take", "refunds.md#How long a refund takes"},
	{"i returned the shoes two weeks ago i still don't have my money back", "refunds.md#Refund is late"},
	{"you refunded the wrong amount it should be forty five dollars", "refunds.md#Wrong amount"},
	{"do you ship to canada", "international-shipping.md"},
	{"how much is express shipping", "shipping.md#Shipping prices"},
	{"i need to change my delivery address", "delivery-address.md"},
	{"the box was damaged when it arrived", "damaged-or-missing.md#Damaged boxes and items"},
	{"why was i charged twice this month", "billing.md#Charged twice"},
	{"there is a charge of nineteen dollars on my card that i don't recognize", "billing.md#A charge you do not recognize"},
	{"can i get a copy of my invoice for march", "billing.md#Invoices"},
	{"i want to update um my credit card", "payment.md#Updating a credit card"},
	{"what time do you open on saturday", "opening-hours.md#Store hours"},
	{"are you open on public holidays", "opening-hours.md#Public holidays"},
	{"when does the store close tonight", "opening-hours.md#Store hours"},
	{"i want to cancel my subscription", "cancel-membership.md#How to cancel"},
	{"please stop the automatic renewal", "membership.md#Automatic renewal"},
	{"if i cancel today do i lose access right away", "cancel-membership.md#After you cancel"},
	{"the app crashes every time i open it", "app.md#The app crashes or does not open"},
	{"my printer stopped working after the update", "printers.md#The printer stopped working after an update"},
	{"my coffee machine leaks water everywhere", "coffee-machines.md#The machine leaks water"},
	{"can i get a replacement", "warranty.md"},
	{"how long do i have to return something", "returns.md#How long you can return"},
	{"can i exchange it for another size", "returns.md#Exchanges"},
	{"do you sell gift cards", "gift-cards.md#Gift cards"},
	{"how do i talk to a human being or a person", "contact.md#Talking to a person"},
	{"where are your shops", "stores.md#Where to find us"},
	{"my lamp keeps flickering", "lamps.md#The lamp flickers"},
	{"how do i reset my router", "routers.md#Resetting a router"},
	{"the internet is really slow", "routers.md#No internet or slow wifi"},
	{"how do i delete my account", "account.md#Deleting an account"},
	{"my parcel says delivered but i don't have it", "damaged-or-missing.md#Delivered but not there"},
	{"um i'm not sure which plan i have", "membership.md#Which plan you have"},
	{"can i pay with paypal", "payment.md#Ways to pay"},
}

func TestSearchAnswersQuestionsOfDemoCallers(t *testing.T) {
	k := openKnowledge(t, "../../agents/demo/knowledge")
	if problems := k.Problems(); len(problems) > 0 {
		t.Errorf("got problems %v, want none", problems)
	}
	right := 0
	for _, q := range demoQuestions {
		found := search(t, k, q.asked, 1)
		if len(found) == 1 && strings.HasPrefix(found[0].File+"#"+found[0].Heading, q.answer) {
			right++
			continue
		}
		t.Logf("%q: want %s, got %+v", q.asked, q.answer, found)
	}
	if want := len(demoQuestions) * 9 / 10; right < want {
		t.Errorf("the right passage came first for %d of %d questions, want %d", right, len(demoQuestions), want)
	}
}

func TestUnknownTopicsAreNotAnswered(t *testing.T) {
	k := openKnowledge(t, "../../agents/demo/knowledge")
	for _, asked := range []string{
		"what is the capital of france", "who won the football game", "can you recommend a good restaurant",
		"how do i bake a cake", "what's the weather tomorrow", "tell me a joke", "do you sell cars",
		"uh huh", "yes", "no thank you", "hello is anyone there", "", "four seven three two nine",
	} {
		for _, p := range search(t, k, asked, 1) {
			if p.IsAnswer {
				t.Errorf("Search(%q) answers with %s # %s, confidence %.2f", asked, p.File, p.Heading, p.Confidence)
			}
		}
	}
}
