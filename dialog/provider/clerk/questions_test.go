package clerk

import (
	"strings"
	"testing"

	"frontdesk/internal/words"
)

// The questions are what callers say, as a recognizer writes it.
func TestClerkAnswersFromTheRightPage(t *testing.T) {
	registry := demoTools(t)
	for _, c := range []struct{ asked, page, words string }{ // the answer must contain words
		{"hi i forgot my password and i can't log in", "Password and login", "Forgot password"},
		{"i cannot remember my password", "Password and login", "Forgot password"},
		{"how do i change my password", "Password and login", "Security"},
		{"the reset link never arrived in my inbox", "Password and login", "spam folder"},
		{"i didn't get the password email", "Password and login", "spam folder"},
		{"it says my account is locked after too many attempts", "Password and login", "thirty minutes"},
		{"i'm locked out of my account", "Password and login", "unlock"},
		{"i changed my phone and now the security code doesn't reach me", "Password and login", "Other ways"},
		{"i never received the verification code", "Password and login", "security code"},
		{"how do i track a package", "Tracking an order", "order"},
		{"can i change my order", "Tracking an order", "until it leaves the warehouse"},
		{"i would like a refund for my last purchase", "Refunds", "return the item"},
		{"how long does a refund take", "Refunds", "five to seven working days"},
		{"when will i get my refund", "Refunds", "five to seven working days"},
		{"i returned the shoes two weeks ago i still don't have my money back", "Refunds", "ticket"},
		{"you refunded the wrong amount it should be forty five dollars", "Refunds", "wrong amount"},
		{"you only gave me back half of the money", "Refunds", "wrong amount"},
		{"do you ship to canada", "International shipping", "Canada"},
		{"do you deliver to mexico", "International shipping", "Mexico"},
		{"do you ship to australia", "International shipping", "not to Australia"},
		{"how much does delivery cost to england", "International shipping", "25 dollars"},
		{"how much is express shipping", "Shipping", "12 dollars"},
		{"wait stop them much is express shipping", "Shipping", "12 dollars"},
		{"hold on a second do you ship to canada", "International shipping", "Canada"},
		{"how much for express delivery", "Shipping", "12 dollars"},
		{"how long does standard delivery take", "Shipping", "three to five working days"},
		{"is shipping free", "Shipping", "over 50 dollars"},
		{"do you deliver on sundays", "Shipping", "not deliver on Sundays"},
		{"what happens if i'm not at home", "Shipping", "tries again"},
		{"i need to change my delivery address", "Changing your address", "until your order leaves the warehouse"},
		{"i moved and need to update my address", "Changing your address", "Addresses"},
		{"the box was damaged when it arrived", "Damaged, wrong or missing items", "damaged"},
		{"my package arrived broken", "Damaged, wrong or missing items", "damaged"},
		{"the item i got is the wrong one", "Damaged, wrong or missing items", "the right one"},
		{"it says delivered but i don't have it", "Damaged, wrong or missing items", "neighbors"},
		{"why was i charged twice this month", "Charges and invoices", "reservation"},
		{"i was billed two times", "Charges and invoices", "reservation"},
		{"there is a charge of nineteen dollars on my card that i don't recognize", "Charges and invoices", "19 dollars"},
		{"can i get a copy of my invoice for march", "Charges and invoices", "My orders"},
		{"i need a receipt for my purchase", "Charges and invoices", "invoice"},
		{"i want to update um my credit card", "Payment and credit cards", "Add card"},
		{"my card expired how do i change it", "Payment and credit cards", "Add card"},
		{"do you take paypal", "Payment and credit cards", "PayPal"},
		{"what time do you open on saturday", "Opening hours", "On Saturday our stores open at 9 am"},
		{"what time to you open on saturday", "Opening hours", "On Saturday our stores open at 9 am"},
		{"are you open on public holidays", "Opening hours", "10 am to 4 pm"},
		{"when does the store close tonight", "Opening hours", "8 pm"},
		{"are you open on sunday", "Opening hours", "11 am"},
		{"are you open on christmas", "Opening hours", "Christmas"},
		{"what are your opening hours", "Opening hours", "9 am"},
		{"i want to cancel my subscription", "Canceling Willow Plus", "Cancel membership"},
		{"how do i cancel my membership", "Canceling Willow Plus", "Cancel membership"},
		{"if i cancel today do i lose access right away", "Canceling Willow Plus", "do not lose access"},
		{"please stop the automatic renewal", "Willow Plus membership", "Renew automatically"},
		{"turn off auto renewal", "Willow Plus membership", "Renew automatically"},
		{"um i'm not sure which plan i have", "Willow Plus membership", "choose Membership"},
		{"how much does the membership cost", "Willow Plus membership", "5 dollars a month"},
		{"my printer stopped working after the update", "Printers", "switch the printer off and on"},
		{"i need help with my printer it has a paper jam", "Printers", "rear door"},
		{"my router keeps disconnecting", "Routers and internet", "unplug"},
		{"my lamp is flickering", "Lamps and lighting", "screw the bulb"},
		{"the app won't open on my phone", "The Willow Lane app", "install it again"},
		{"i bought a coffee machine from you it leaks water everywhere can i get a replacement", "Coffee machines", "replace"},
		{"how long is the warranty", "Warranty and replacements", "two years"},
		{"how do i return an item", "Returns", "return"},
		{"can i exchange the shoes for another size", "Returns", "exchange"},
		{"do you have gift cards", "Gift cards and discounts", "10 to 500 dollars"},
		{"is there a student discount", "Gift cards and discounts", "10 percent"},
		{"where are your stores", "Our stores", "Portland, Denver"},
		{"is there parking at the store", "Our stores", "free parking"},
		{"how do i delete my account", "Your account", "Delete account"},
	} {
		reply := newConversation(t, registry).say(c.asked)
		if !strings.Contains(reply, "page "+c.page+".") || !strings.Contains(reply, c.words) {
			t.Errorf("%s\n  got  %s\n  want %q from %s", c.asked, reply, c.words, c.page)
		}
		if n := len(strings.Fields(reply)); n > 75 {
			t.Errorf("%s\n  the answer is %d words long: %s", c.asked, n, reply)
		}
	}
}

