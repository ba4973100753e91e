package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/dialog/understanding"
	"frontdesk/internal/fakeai"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

const goodReading = `{"intent":"delivery","entities":[{"kind":"order","value":"47329"}],"sentiment":-0.7,"confidence":0.9,"answered":true,"topic":"","issue":"answered"}`

// readWith asks a server that answers with text to read a turn.
func readWith(t *testing.T, o fakeai.Options, timeout time.Duration) (*fakeai.Server, dialog.Reading, error) {
	t.Helper()
	server := fakeai.New(o)
	t.Cleanup(server.Close)
	m, err := NewModel(Config{URL: server.URL, Model: "reader"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	turn := understanding.Turn{Caller: "so where does four seven three two nine hang around, I could scream", Reply: "It is on its way.", Status: dialog.Completed}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	r, err := understanding.Ask(ctx, m, turn, understanding.Read(turn))
	return server, r, err
}

func TestATurnIsReadOverTheWire(t *testing.T) {
	answer := func(text string) func(string) string { return func(string) string { return text } }
	for name, c := range map[string]struct {
		o    fakeai.Options
		code fault.Code // "" if the model's reading counts
	}{
		"structured":              {fakeai.Options{Chat: answer(goodReading)}, ""},
		"a server without schema": {fakeai.Options{Chat: answer(goodReading), RejectsSchema: true}, ""},
		"in a code block":         {fakeai.Options{Chat: answer("```json\n" + goodReading + "\n```")}, ""},
		"garbage":                 {fakeai.Options{Chat: answer("I would say the caller is angry.")}, fault.BadAnswer},
		"half of it":              {fakeai.Options{Chat: answer(goodReading[:40])}, fault.BadAnswer},
		"endless":                 {fakeai.Options{Chat: answer(strings.Repeat(goodReading+" ", 100))}, fault.BadAnswer},
		"empty":                   {fakeai.Options{Chat: answer("")}, fault.BadAnswer},
		"slow":                    {fakeai.Options{Chat: func(string) string { time.Sleep(300 * time.Millisecond); return goodReading }}, fault.Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := 5 * time.Second
			if name == "slow" {
				timeout = 50 * time.Millisecond
			}
			server, r, err := readWith(t, c.o, timeout)
			if c.code != "" {
				if err == nil || fault.From(err).Code != c.code || r.Understanding != nil || r.Usage.Input == 0 {
					t.Fatalf("got %+v, %v; want the cost and %s", r, err, c.code)
				}
				return
			}
			require.NoError(t, err)
			u := r.Understanding
			if !u.ByModel || u.Intent != dialog.IntentDelivery || u.Sentiment != -0.7 || len(u.Entities) != 1 || u.Entities[0].Value != "47329" || r.Usage.Output == 0 {
				t.Errorf("got %+v", r)
			}
			var body struct {
				Format struct {
					Type   string
					Schema struct {
						Strict bool
						Schema json.RawMessage
					} `json:"json_schema"`
				} `json:"response_format"`
			}
			require.NoError(t, json.Unmarshal(server.Requests()[0].Body, &body))
			if want := !c.o.RejectsSchema; (body.Format.Type == "json_schema") != want || body.Format.Schema.Strict != want || bytes.Contains(body.Format.Schema.Schema, []byte(`"sentiment"`)) != want {
				t.Errorf("the request has the format %+v", body.Format)
			}
		})
	}
}

func TestAServerErrorReadsNothing(t *testing.T) {
	server := fakeai.New(fakeai.Options{})
	defer server.Close()
	m, err := NewModel(Config{URL: server.URL, Model: "reader"})
	require.NoError(t, err)
	defer m.Close() //nolint:errcheck // a test
	server.Fail(1, 500)
	turn := understanding.Turn{Caller: "this is terrible", Reply: "I am sorry."}
	if r, err := understanding.Ask(t.Context(), m, turn, understanding.Read(turn)); err == nil || r.Understanding != nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestACallIsReadOverTheWire holds a conversation whose turns a slow server reads: the caller
// does not wait for it.
func TestACallIsReadOverTheWire(t *testing.T) {
	talk := fakeai.New(fakeai.Options{Chat: func(string) string { return "It is on its way." }})
	defer talk.Close()
	read := fakeai.New(fakeai.Options{Chat: func(string) string { time.Sleep(200 * time.Millisecond); return goodReading }})
	defer read.Close()
	speaker, err := NewModel(Config{URL: talk.URL, Model: "talker"})
	require.NoError(t, err)
	reader, err := NewModel(Config{URL: read.URL, Model: "reader"})
	require.NoError(t, err)
	defer speaker.Close() //nolint:errcheck // a test
	defer reader.Close()  //nolint:errcheck // a test

	inputs, events := make(chan dialog.Heard, 8), make(chan dialog.Event, 256)
	agent := &dialog.Agent{Model: speaker, Memory: dialog.MemoryPolicy{Reading: dialog.ReadingPolicy{ByModel: true}}}
	done := make(chan error, 1)
	go func() {
		_, err := conversation.Run(t.Context(), agent, dialog.Line{Inputs: inputs, Emit: func(e dialog.Event) { events <- e }}, conversation.Options{Reader: reader})
		done <- err
	}()
	started := time.Now()
	inputs <- dialog.Heard{Kind: dialog.Typed, Text: "where is 47329"}
	inputs <- dialog.Heard{Kind: dialog.Respond}
	var ended time.Duration
	for e := range events {
		if e.Kind == dialog.TurnEnded {
			ended = time.Since(started)
		}
		if e.Kind == dialog.TurnRead {
			if e.Reading.Understanding == nil || !e.Reading.Understanding.ByModel || e.Turn != 1 {
				t.Errorf("got %+v", e.Reading)
			}
			break
		}
	}
	if late := time.Since(started); ended == 0 || late < 200*time.Millisecond || ended > late-100*time.Millisecond {
		t.Errorf("the turn ended after %v and was read after %v", ended, late)
	}
	close(inputs)
	require.NoError(t, <-done)
}
