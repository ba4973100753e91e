package caller

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/desktest"
	"frontdesk/internal/fakeai"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// callJSON makes a call with JSON output and returns the parsed lines.
func callJSON(t *testing.T, o Options) (first map[string]string, turns []turnLine, err error) {
	t.Helper()
	var out bytes.Buffer
	o.JSON = true
	err = Run(t.Context(), o, &out, desktest.ToneVoice{Hz: 300, PerCharacter: 40 * time.Millisecond}, nil)
	for i, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var parseErr error
		if i == 0 {
			if l != "" {
				parseErr = json.Unmarshal([]byte(l), &first)
			}
		} else {
			var turn turnLine
			parseErr = json.Unmarshal([]byte(l), &turn)
			turns = append(turns, turn)
		}
		if parseErr != nil {
			t.Fatalf("line %d, %q: %v", i+1, l, parseErr)
		}
	}
	return first, turns, err
}

// typed returns turns of typed texts.
func typed(texts ...string) (turns []Turn) {
	for _, text := range texts {
		turns = append(turns, Turn{Text, text})
	}
	return turns
}

func TestSpokenTurnsAreUnderstoodAndAnswered(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{Speak: shortTone, Transcripts: []string{"when are you open", "thank you"}})
	defer ai.Close()
	url := serve(t, ai)
	recording := filepath.Join(t.TempDir(), "call.wav")
	first, turns, err := callJSON(t, Options{
		URL: url, Agent: "shop", Turns: []Turn{{Say, "When are you open?"}, {Say, "Thank you."}}, Save: recording,
	})
	if err != nil || first["session"] == "" || !strings.HasPrefix(first["resume_token"], "rt_") || len(turns) != 2 {
		t.Fatalf("%v, %v, %+v", err, first, turns)
	}
	for i, want := range []turnLine{
		{Turn: 1, Said: "When are you open?", Heard: "when are you open", Reply: "You said: when are you open"},
		{Turn: 2, Said: "Thank you.", Heard: "thank you", Reply: "You said: thank you"},
	} {
		got := turns[i]
		if got.DelayMS == nil || *got.DelayMS <= 0 || got.AudioMS < 300 {
			t.Errorf("turn %d: measured %+v", i+1, got)
		}
		if got.Why == "" || got.Stages["onset"] >= 0 || got.Stages["endpoint"] <= 0 ||
			got.Stages["first_audio"] < got.Stages["transcript"] || got.Stages["heard"] <= got.Stages["first_audio"] {
			t.Errorf("turn %d: ended by %q, stages %v", i+1, got.Why, got.Stages)
		}
		got.DelayMS, got.AudioMS, got.Why, got.Stages = nil, 0, "", nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("turn %d: %+v, want %+v", i+1, got, want)
		}
	}
	checkRecording(t, recording)
}

// checkRecording checks that a recording holds both sides: the caller left, the agent right.
func checkRecording(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	both, rate, err := media.ReadWAV(bytes.NewReader(b), 60*media.EarRate)
	if err != nil || rate != 16000 || len(both) < 3*rate {
		t.Fatalf("%d samples at %d Hz, %v", len(both), rate, err)
	}
	for side, name := range []string{"caller", "agent"} {
		loud := 0
		for i := 44 + 2*side; i+1 < len(b); i += 4 {
			if v := int16(uint16(b[i]) | uint16(b[i+1])<<8); v > 3000 {
				loud++
			}
		}
		if loud < rate/4 {
			t.Errorf("the %s is missing from the recording: %d loud samples", name, loud)
		}
	}
}

func TestTypedTurnsGetWrittenReplies(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	url := serve(t, ai)
	_, turns, err := callJSON(t, Options{URL: url, Turns: typed("hello", "goodnight")})
	if err != nil || len(turns) != 2 {
		t.Fatalf("%v, %+v", err, turns)
	}
	for i, text := range []string{"hello", "goodnight"} {
		if want := (turnLine{Turn: i + 1, Said: text, Heard: text, Reply: "You said: " + text}); !reflect.DeepEqual(turns[i], want) {
			t.Errorf("%+v, want %+v", turns[i], want)
		}
	}
}

