package clerk

import (
	"testing"

	"frontdesk/internal/words"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func TestIntents(t *testing.T) {
	r := newResponder(dialog.Prompt{Agent: &dialog.Agent{}, Tools: []tools.Spec{{
		Name: "order_status", Parameters: []byte(`{"type":"object","properties":{"key":{}},"required":["key"]}`),
	}}})
	for _, group := range []struct {
		want intent
		said []string
	}{
		{wantPerson, []string{"can i talk to a real person", "agent please", "this isn't helping let me speak to your manager",
			"just connect me to somebody in billing", "i want to speak with a human", "operator", "representative", "put me through to the refunds department",
			"is there someone i can talk to", "i'd like to talk to your supervisor please", "could you transfer me to customer service", "human", "get me a person",
			"i need to speak to someone", "please call me back", "give me a real agent now", "Can I speak with a representative?", "i want a human"}},
		{recordStatus, []string{"where is my order number four seven three two nine", "can you check order eight eight one five zero",
			"i ordered a lamp last tuesday and it still hasn't shipped", "my order number is uh six one nine four two",
			"has my package left the warehouse yet", "it's order two two seven three zero five", "where's my package", "track my order",
			"when will my order arrive", "my order hasn't arrived yet", "i'm still waiting for my parcel", "what's the status of my order",
			"is my order on its way", "did my package ship", "47329", "Order #47329", "has my order been shipped", "any update on my order", "i haven't received my package"}},
		{newTicket, []string{"can you open a ticket for me", "the app crashes every time i open it please create a ticket", "i'd like to report a problem with my router",
			"create a support ticket", "i want to file a complaint", "open a ticket", "i need a ticket", "could you make a ticket about my lamp", "please log an issue with my printer", "I want to report a bug"}},
		{ticketStatus, []string{"what is the status of ticket t one zero four two", "any news on my ticket t two zero seven",
			"i opened a ticket last week the number is t three one one eight", "has my ticket been resolved", "what's happening with my ticket",
			"can you check ticket t five five", "ticket number one zero zero one", "do you have an update on ticket tea two zero", "is my ticket solved"}},
		{closeTicket, []string{"can you close ticket t nine five", "please close my ticket", "cancel ticket t one two"}},
		{noteTicket, []string{"please add a note to my ticket", "update my ticket"}},
		{repeat, []string{"sorry can you repeat that", "what did you say", "could you say that again", "pardon", "come again please", "i didn't catch that", "one more time please", "sorry what"}},
		{holdOn, []string{"hold on a second", "one moment please", "wait", "just a minute", "hang on", "give me a second", "let me check", "wait a moment please", "um"}},
		{stopTalking, []string{"wait stop", "stop", "please stop", "stop talking", "be quiet"}},
		{objection, []string{"no no no that's not what i asked", "no that's not right", "that is wrong", "you misunderstood me", "no no", "that's not what i meant"}},
		{complaint, []string{"this isn't helping", "this is ridiculous", "you are useless", "what a waste of time"}},
		{goodbye, []string{"thanks for your help goodbye", "bye", "thank you that's all", "okay bye bye", "no that's it", "have a nice day", "nothing else thanks"}},
		{thanks, []string{"thanks", "thank you so much", "okay great thanks", "perfect thank you for your help", "cheers"}},
		{greeting, []string{"hello is anyone there", "hi there", "good morning", "can you hear me", "hello", "hello hello"}},
		{yes, []string{"yes", "yes that's correct", "yep", "yes please", "sure", "correct", "that's right", "go ahead", "yeah", "of course"}},
		{no, []string{"no", "no thank you", "nope", "not really", "no thanks"}},
		{backchannel, []string{"uh huh", "okay", "right", "mm hmm", "got it", "i see", "alright"}},
		{neverMind, []string{"never mind", "forget it", "no ticket please"}},
		{areYouRobot, []string{"are you a robot", "am i talking to a machine", "are you a real person"}},
		{announcement, []string{"i have a question", "can i ask you something", "i need help", "i have a problem", "can you help me"}},
		{abilities, []string{"what can you do", "help"}},
		{giveContact, []string{"my email is j o h n at example dot com", "it's m a r y dot s m i t h at example dot org", "that's b as in boy r as in red y as in yellow",
			"my phone number is five five five one two three four", "john@example.com"}},
		{wordless, []string{"", "   ", "...", "?!", "the", "u s", "but the"}},
		{inquiry, []string{"how do i track my order", "can i return my order", "my package arrived damaged", "do you ship to canada", "i want to cancel my order",
			"when will my refund arrive", "can someone else pick up my package", "how much is express shipping", "no refund has come to my account after three weeks",
			"please stop the automatic renewal", "i want to cancel my subscription", "the code is wrong what do i do", "what is a good lamp"}},
	} {
		for _, said := range group.said {
			if got := r.intentOf(newUtterance(said)); got != group.want {
				t.Errorf("%q: got intent %d, want %d", said, got, group.want)
			}
		}
	}
}

func TestSpokenNumbers(t *testing.T) {
	for said, want := range map[string]string{
		"where is my order number four seven three two nine":       "47329",
		"it's order two two seven ... three zero five":             "227305",
		"eighty eight one fifty":                                   "88150",
		"six one, uh, nine four two":                               "61942",
		"double two seven three oh":                                "22730",
		"four seven no sorry four eight three two nine":            "48329",
		"no it's four seven three two nine":                        "47329",
		"a charge of nineteen dollars":                             "",
		"i waited three weeks for order four seven three two nine": "47329",
		"#47329":         "47329",
		"no number here": "",
	} {
		if got := number(newUtterance(said).plain); got != want {
			t.Errorf("%q: got %q, want %q", said, got, want)
		}
	}
}

func TestSpokenAndSpelledContacts(t *testing.T) {
	for said, want := range map[string]contact{
		"my email is j o h n at example dot com":                                     {"john@example.com", email},
		"it's m a r y dot s m i t h ... at example dot org":                          {"mary.smith@example.org", email},
		"bob dot jones at g mail dot com please":                                     {"bob.jones@gmail.com", email},
		"my e-mail address is anna underscore two at mail dot example dot co dot uk": {"anna_2@mail.example.co.uk", email},
		"j as in john o h n at example dot com":                                      {"john@example.com", email},
		"it's jay oh aitch en at example dot com":                                    {"john@example.com", email},
		"Mail me at John.Smith@Example.com, please.":                                 {"john.smith@example.com", email},
		"k l a u s dash p at example dot de thank you":                               {"klaus-p@example.de", email},
		"you can call me at five five five one two three four five six seven":        {"5551234567", phoneNumber},
		"+1 (555) 010-2345":                             {"+15550102345", phoneNumber},
		"My number is 5 5 5, 0 1 2 3 4 5 6.":            {"5550123456", phoneNumber},
		"that's b as in boy r as in red y as in yellow": {"Bry", personName},
		"my name is anna smith":                         {"Anna Smith", personName},
		"i am at home":                                  {},
		"what is at the store":                          {},
		"meet me at nine":                               {},
	} {
		got := findContact(newUtterance(said), want.kind == personName && said[:2] == "my")
		if got != want {
			t.Errorf("%q: got %+v, want %+v", said, got, want)
		}
	}
}

func TestSplitQuestions(t *testing.T) {
	for said, want := range map[string]int{
		"first where is my order and second can i still return it":                             2,
		"okay so i have two questions first where is my order and second can i return it":      2,
		"do you ship to canada and how much is it":                                             2,
		"Do you ship to Canada? How much is it?":                                               2,
		"what time do you open on saturday and are you open on public holidays":                2,
		"i bought a coffee machine from you it leaks water everywhere can i get a replacement": 1,
		"salt and pepper": 1,
		"":                1,
	} {
		if got := splitQuestions(words.LexiconOf("en"), newUtterance(said)); len(got) != want {
			t.Errorf("%q: got %d questions, want %d: %+v", said, len(got), want, got)
		}
	}
}
