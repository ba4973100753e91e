package endpoint

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"frontdesk/media"
)

func TestWordFeatures(t *testing.T) {
	for _, tt := range []struct {
		words, asked string
		set, unset   []int
	}{
		{"", "", []int{wordless}, []int{open}},
		{"what time do you open on saturday", "", []int{question}, []int{open}},
		{"sorry can you repeat that", "", []int{question}, []int{open}},
		{"it leaks water can i get another one", "", []int{question}, []int{story}},
		{"who is the parcel from", "", []int{question}, []int{open}},
		{"yes please", "Shall I create a ticket?", []int{answer}, nil},
		{"no that's not right", "", []int{answer}, nil},
		{"hold on a", "", []int{open}, []int{answer}},
		{"my order number is", "", []int{open}, []int{subject}},
		{"i would like to talk about the", "", []int{open}, nil},
		{"i can't log in", "", nil, []int{open}},
		{"and um", "", []int{filler}, []int{open}},
		{"my order number is four seven three", "", []int{digits}, []int{number}},
		{"my order number is four seven three two nine", "", []int{number}, []int{digits}},
		{"47329", "What is your order number?", []int{number}, nil},
		{"four seven", "What is your order number?", []int{digits}, nil},
		{"forty seven three twenty nine", "What is your order number?", []int{number}, nil},
		{"five five five one two three", "What is your phone number?", []int{digits}, nil},
		{"five five five one two three four five six seven", "What is your phone number?", []int{number}, nil},
		{"ticket t one zero four two", "", []int{number}, nil},
		{"my email is anna at", "", []int{open}, nil},
		{"my email is anna at example", "", []int{spelling}, []int{address}},
		{"my email is anna at example dot com", "", []int{address}, []int{spelling}},
		{"it is spelled k o w", "", []int{spelling}, nil},
		{"if i cancel today", "", []int{clause}, nil},
		{"if i cancel today do i lose access", "", []int{question}, []int{clause}},
		{"first where is my order", "", []int{list}, []int{question}},
		{"the reset link", "", []int{subject}, nil},
		{"i returned the shoes two weeks ago", "", []int{story}, nil},
		{"i returned the shoes and still have no money", "", nil, []int{story}},
		{"i want to cancel my subscription", "", nil, []int{story, open}},
		{"a person please", "", []int{polite}, nil},
		{"yes", "How can I help you today?", []int{fragment}, []int{answer}},
		{"no thank you", "What else can I help with?", []int{answer}, nil},
		{"yes", "I found two orders. Is it the lamp?", []int{answer}, nil},
		{"yes it is", "Is it the lamp?", []int{answer}, []int{open}},
		{"yes and it is", "", []int{open}, []int{answer}},
		{"the red one", "Which colour would you like?", []int{answer}, []int{subject, fragment}},
		{"the red one", "", []int{subject}, []int{answer}},
		{"i think", "Which colour would you like?", []int{fragment}, []int{answer}},
		{"yes", "Could you tell me your order number?", []int{fragment}, []int{answer}},
		{"four seven", "Thank you. Could you tell me your order number?", []int{digits}, nil},
		{"three", "I see order 48213. How many lamps do you want?", nil, []int{digits}},
	} {
		var f Features
		f.setWords(strings.Fields(tt.words), parseQuestion(tt.asked))
		for _, i := range tt.set {
			if f[i] == 0 {
				t.Errorf("%q after %q lacks feature %s: %v", tt.words, tt.asked, Names[i], f)
			}
		}
		for _, i := range tt.unset {
			if f[i] != 0 {
				t.Errorf("%q after %q has feature %s: %v", tt.words, tt.asked, Names[i], f)
			}
		}
	}
}

