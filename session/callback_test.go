package session_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/session"
)

// silentSource is a line on which nobody speaks.
type silentSource struct{ ctx context.Context }

func (s silentSource) ReadFrame(frame []int16) error {
	time.Sleep(20 * time.Millisecond)
	clear(frame)
	return s.ctx.Err()
}

func TestPersonAndCallerAreConnectedInThisOrder(t *testing.T) {
	busy := fault.New(fault.Busy, "the line is busy")
	for name, c := range map[string]struct {
		person, caller   error
		personHangsUp    bool // while the caller's telephone rings
		hasPerson        bool
		code             fault.Code
		dialed, hungUp   string
		skipConfirmation bool
	}{
		"connected":       {hasPerson: true, dialed: "200 +49301", hungUp: "+49301 200", skipConfirmation: true},
		"person busy":     {person: busy, code: fault.Busy, dialed: "200", skipConfirmation: true},
		"caller busy":     {caller: busy, hasPerson: true, code: fault.Busy, dialed: "200 +49301", hungUp: "200", skipConfirmation: true},
		"no key":          {code: fault.NoAnswer, dialed: "200", hungUp: "200"},
		"person hangs up": {personHangsUp: true, code: fault.NoAnswer, dialed: "200 +49301", hungUp: "200", skipConfirmation: true},
	} {
		t.Run(name, func(t *testing.T) {
			v := &recordingVoice{}
			agent := &dialog.Agent{Name: "shop", Title: "Willow", Language: "en-US", Synthesizer: v, Handover: dialog.Handover{To: "200", SkipConfirmation: c.skipConfirmation}}
			store, _ := desktest.OpenStore(t)
			synctest.Test(t, func(t *testing.T) {
				var dialed, hungUp []string
				person, caller := make(chan dialog.Heard), make(chan dialog.Heard)
				d := desktest.New(t, agent, func(o *session.Options) {
					o.Store = store
					o.Dial = func(ctx context.Context, to string) (dialog.Line, func(), error) {
						dialed = append(dialed, to)
						err, inputs := c.person, person
						if to != "200" {
							if err, inputs = c.caller, caller; c.personHangsUp {
								close(person)
								<-ctx.Done()
								err = fault.New(fault.NoAnswer, "nobody answered")
							} else if err == nil {
								time.AfterFunc(time.Minute, func() { close(caller) })
							}
						}
						return dialog.Line{Inputs: inputs, Source: silentSource{t.Context()}, Sink: silentSink{}}, func() { hungUp = append(hungUp, to) }, err
					}
				})
				hasPerson, err := d.ConnectBack(t.Context(), agent, "+49301", "The lamp is late.")
				code := fault.Code("")
				if err != nil {
					code = fault.From(err).Code
				}
				if hasPerson != c.hasPerson || code != c.code || strings.Join(dialed, " ") != c.dialed || strings.Join(hungUp, " ") != c.hungUp {
					t.Errorf("got %v, %v after dialing %v, and hung up %v", hasPerson, err, dialed, hungUp)
				}
				if said := strings.Join(v.said, " "); c.person == nil && !strings.HasPrefix(said, "A call-back for Willow. The lamp is late.") {
					t.Errorf("the person heard %q", said)
				}
			})
		})
	}
}
