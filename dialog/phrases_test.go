package dialog

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