func TestEndingScoreIsHigherForLikelyLastWords(t *testing.T) {
	for _, tt := range [][2]string{{"my order", "is my"}, {"right away", "talk to"}, {"this month", "number is"}} {
		if more, less := endingScore(strings.Fields(tt[0])), endingScore(strings.Fields(tt[1])); more <= less+0.5 {
			t.Errorf("%q has %.2f, %q has %.2f, want a difference over 0.5", tt[0], more, tt[1], less)
		}
	}
	if p := endingScore([]string{"xyzzy"}); p != 0 {
		t.Errorf("an unknown word has %v, want 0", p)
	}
}

func TestWaitGrowsFromFinishedToWordlessToOpen(t *testing.T) {
	wait := func(words string) time.Duration {
		j := NewJudge(&Learned, "en-GB")
		w, reason := j.Wait(words, "", 20*time.Millisecond)
		if reason == "" {
			t.Errorf("%q: Wait returned no reason", words)
		}
		return w
	}
	finished, wordless, open := wait("where is my order"), wait(""), wait("my order number is")
	if !(finished < wordless && wordless < open) || finished < 150*time.Millisecond || open > 2*time.Second {
		t.Errorf("finished %v, wordless %v, open %v", finished, wordless, open)
	}
}

func TestWrittenAddressesAreReadAsSpokenOnes(t *testing.T) {
	for written, want := range map[string]string{
		"My email is anna@example.org": "My email is anna at example dot org",
		"Where is it? I paid 19.50.":   "Where is it? I paid 19.50.",
		"anna at example.":             "anna at example.",
		".":                            ".",
	} {
		if got := spellOut(written); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}

func TestReasonIsTheDecidingFeature(t *testing.T) {
	for words, want := range map[string]string{
		"yes please":        "answer",
		"and then um":       "filler",
		"if i cancel today": "clause",
		"order blue":        "doubt",
	} {
		if _, reason := NewJudge(&Learned, "").Wait(words, "", 0); reason != want {
			t.Errorf("%q: got reason %s, want %s", words, reason, want)
		}
	}
}

// playTurn plays speech with pauses, and then silence until the judge ends the turn. It
// returns how long the silence had to last and the reason.
func playTurn(j *Judge, since time.Duration, words string, pauses ...time.Duration) (wait time.Duration, reason string) {
	j.Reset(since)
	speech := func() {
		for range 50 {
			j.Hear(nil)
		}
	}
	speech()
	for _, pause := range pauses {
		j.Wait("", "", pause)
		speech()
	}
	for silence := time.Duration(0); ; silence += 20 * time.Millisecond {
		if wait, reason = j.Wait(words, "", silence); silence >= wait {
			return wait, reason
		}
	}
}

func TestJudgeWaitsLongerAfterLongPauses(t *testing.T) {
	const open, pause = "my order number is", 1600 * time.Millisecond
	j := NewJudge(&Learned, "")
	usual, _ := playTurn(j, time.Minute, open, 100*time.Millisecond, 900*time.Millisecond)
	if wait, _ := NewJudge(&Learned, "").Wait(open, "", 0); usual != wait {
		t.Errorf("after usual pauses: got %v, want %v", usual, wait)
	}
	patient, reason := playTurn(j, time.Minute, open, pause)
	if patient <= pause || reason != "pace" {
		t.Errorf("after a pause of %v: got %v with reason %q, want more with pace", pause, patient, reason)
	}
	if long, _ := playTurn(j, time.Minute, open, time.Minute); long > maxPauseWait {
		t.Errorf("after an endless pause: got %v, want at most %v", long, maxPauseWait)
	}
	sure, _ := playTurn(j, time.Minute, "yes please")
	if wait, _ := NewJudge(&Learned, "").Wait("yes please", "", 0); sure > wait+time.Millisecond {
		t.Errorf("with a certain end: got %v, want %v", sure, wait)
	}
	for range 20 {
		patient, _ = playTurn(j, time.Minute, open)
	}
	if patient != usual {
		t.Errorf("twenty turns later: got %v, want %v", patient, usual)
	}
}

func TestJudgeIsMoreCautiousAfterCuttingOffTurns(t *testing.T) {
	// These words may end a turn, and do so at first.
	const words = "i want to cancel my order"
	j := NewJudge(&Learned, "")
	first, _ := playTurn(j, time.Minute, words)
	for range 2 { // the caller continues at once
		playTurn(j, 100*time.Millisecond, words)
	}
	cut, _ := playTurn(j, 100*time.Millisecond, words)
	if cut <= first {
		t.Errorf("got %v after turns that were cut off, want more than %v", cut, first)
	}
	for range 40 {
		cut, _ = playTurn(j, time.Minute, words)
	}
	if cut-first > 20*time.Millisecond {
		t.Errorf("forty turns later: got %v, want %v", cut, first)
	}
}

// glide plays a voice whose pitch moves from one frequency to another.
func glide(j *Judge, from, to float64, frames int) {
	frame := make([]int16, media.EarFrame)
	phase := 0.0
	for n := range frames {
		hz := from * math.Pow(to/from, float64(n)/float64(frames))
		for i := range frame {
			phase += hz / media.EarRate
			x := 0.0
			for k := 1.0; k < 8; k++ {
				x += math.Sin(2*math.Pi*k*phase) / k
			}
			frame[i] = int16(3000 * x)
		}
		j.Hear(frame)
	}
}

func TestPitchFeatureOfFallingAndRisingVoices(t *testing.T) {
	feature := func(to float64) float64 {
		j := NewJudge(&Learned, "")
		glide(j, 140, 150, 60)
		glide(j, 145, to, 20)
		return j.Features("", "", 100*time.Millisecond)[pitch]
	}
	if fall, rise := feature(100), feature(210); fall < 0.2 || rise > -0.2 {
		t.Errorf("falling voice: got %.2f, want over 0.2; rising voice: got %.2f, want under -0.2", fall, rise)
	}
}

func TestFramesDoNotAllocate(t *testing.T) {
	j := NewJudge(&Learned, "")
	frame := make([]int16, media.EarFrame)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range frame {
		frame[i] = int16(r.Uint32())
	}
	if n := testing.AllocsPerRun(100, func() { j.Hear(frame) }); n > 0 {
		t.Errorf("%v allocations per frame of speech", n)
	}
	j.Wait("where is my order", "", 0)
	if n := testing.AllocsPerRun(100, func() { j.Wait("where is my order", "", 20*time.Millisecond) }); n > 0 {
		t.Errorf("%v allocations per frame of silence", n)
	}
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "my order is t 1 2", "at dot", "x at y dot", "première question", "um", "first"} {
		f.Add(s, "What is your phone number?")
	}
	f.Fuzz(func(t *testing.T, said, asked string) {
		j := NewJudge(&Learned, "")
		if w, _ := j.Wait(said, asked, 0); w < min(Learned.Words.Fast, Learned.Wordless.Fast) || w > max(Learned.Words.Slow, Learned.Wordless.Slow) {
			t.Errorf("%q: wait of %v is out of bounds", said, w)
		}
	})
}

func BenchmarkSpeechFrame(b *testing.B) {
	j := NewJudge(&Learned, "")
	frame := make([]int16, media.EarFrame)
	for i := range frame {
		frame[i] = int16(8000 * math.Sin(float64(i)/15))
	}
	b.ReportAllocs()
	for b.Loop() {
		j.Hear(frame)
	}
}

// TestAddressCompletesATurnWhileTheCallerSpeaks: recognizers write it with signs.
func TestAddressCompletesATurnWhileTheCallerSpeaks(t *testing.T) {
	j := NewJudge(&Models{Words: Model{Weights: Features{address: 5}, At: 2}}, "en-US")
	const asked = "What is your email address?"
	spelled, written := "my email is anna at example dot org", "my email is anna@example.org"
	if !j.IsComplete(spelled, asked) || !j.IsComplete(written, asked) {
		t.Errorf("%q: %v, %q: %v", spelled, j.IsComplete(spelled, asked), written, j.IsComplete(written, asked))
	}
	if j.IsComplete("my email is anna@", asked) {
		t.Error("a part of an address is complete")
	}
}
