package caller

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"frontdesk/internal/fakeai"
	"frontdesk/media"
)

// callJSON runs the command and returns its lines.
func callJSON(t *testing.T, args ...string) (first map[string]string, turns []turnLine, status int, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Main(t.Context(), append(args, "--json"), &out, &errs, humming{}, nil)
	for i, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var err error
		if i == 0 {
			if l != "" {
				err = json.Unmarshal([]byte(l), &first)
			}
		} else {
			var turn turnLine
			err = json.Unmarshal([]byte(l), &turn)
			turns = append(turns, turn)
		}
		if err != nil {
			t.Fatalf("line %d, %q: %v", i+1, l, err)
		}
	}
	return first, turns, status, errs.String()
}

func TestSpokenCallIsHeardAndAnswered(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{Speak: brief, Transcripts: []string{"when are you open", "thank you"}})
	defer ai.Close()
	url := serve(t, ai)
	tape := filepath.Join(t.TempDir(), "call.wav")
	first, turns, status, stderr := callJSON(t, "--url", url, "--agent", "shop",
		"--say", "When are you open?", "--say", "Thank you.", "--save", tape)
	if status != 0 || first["session"] == "" || !strings.HasPrefix(first["resume_token"], "rt_") || len(turns) != 2 {
		t.Fatalf("status %d, %v, %+v\n%s", status, first, turns, stderr)
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
	checkTape(t, tape)
}

// checkTape finds both sides on a recording: the caller left, the agent right.
func checkTape(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
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
			t.Errorf("the %s is not on the recording: %d loud samples", name, loud)
		}
	}
}

func TestTypedCallIsAnsweredInWriting(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	url := serve(t, ai)
	_, turns, status, stderr := callJSON(t, "--url", url, "--text", "hello", "--text", "goodnight")
	if status != 0 || len(turns) != 2 {
		t.Fatalf("status %d, %+v\n%s", status, turns, stderr)
	}
	for i, text := range []string{"hello", "goodnight"} {
		if want := (turnLine{Turn: i + 1, Said: text, Heard: text, Reply: "You said: " + text}); !reflect.DeepEqual(turns[i], want) {
			t.Errorf("%+v, want %+v", turns[i], want)
		}
	}
}

func TestSessionGoesOnWithItsToken(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	url := serve(t, ai)
	before, _, status, stderr := callJSON(t, "--url", url, "--text", "hello")
	if status != 0 {
		t.Fatal(stderr)
	}
	after, turns, status, stderr := callJSON(t, "--url", url, "--resume", before["resume_token"], "--text", "again")
	if status != 0 || after["session"] != before["session"] || len(turns) != 1 || turns[0].Reply != "You said: again" {
		t.Fatalf("status %d, %v, %+v\n%s", status, after, turns, stderr)
	}
	requests := ai.Requests()
	if last := string(requests[len(requests)-1].Body); !strings.Contains(last, "You said: hello") {
		t.Errorf("the model was not told what was said before: %s", last)
	}
}

func TestReplyIsInterrupted(t *testing.T) {
	t.Parallel()
	story := strings.Repeat("and so it went on and on, ", 12)
	ai := fakeai.New(fakeai.Options{
		Speak:       brief,
		Transcripts: []string{"tell me a story", "please stop it now"},
		Chat: func(user string) string {
			if user == "tell me a story" {
				return story
			}
			return "I am silent now, as you asked me."
		},
	})
	defer ai.Close()
	_, turns, status, stderr := callJSON(t, "--url", serve(t, ai), "--barge-in", "400",
		"--say", "Tell me a story.", "--say", "Please stop it right now.")
	if status != 0 || len(turns) != 2 {
		t.Fatalf("status %d, %+v\n%s", status, turns, stderr)
	}
	if !turns[0].Interrupted || turns[0].AudioMS < 400 || turns[1].Interrupted || turns[1].Heard != "please stop it now" {
		t.Errorf("%+v", turns)
	}
	if len(turns[0].Reply) >= len(story)-5 || turns[0].Reply == "" {
		t.Errorf("the interrupted reply: %q", turns[0].Reply)
	}
}

func TestReplyWithoutSoundFails(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{
		Transcripts: []string{"hello"},
		Speak:       func(text string) []int16 { return make([]int16, 4800) },
	})
	defer ai.Close()
	_, turns, status, stderr := callJSON(t, "--url", serve(t, ai), "--say", "Hello?")
	if status != 1 || len(turns) != 1 || turns[0].Error != "no_reply" || turns[0].Reply == "" || !strings.Contains(stderr, "1 of 1 turns got no reply") {
		t.Errorf("status %d, %+v\n%s", status, turns, stderr)
	}
}

func TestCallWhereNothingIsUnderstoodFails(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{Speak: brief, Transcripts: []string{""}})
	defer ai.Close()
	_, turns, status, _ := callJSON(t, "--url", serve(t, ai), "--say", "Hello?")
	if status != 1 || len(turns) != 1 || turns[0].Error != "no_reply" || turns[0].Heard != "" {
		t.Errorf("status %d, %+v", status, turns)
	}
}

func TestPeopleReadTheCall(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	var out, errs bytes.Buffer
	if status := Main(t.Context(), []string{"--url", serve(t, ai), "--text", "hello"}, &out, &errs, nil, nil); status != 0 {
		t.Fatal(errs.String())
	}
	for _, want := range []string{"session  sess_", "agent    Hello, this is the shop.", "1  said    hello\n", "   reply   You said: hello\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
