package openai

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fakeai"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// callerFrames yields d of frames whose samples count up.
func callerFrames(d time.Duration) iter.Seq[[]int16] {
	return func(yield func([]int16) bool) {
		frame := make([]int16, media.EarFrame)
		for i := range int(d / media.FrameTime) {
			for j := range frame {
				frame[j] = int16(i*media.EarFrame + j)
			}
			if !yield(frame) {
				return
			}
		}
	}
}

func listen(t *testing.T, c Config, agent *dialog.Agent) dialog.Listener {
	t.Helper()
	if c.Model == "" {
		c.Model = "whisper-1"
	}
	tr, err := NewTranscriber(c)
	require.NoError(t, err)
	l, err := tr.Listen(t.Context(), agent)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = l.Close(), tr.Close() })
	return l
}

func recognize(l dialog.Listener, ctx context.Context, d time.Duration) (texts []string, final bool, err error) {
	for tr, e := range l.Utterance(ctx, callerFrames(d)) {
		if e != nil {
			return texts, final, e
		}
		texts, final = append(texts, tr.Text), tr.Final
	}
	return texts, final, nil
}

func TestUtteranceIsSentAsWAVWithLanguageAndPrompt(t *testing.T) {
	ai := fakeai.New(fakeai.Options{Transcripts: []string{" Where is my order? "}})
	defer ai.Close()
	l := listen(t, Config{URL: ai.URL}, &dialog.Agent{Language: "en-GB", Title: "Lumen & Oak", Suggestions: []string{"Where is order 4711?"}})
	texts, final, err := recognize(l, t.Context(), time.Second)
	if err != nil || len(texts) != 1 || texts[0] != "Where is my order?" || !final {
		t.Fatalf("%q, %v, %v", texts, final, err)
	}
	r := ai.Requests()[0]
	if r.Fields["model"] != "whisper-1" || r.Fields["language"] != "en" || r.Fields["response_format"] != "json" ||
		r.Fields["prompt"] != "Lumen & Oak Where is order 4711?" || r.Fields["stream"] != "" {
		t.Errorf("fields %v", r.Fields)
	}
	if len(r.Body) != 44+2*media.EarRate || binary.LittleEndian.Uint32(r.Body[24:]) != media.EarRate {
		t.Errorf("a WAV of %d bytes", len(r.Body))
	}
	if last := int16(binary.LittleEndian.Uint16(r.Body[len(r.Body)-2:])); last != media.EarRate-1 {
		t.Errorf("the last sample is %d", last)
	}
}

func TestShortUtteranceSendsNoRequest(t *testing.T) {
	ai := fakeai.New(fakeai.Options{Transcripts: []string{"you"}})
	defer ai.Close()
	l := listen(t, Config{URL: ai.URL}, &dialog.Agent{})
	for _, d := range []time.Duration{0, 80 * time.Millisecond} {
		if texts, final, err := recognize(l, t.Context(), d); err != nil || !final || len(texts) != 1 || texts[0] != "" {
			t.Errorf("%v: %q, %v, %v", d, texts, final, err)
		}
	}
	if n := len(ai.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestLongUtteranceIsTruncated(t *testing.T) {
	ai := fakeai.New(fakeai.Options{Transcripts: []string{"on and on"}})
	defer ai.Close()
	if _, _, err := recognize(listen(t, Config{URL: ai.URL}, &dialog.Agent{}), t.Context(), 61*time.Second); err != nil {
		t.Fatal(err)
	}
	if n := len(ai.Requests()[0].Body); n != 44+2*60*media.EarRate {
		t.Errorf("%d bytes were sent", n)
	}
}

func TestTranscriptsOfManyServersAreUnderstood(t *testing.T) {
	for name, test := range map[string]struct {
		kind, body, want string
		failed           bool
	}{
		"OpenAI":           {"application/json", `{"text":"Hello.","usage":{"type":"tokens"}}`, "Hello.", false},
		"whisper.cpp":      {"application/json", "{\"text\":\" Hello\\n there.\\n\"}", "Hello there.", false},
		"without a type":   {"", `{"text":"Hello."}`, "Hello.", false},
		"plain text":       {"text/plain; charset=utf-8", "Hello.\n", "Hello.", false},
		"no speech":        {"application/json", `{"text":" [BLANK_AUDIO] (wind blowing) "}`, "", false},
		"a mark in speech": {"application/json", `{"text":"(laughs) Hello"}`, "(laughs) Hello", false},
		"the prompt":       {"application/json", `{"text":"Lumen & Oak"}`, "", false},
		"empty":            {"application/json", `{"text":""}`, "", false},
		"no text":          {"application/json", `{"words":[]}`, "", true},
		"HTML":             {"text/html", `<html>`, "", true},
		"error event":      {"text/event-stream", "data: {\"error\":{\"message\":\"boom\"}}\n\n", "", true},
		"garbage event":    {"text/event-stream", "data: x\n\n", "", true},
		"no event":         {"text/event-stream", "", "", true},
		"too long":         {"application/json", `{"text":"` + strings.Repeat("x", maxTranscript) + `"}`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, Config{URL: serve(t, respondWith(test.kind, test.body))}, &dialog.Agent{Title: "Lumen & Oak"})
			texts, final, err := recognize(l, t.Context(), time.Second)
			if test.failed {
				if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Provider {
					t.Errorf("got %q, %v", texts, err)
				}
				return
			}
			if err != nil || !final || texts[len(texts)-1] != test.want {
				t.Errorf("got %q, %v, %v", texts, final, err)
			}
		})
	}
}

func TestCancellationEndsATranscription(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost {
			cancel()
			<-r.Context().Done()
		}
	})
	if _, _, err := recognize(listen(t, Config{URL: url}, &dialog.Agent{}), ctx, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzTranscript(f *testing.F) {
	f.Add("application/json", []byte(`{"text":"Hello"}`))
	f.Add("text/plain", []byte("[x] (y"))
	client, err := newClient("the speech recognizer", Config{URL: "http://host/v1", Model: "m"})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, kind string, b []byte) {
		r := fixedResponse(t, client, kind, b)
		defer r.close()
		text, err := transcript(r)
		if err == nil && len((&listener{}).clean(text)) > maxTranscript {
			t.Errorf("%d bytes", len(text))
		}
	})
}
