package conversation

import "testing"

func TestBackchannelsAndFarewellsAreTold(t *testing.T) {
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
		if got := isBackchannel(tt.text); got != tt.backchannel {
			t.Errorf("isBackchannel(%q) = %v", tt.text, got)
		}
		if got := isGoodbye(tt.text); got != tt.goodbye {
			t.Errorf("isGoodbye(%q) = %v", tt.text, got)
		}
	}
}

func TestShortWordsAndAsidesAreTold(t *testing.T) {
	for _, tt := range []struct {
		text         string
		brief, aside bool
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
		if got := isBrief(tt.text); got != tt.brief {
			t.Errorf("isBrief(%q) = %v", tt.text, got)
		}
		if got := isAside(tt.text); got != tt.aside {
			t.Errorf("isAside(%q) = %v", tt.text, got)
		}
	}
}
