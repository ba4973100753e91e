package words

import "testing"

func TestBackchannelsAndGoodbyes(t *testing.T) {
	for _, tt := range []struct {
		text                 string
		backchannel, goodbye bool
	}{
		{"Uh huh.", true, false},
		{"okay", true, false},
		{"Mm, right, yeah.", true, false},
		{"I see", true, false},
		{"uh", true, false},
		{"", true, false},
		{"stop", false, false},
		{"okay but what about returns", false, false},
		{"no", false, false},
		{"wait", false, false},
		{"Goodbye!", false, true},
		{"no thanks that's all bye", false, true},
		{"bye bye", false, true},
		{"thank you good bye", false, true},
		{"can I say bye?", false, false},
		{"I want to buy a lamp", false, false},
		{"the man who sold me the lamp never even said goodbye", false, false},
	} {
		if got := IsBackchannel(tt.text); got != tt.backchannel {
			t.Errorf("IsBackchannel(%q) = %v", tt.text, got)
		}
		if got := IsGoodbye(tt.text); got != tt.goodbye {
			t.Errorf("IsGoodbye(%q) = %v", tt.text, got)
		}
	}
}

func TestNoiseAndRequestsForTime(t *testing.T) {
	for _, tt := range []struct {
		text            string
		noise, wantTime bool
	}{
		{"though", true, false},
		{"the flood", true, false},
		{"look you you", true, false},
		{"no", false, false},
		{"stop", false, false},
		{"why", false, false},
		{"my printer", false, false},
		{"Hold on a second.", false, true},
		{"one moment please", false, true},
		{"okay, just a minute", false, true},
		{"wait a second that's wrong", false, false},
		{"wait stop", false, false},
		{"one", true, false},
	} {
		if got := MayBeNoise(tt.text); got != tt.noise {
			t.Errorf("MayBeNoise(%q) = %v", tt.text, got)
		}
		if got := IsRequestForTime(tt.text); got != tt.wantTime {
			t.Errorf("IsRequestForTime(%q) = %v", tt.text, got)
		}
	}
}

func TestUrgentWordsAndAffirmations(t *testing.T) {
	for _, tt := range []struct {
		text        string
		urgent, yes bool
	}{
		{"Okay, fine.", false, true},
		{"mhm", false, false},
		{"please stop", true, true},
		{"the lamp", false, false},
	} {
		if got := IsUrgent(tt.text); got != tt.urgent {
			t.Errorf("IsUrgent(%q) = %v", tt.text, got)
		}
		if got := IsAffirmation(tt.text); got != tt.yes {
			t.Errorf("IsAffirmation(%q) = %v", tt.text, got)
		}
	}
}

func TestIsEnglish(t *testing.T) {
	for tag, want := range map[string]bool{"": true, "en": true, "en-GB": true, "EN_us": true, "de": false, "enm": false, "es-en": false} {
		if got := IsEnglish(tag); got != want {
			t.Errorf("IsEnglish(%q) = %v", tag, got)
		}
	}
}

func TestClipCutsBetweenCharacters(t *testing.T) {
	for _, tt := range []struct {
		text string
		size int
		want string
	}{{"abc", 5, "abc"}, {"abc", 2, "ab"}, {"né", 2, "n"}, {"né", 3, "né"}, {"a\xffb", 9, "ab"}, {"", 0, ""}} {
		if got := Clip(tt.text, tt.size); got != tt.want {
			t.Errorf("Clip(%q, %d) = %q", tt.text, tt.size, got)
		}
	}
}

func TestPrintableDropsWhatIsNotText(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb\tc":                        "a\nb\tc",
		"a\r\nb":                         "a\nb",
		"\x1b]0;owned\x07\x1b[2Jx":       "]0;owned[2Jx",
		"nul\x00 \u0085c1\u009b":         "nul c1",
		"\u202eevil\u202c \u2066x\u2069": "evil x",
		"tag\U000e0041\U000e007f":        "tag",
		"\ufeffbom\u200b\u200f\u2028":    "bom",
		"\xff\xfeé 日本":                   "é 日本",
		"👩\u200d🔧":                       "👩\u200d🔧",
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRequestsForAPerson(t *testing.T) {
	for _, text := range []string{"can I talk to a person", "agent please", "I want to speak to a human", "give me a real person", "I need somebody to help me",
		"please call me back", "put me through to your manager", "I'd rather have a person", "Ich möchte mit einem Menschen sprechen", "einen Mitarbeiter bitte",
		"je voudrais parler à quelqu'un", "un conseiller s'il vous plaît", "quiero hablar con una persona", "un agente por favor"} {
		if !IsRequestForPerson(text) {
			t.Errorf("%q is a request", text)
		}
	}
	for _, text := range []string{"", "what are your opening hours", "does a person need to be at home for the delivery", "is there somebody in the store on Sunday",
		"are you a person", "no I don't want to talk to a person", "someone stole my parcel yesterday at the door", "how many people work there", "the agent on the phone was nice yesterday",
		"ist samstags jemand im Laden", "il y a quelqu'un le dimanche dans le magasin", "¿es usted una persona?"} {
		if IsRequestForPerson(text) {
			t.Errorf("%q is no request", text)
		}
	}
}

func TestCallersWhoNeedNothingMore(t *testing.T) {
	for _, text := range []string{"no thanks", "no that's all", "thank you goodbye", "I'm done", "nothing else thanks", "nein danke", "non merci", "no gracias, eso es todo"} {
		if !NeedsNothingMore(text) {
			t.Errorf("%q needs nothing more", text)
		}
	}
	for _, text := range []string{"", "no it is the blue one", "thanks, and when do you open", "that is not all I need", "the other thing"} {
		if NeedsNothingMore(text) {
			t.Errorf("%q needs more", text)
		}
	}
}
