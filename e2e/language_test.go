package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"frontdesk/internal/fakeai"
)

// TestAgentsHearAndSpeakTheirLanguage speaks to agents whose words a server recognizes, and
// whom espeak-ng speaks for.
func TestAgentsHearAndSpeakTheirLanguage(t *testing.T) {
	t.Parallel() // waits for audio
	for language, c := range map[string]struct{ title, page, asks, answer string }{
		"de": {"Öffnungszeiten", "Am Samstag öffnen wir um neun Uhr.", "Wann öffnen Sie am Samstag?", "um neun Uhr"},
		"fr": {"Horaires", "Le samedi, nous ouvrons à neuf heures.", "À quelle heure ouvrez-vous le samedi ?", "à neuf heures"},
		"es": {"Horario", "El sábado abrimos a las nueve.", "¿A qué hora abren el sábado?", "a las nueve"},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			ai := fakeai.New(fakeai.Options{Transcripts: []string{c.asks}})
			defer ai.Close()
			agents := folder(t, map[string]string{
				"demo/agent.yaml":         fmt.Sprintf("name: demo\nlanguage: %s\ntools: {allow: [search_knowledge]}\n", language),
				"demo/knowledge/hours.md": "# " + c.title + "\n\n" + c.page + "\n",
			})
			s := start(t, args("--agents", agents), env("FRONTDESK_STT_PROVIDER=auto", "FRONTDESK_STT_URL="+ai.URL, "FRONTDESK_STT_MODEL=whisper-1", "FRONTDESK_TTS_PROVIDER=espeak"))
			// What the caller says does not matter: the server always returns the same transcript.
			out, err := exec.CommandContext(t.Context(), program, "call", "--url", s.url, "--say", "When do you open on Saturday?").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{"heard   " + c.asks, c.answer} {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is missing in the call:\n%s", want, out)
				}
			}
			asked := ai.Requests()
			if len(asked) == 0 {
				t.Fatal("the server was not asked")
			}
			if got := asked[0].Fields["language"]; got != language {
				t.Errorf("the server was asked for the language %q", got)
			}
		})
	}
}
