package endpoint

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"frontdesk/media"
)

func TestWhatWordsTell(t *testing.T) {
	for _, tt := range []struct {
		words, asked string
		yes, no      []int
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
		f.words(strings.Fields(tt.words), newAsked(tt.asked))
		for _, i := range tt.yes {
			if f[i] == 0 {
				t.Errorf("%q after %q is not told by %s: %v", tt.words, tt.asked, Names[i], f)
			}
		}
		for _, i := range tt.no {
			if f[i] != 0 {
				t.Errorf("%q after %q is told by %s: %v", tt.words, tt.asked, Names[i], f)
			}
		}
	}
}

func TestSentencesEndBehindSomeWordsMoreOftenThanBehindOthers(t *testing.T) {
	for _, tt := range [][2]string{{"my order", "is my"}, {"right away", "talk to"}, {"this month", "number is"}} {
		if more, less := endingOf(strings.Fields(tt[0])), endingOf(strings.Fields(tt[1])); more <= less+0.5 {
			t.Errorf("%q %.2f, %q %.2f", tt[0], more, tt[1], less)
		}
	}
	if p := endingOf([]string{"xyzzy"}); p != 0 {
		t.Errorf("an unknown word: %v", p)
	}
}

func TestLearnedWaitsAreInOrder(t *testing.T) {
	wait := func(words string) time.Duration {
		j := NewJudge(&Words, &Wordless, "en-GB")
		w, why := j.Wait(words, "", 20*time.Millisecond)
		if why == "" {
			t.Errorf("%q: no reason", words)
		}
		return w
	}
	done, none, hanging := wait("where is my order"), wait(""), wait("my order number is")
	if !(done < none && none < hanging) || done < 150*time.Millisecond || hanging > 2*time.Second {
		t.Errorf("finished %v, wordless %v, dangling %v", done, none, hanging)
	}
}

func TestTheReasonIsWhatSpeaksMostForTheWait(t *testing.T) {
	for words, want := range map[string]string{
		"yes please":        "answer",
		"and then um":       "filler",
		"if i cancel today": "clause",
		"there is my order": "doubt",
	} {
		if _, why := NewJudge(&Words, &Wordless, "").Wait(words, "", 0); why != want {
			t.Errorf("%q: %s, want %s", words, why, want)
		}
	}
}

// says plays speech with pauses in it, and then waits for the silence to be the end.
func says(j *Judge, since time.Duration, words string, pauses ...time.Duration) (wait time.Duration, why string) {
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
		if wait, why = j.Wait(words, "", silence); silence >= wait {
			return wait, why
		}
	}
}

func TestACallerWhoMakesLongPausesIsWaitedForAWhile(t *testing.T) {
	const hanging, pause = "my order number is", 1600 * time.Millisecond
	j := NewJudge(&Words, &Wordless, "")
	usual, _ := says(j, time.Minute, hanging, 100*time.Millisecond, 900*time.Millisecond)
	if wait, _ := NewJudge(&Words, &Wordless, "").Wait(hanging, "", 0); usual != wait {
		t.Errorf("pauses as others make them: %v, not %v", usual, wait)
	}
	patient, why := says(j, time.Minute, hanging, pause)
	if patient <= pause || why != "pace" {
		t.Errorf("behind a pause of %v: %v, for %q", pause, patient, why)
	}
	if long, _ := says(j, time.Minute, hanging, time.Minute); long > slowest {
		t.Errorf("behind an endless pause: %v", long)
	}
	sure, _ := says(j, time.Minute, "yes please")
	if wait, _ := NewJudge(&Words, &Wordless, "").Wait("yes please", "", 0); sure != wait {
		t.Errorf("where there is no doubt: %v, not %v", sure, wait)
	}
	for range 20 {
		patient, _ = says(j, time.Minute, hanging)
	}
	if patient != usual {
		t.Errorf("twenty turns later: %v, not %v", patient, usual)
	}
}

func TestACallerWhoWasCutOffIsJudgedWithMoreCare(t *testing.T) {
	// It can be the end, and is taken for it once.
	const words = "i want to cancel my order"
	j := NewJudge(&Words, &Wordless, "")
	first, _ := says(j, time.Minute, words)
	for range 2 { // each goes on at once
		says(j, 100*time.Millisecond, words)
	}
	cut, _ := says(j, 100*time.Millisecond, words)
	if cut <= first {
		t.Errorf("%v, and %v behind three turns that were cut off", first, cut)
	}
	for range 20 {
		cut, _ = says(j, time.Minute, words)
	}
	if cut-first > 20*time.Millisecond {
		t.Errorf("twenty turns later: %v, not %v", cut, first)
	}
}

// glide plays a voice whose pitch goes from one frequency to another.
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

func TestAFallingVoiceIsToldFromARisingOne(t *testing.T) {
	feature := func(to float64) float64 {
		j := NewJudge(&Words, &Wordless, "")
		glide(j, 140, 150, 60)
		glide(j, 145, to, 20)
		return j.Features("", "", 100*time.Millisecond)[pitch]
	}
	if fall, rise := feature(100), feature(210); fall < 0.2 || rise > -0.2 {
		t.Errorf("falling by half an octave %.2f, rising %.2f", fall, rise)
	}
}

func TestAFrameCostsNoMemory(t *testing.T) {
	j := NewJudge(&Words, &Wordless, "")
	frame := make([]int16, media.EarFrame)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range frame {
		frame[i] = int16(r.Uint32())
	}
	if n := testing.AllocsPerRun(100, func() { j.Hear(frame) }); n > 0 {
		t.Errorf("%v allocations a frame of speech", n)
	}
	j.Wait("where is my order", "", 0)
	if n := testing.AllocsPerRun(100, func() { j.Wait("where is my order", "", 20*time.Millisecond) }); n > 0 {
		t.Errorf("%v allocations a frame of silence", n)
	}
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "my order is t 1 2", "at dot", "x at y dot", "première question", "um", "first"} {
		f.Add(s, "What is your phone number?")
	}
	f.Fuzz(func(t *testing.T, said, asked string) {
		j := NewJudge(&Words, &Wordless, "")
		if w, _ := j.Wait(said, asked, 0); w < min(Words.Fast, Wordless.Fast) || w > max(Words.Slow, Wordless.Slow) {
			t.Errorf("%q: %v", said, w)
		}
	})
}

func BenchmarkFrameOfSpeech(b *testing.B) {
	j := NewJudge(&Words, &Wordless, "")
	frame := make([]int16, media.EarFrame)
	for i := range frame {
		frame[i] = int16(8000 * math.Sin(float64(i)/15))
	}
	b.ReportAllocs()
	for b.Loop() {
		j.Hear(frame)
	}
}
