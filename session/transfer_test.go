package session_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/tools"
	"frontdesk/tools/gate"
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

// takeoverTool asks for a person.
type takeoverTool struct{}

func (takeoverTool) Spec() tools.Spec {
	return tools.Spec{Name: "person", Parameters: []byte(`{"type":"object"}`), Rule: gate.Rule{Effect: gate.Communication, Consent: gate.NoConsent}}
}

func (takeoverTool) Call(context.Context, tools.Call) (tools.Result, error) {
	return tools.Result{Output: []byte(`{}`), Notes: []tools.Note{{Kind: "handover", ID: "T-1"}}}, nil
}

// Whoever keeps the promise of a call-back learns when nobody takes the call any more.
func TestEndOfATransferIsAwaited(t *testing.T) {
	for name, failure := range map[string]error{"nobody": fault.New(fault.NoAnswer, "nobody answered"), "taken": nil} {
		t.Run(name, func(t *testing.T) {
			registry, err := tools.NewRegistry(takeoverTool{})
			require.NoError(t, err)
			d := desktest.New(t, &dialog.Agent{Name: "shop", Language: "en-US", Model: callingModel{"person"}, Tools: registry,
				Handover: dialog.Handover{To: "200", Blind: true}}).Desk
			require.NoError(t, d.AwaitTransfer(t.Context(), "sess_of_nobody", "T-1"))
			c, err := d.Admit(t.Context(), session.Caller{})
			require.NoError(t, err)
			transferred, ended := make(chan struct{}), make(chan session.Ending, 1)
			inputs := make(chan dialog.Heard)
			line := dialog.Line{Inputs: inputs, Emit: func(dialog.Event) {}, Refer: func(context.Context, string) error { <-transferred; return failure }}
			go func() { ended <- c.Run(t.Context(), line) }()
			inputs <- dialog.Heard{Kind: dialog.Typed, Item: "item_1", Text: "a person, please", At: time.Now()}
			inputs <- dialog.Heard{Kind: dialog.Respond, At: time.Now()}
			awaited := make(chan error, 1)
			go func() { awaited <- d.AwaitTransfer(t.Context(), c.Session(), "T-1") }()
			select {
			case err := <-awaited:
				t.Errorf("the transfer ended before it did: %v", err)
			case <-time.After(100 * time.Millisecond):
			}
			close(transferred)
			require.NoError(t, <-awaited)
			if failure == nil {
				if e := <-ended; e.Result != session.Transferred {
					t.Errorf("the call ended as %+v", e)
				}
				return
			}
			if len(ended) > 0 {
				t.Error("the call ended with its transfer")
			}
			c.HangUp()
			<-ended
		})
	}
}
