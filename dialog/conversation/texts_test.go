package conversation

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
)

// ownLanguages are the languages that have texts of their own.
var ownLanguages = map[string]*texts{"de-DE": germanTexts, "fr-FR": frenchTexts, "es-ES": spanishTexts}

func TestEveryTextIsTranslated(t *testing.T) {
	english := reflect.ValueOf(*englishTexts)
	for language := range ownLanguages {
		checkTranslated(t, language, english, reflect.ValueOf(*textsFor(language)))
	}
}

// checkTranslated fails if a text is missing or the same as in English.
func checkTranslated(t *testing.T, path string, english, other reflect.Value) {
	t.Helper()
	switch english.Kind() {
	case reflect.Struct:
		for i := range english.NumField() {
			checkTranslated(t, path+"."+english.Type().Field(i).Name, english.Field(i), other.Field(i))
		}
	case reflect.Slice:
		if english.Len() != other.Len() {
			t.Errorf("%s has %d texts, want %d", path, other.Len(), english.Len())
			return
		}
		for i := range english.Len() {
			checkTranslated(t, path, english.Index(i), other.Index(i))
		}
	default:
		if other.String() == "" || other.String() == english.String() {
			t.Errorf("%s is %q", path, other.String())
		}
	}
}

func TestAgentSpeaksItsOwnTextsInItsLanguage(t *testing.T) {
	for language, want := range ownLanguages {
		agent := &dialog.Agent{Language: language, Model: echoModel, Greeting: "…!", Silence: dialog.Silence{Wait: 5 * time.Second, MaxPrompts: 1}}
		p, _ := voiceCall(t, agent, Options{}, func(p *fakePhone) { p.wait(time.Minute) })
		if got := strings.Join(p.replies(), "|"); got != "…!|"+want.prompt+"|"+want.farewell {
			t.Errorf("%s: unexpected replies %q", language, got)
		}
	}
}

func TestSlowReplyInGermanBeginsWithAGermanFiller(t *testing.T) {
	m := &delayedModel{delay: 2 * time.Second}
	p, _ := voiceCall(t, &dialog.Agent{Model: m.model(), Language: "de"}, Options{}, func(p *fakePhone) {
		p.says("wo ist meine bestellung")
		p.wait(10 * time.Second)
	})
	if got := p.turns()[0].Reply; !strings.HasPrefix(got, germanTexts.fillers[1]) {
		t.Errorf("unexpected reply %q", got)
	}
}

func TestLanguageWithoutTextsHasNoFiller(t *testing.T) {
	m := &delayedModel{delay: 2 * time.Second}
	p, _ := voiceCall(t, &dialog.Agent{Model: m.model(), Language: "it-IT"}, Options{}, func(p *fakePhone) {
		p.says("dove si trova")
		p.wait(10 * time.Second)
	})
	if got := p.turns()[0].Reply; got != "You said: dove si trova." {
		t.Errorf("unexpected reply %q", got)
	}
}

func TestModelIsToldTheLanguage(t *testing.T) {
	var instructions string
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		instructions = p.Instructions
		yield(dialog.Chunk{Text: "Ja."}, nil)
	})
	voiceCall(t, &dialog.Agent{Model: model, Language: "de-AT"}, Options{}, func(p *fakePhone) {
		p.says("sind sie da")
		p.wait(5 * time.Second)
	})
	if !strings.Contains(instructions, "de-AT") {
		t.Errorf("the instructions do not name the language: %q", instructions)
	}
}

func TestCallerWithoutARecognizerIsToldWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name        string
		isTelephone bool
		want        string
	}{
		{"telephone", true, germanTexts.notices.pressKeys},
		{"page", false, germanTexts.notices.cannotHear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			agent := &dialog.Agent{Language: "de", Model: echoModel, Greeting: "Guten Tag."}
			isDeaf := func(a *dialog.Agent, line *dialog.Line) {
				a.Recognizer = nil
				line.HasKeypad = tt.isTelephone
			}
			p, r := preparedCall(t, agent, Options{}, isDeaf, func(p *fakePhone) {
				p.wait(20 * time.Second)
				p.presses("4711#")
				p.wait(3 * time.Minute)
			})
			want := "Guten Tag.|" + tt.want + "|You said: 4711#.|" + germanTexts.farewell
			if got := strings.Join(p.replies(), "|"); got != want {
				t.Errorf("got replies %q, want %q", got, want)
			}
			if p.notices() != "cannot_hear" || r.outcome != dialog.NoAnswer {
				t.Errorf("notices %q, outcome %q", p.notices(), r.outcome)
			}
		})
	}
}