func TestResumeTokenContinuesTheSession(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	url := serve(t, ai)
	before, _, err := callJSON(t, Options{URL: url, Turns: typed("hello")})
	require.NoError(t, err)
	after, turns, err := callJSON(t, Options{URL: url, Resume: before["resume_token"], Turns: typed("again")})
	if err != nil || after["session"] != before["session"] || len(turns) != 1 || turns[0].Reply != "You said: again" {
		t.Fatalf("%v, %v, %+v", err, after, turns)
	}
	requests := ai.Requests()
	if last := string(requests[len(requests)-1].Body); !strings.Contains(last, "You said: hello") {
		t.Errorf("the model was not told what was said before: %s", last)
	}
}

func TestBargeInInterruptsTheReply(t *testing.T) {
	t.Parallel()
	story := strings.Repeat("and so it went on and on, ", 12)
	ai := fakeai.New(fakeai.Options{
		Speak:       shortTone,
		Transcripts: []string{"tell me a story", "please stop it now"},
		Chat: func(user string) string {
			if user == "tell me a story" {
				return story
			}
			return "I am silent now, as you asked me."
		},
	})
	defer ai.Close()
	after := 400 * time.Millisecond
	_, turns, err := callJSON(t, Options{
		URL: serve(t, ai), BargeIn: &after, Turns: []Turn{{Say, "Tell me a story."}, {Say, "Please stop it right now."}},
	})
	if err != nil || len(turns) != 2 {
		t.Fatalf("%v, %+v", err, turns)
	}
	if !turns[0].Interrupted || turns[0].AudioMS < 400 || turns[1].Interrupted || turns[1].Heard != "please stop it now" {
		t.Errorf("%+v", turns)
	}
	if len(turns[0].Reply) >= len(story)-5 || turns[0].Reply == "" {
		t.Errorf("the interrupted reply: %q", turns[0].Reply)
	}
}

func TestSilentReplyFails(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{
		Transcripts: []string{"hello"},
		Speak:       func(text string) []int16 { return make([]int16, 4800) },
	})
	defer ai.Close()
	_, turns, err := callJSON(t, Options{URL: serve(t, ai), Turns: []Turn{{Say, "Hello?"}}})
	if err == nil || len(turns) != 1 || turns[0].Error != "no_reply" || turns[0].Reply == "" || !strings.Contains(err.Error(), "1 of 1 turns got no reply") {
		t.Errorf("%v, %+v", err, turns)
	}
}

func TestEmptyTranscriptFails(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{Speak: shortTone, Transcripts: []string{""}})
	defer ai.Close()
	_, turns, err := callJSON(t, Options{URL: serve(t, ai), Turns: []Turn{{Say, "Hello?"}}})
	if err == nil || len(turns) != 1 || turns[0].Error != "no_reply" || turns[0].Heard != "" {
		t.Errorf("%v, %+v", err, turns)
	}
}

func TestTextOutputShowsSessionGreetingAndTurns(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	var out bytes.Buffer
	require.NoError(t, Run(t.Context(), Options{URL: serve(t, ai), Turns: typed("hello")}, &out, nil, nil))
	for _, want := range []string{"session  sess_", "agent    Hello, this is the shop.", "1  said    hello\n", "   reply   You said: hello\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing from\n%s", want, out.String())
		}
	}
}

// syncBuffer is a buffer that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestTurnIsPrintedBeforeTheNextBegins(t *testing.T) {
	t.Parallel()
	var out syncBuffer
	ai := fakeai.New(fakeai.Options{Chat: func(user string) string {
		if user == "goodnight" && !strings.Contains(out.String(), "reply   You said: hello") {
			return "the first turn is not printed yet"
		}
		return "You said: " + user
	}})
	defer ai.Close()
	require.NoError(t, Run(t.Context(), Options{URL: serve(t, ai), Turns: typed("hello", "goodnight")}, &out, nil, nil))
	if !strings.Contains(out.String(), "reply   You said: goodnight") {
		t.Error(out.String())
	}
}