func TestClerkDoesNotInventAnswers(t *testing.T) {
	registry := demoTools(t)
	for _, asked := range []string{
		"do you sell bicycles", "what is the weather tomorrow", "who is the president", "what is the capital of france",
		"can you tell me a joke", "how do i bake a cake", "who won the football game", "is my neighbor nice",
		"blah flurb", "please sing a song for me", "can you recommend a good restaurant",
	} {
		reply := newConversation(t, registry).say(asked)
		if !strings.HasPrefix(reply, englishPhrases.unknown) || !strings.HasSuffix(reply, englishPhrases.ask[shallOpenTicket]) {
			t.Errorf("%s\n  got %s\n  want no answer and the offer of a ticket", asked, reply)
		}
	}
}

func TestAnswerConsistsOfSentencesOfThePage(t *testing.T) {
	passages := []passage{
		{Page: "Prices", Heading: "Shipping", Text: "Shipping costs 5 dollars. It is free over 50 dollars. Gifts are wrapped.", Score: 1},
		{Page: "Other", Text: "Nothing here about it! Really?", Score: 0.1},
	}
	a := chooseAnswer(words.LexiconOf("en"), "how much is shipping", "", passages)
	if a.text != "Shipping costs 5 dollars. It is free over 50 dollars." || a.page != "Prices" || !a.isSure {
		t.Errorf("got %+v", a)
	}
	if a := chooseAnswer(words.LexiconOf("en"), "how much is it", "", passages); a.text != "" {
		t.Errorf("question without a topic: got %+v, want no answer", a)
	}
	if a := chooseAnswer(words.LexiconOf("en"), "shipping", "", nil); a.text != "" {
		t.Errorf("no passages: got %+v, want no answer", a)
	}
}

func TestSentences(t *testing.T) {
	for text, want := range map[string]string{
		"One. Two! Three?":                "One.|Two!|Three?",
		"It costs 9.50 dollars. Yes.":     "It costs 9.50 dollars.|Yes.",
		"Ask e.g. Mr. Smith. Then go.":    "Ask e.g. Mr. Smith.|Then go.",
		"no full stop\nnext line":         "no full stop|next line",
		"see www.shop.example for more. ": "see www.shop.example for more.",
		"":                                "",
	} {
		if got := strings.Join(sentences(text), "|"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
