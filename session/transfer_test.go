package session_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
	"frontdesk/session"
)

// recordingVoice records what it is asked to say, as 20 ms of silence a clause.
type recordingVoice struct{ said []string }

func (v *recordingVoice) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	v.said = append(v.said, text)
	return func(yield func([]int16, error) bool) { yield(make([]int16, media.MouthRate/50), nil) }
}

// silentSink takes frames and plays nothing.
type silentSink struct{}

func (silentSink) WriteFrame([]int16) error { return nil }

func TestPersonHearsTheLanguageOfTheAgent(t *testing.T) {
	for language, want := range map[string]string{
		"en-US": "A call for Willow. Order 47. Press one to take the call.",
		"de-DE": "Ein Anruf für Willow. Order 47. Drücken Sie die Eins, um das Gespräch anzunehmen.",
		"fr-FR": "Un appel pour Willow. Order 47. Appuyez sur le un pour prendre l'appel.",
		"es-ES": "Una llamada para Willow. Order 47. Pulse el uno para aceptar la llamada.",
	} {
		synctest.Test(t, func(t *testing.T) {
			v := &recordingVoice{}
			agent := &dialog.Agent{Title: "Willow", Language: language, Synthesizer: v}
			person := dialog.Line{Sink: silentSink{}, Inputs: make(chan dialog.Heard)}
			err := session.AnnounceCaller(t.Context(), agent, person, dialog.HandoverRequest{Summary: "Order 47."})
			if got := strings.Join(v.said, " "); fault.From(err).Code != fault.NoAnswer || got != want+" "+want {
				t.Errorf("%s: error %v, said %q", language, err, got)
			}
		})
	}
}
