package clerk

import (
	"strings"
	"testing"
)

func TestEmergencyNumberOfRegion(t *testing.T) {
	for language, want := range map[string]string{"en-US": "911", "en_GB": "999", "en": "911 or 112", "": "911 or 112", "de-DE": "112", "fr-CA": "911", "es": "112"} {
		if got := emergencyNumber(language); got != want {
			t.Errorf("%q: got %s, want %s", language, got, want)
		}
	}
}

func TestEmergenciesComeFirst(t *testing.T) {
	for said, isEmergency := range map[string]bool{
		"my lamp is on fire":                           true,
		"i smell gas in the kitchen":                   true,
		"help he is not breathing":                     true,
		"my toaster burns everything":                  false,
		"do you have an emergency appointment today":   false,
		"what is the number of your emergency plumber": false,
	} {
		c := newConversation(t, demoTools(t))
		if got := c.say(said); strings.Contains(got, "call 911") != isEmergency {
			t.Errorf("%q: got %q", said, got)
		}
	}
}

func TestOtherLanguagesGetAnHonestAnswer(t *testing.T) {
	c := newConversation(t, demoTools(t))
	if got := c.takeTurn("Können Sie mir bitte sagen, wo meine Lieferung bleibt?", true); !strings.HasPrefix(got, englishPhrases.onlyLanguage) {
		t.Errorf("got %q", got)
	}
	c.agent.Language = "de-DE"
	if got := c.takeTurn("can you tell me when you open on saturday please", true); !strings.HasPrefix(got, germanPhrases.onlyLanguage) {
		t.Errorf("got %q", got)
	}
}
