package ear

import (
	"testing"
	"time"

	"frontdesk/dialog"
)

// waitForEnd plays speech, then silence, and returns the silence after which the turn was
// finished, and the reason.
func waitForEnd(e dialog.Endpointer, words string, speech time.Duration) (silence time.Duration, reason string) {
	e.Reset(time.Minute)
	for spoken := time.Duration(0); spoken < speech; spoken += 20 * time.Millisecond {
		if v := e.Judge(dialog.Evidence{IsSpeech: true, Words: words}); v.Finished {
			return 0, v.Reason
		}
	}
	for silence := 20 * time.Millisecond; ; silence += 20 * time.Millisecond {
		if v := e.Judge(dialog.Evidence{Silence: silence, Words: words}); v.Finished {
			return silence, v.Reason
		}
	}
}

func TestUnfinishedTurnGetsALongerSilence(t *testing.T) {
	e := NewEndpointer("")
	finished, _ := waitForEnd(e, "where is my order", time.Second)
	wordless, _ := waitForEnd(e, "", time.Second)
	unfinished, reason := waitForEnd(e, "my order number is", time.Second)
	if !(finished < wordless && wordless < unfinished) || reason == "" {
		t.Errorf("finished sentence %v, no words %v, unfinished sentence %v (%s)", finished, wordless, unfinished, reason)
	}
	if silence, reason := waitForEnd(e, "", time.Minute); silence != 0 || reason == "" {
		t.Errorf("a turn without a pause ended after %v of silence (%q), want none", silence, reason)
	}
}

func TestWordsOfOtherLanguagesAreIgnored(t *testing.T) {
	e := NewEndpointer("de-DE")
	withWords, _ := waitForEnd(e, "wo ist meine Bestellung", time.Second)
	wordless, _ := waitForEnd(e, "", time.Second)
	if withWords != wordless {
		t.Errorf("%v of silence with words, %v without", withWords, wordless)
	}
}

func TestRecognizerMayReportTheEndOfTheTurn(t *testing.T) {
	e := NewEndpointer("")
	e.Judge(dialog.Evidence{IsSpeech: true})
	if v := e.Judge(dialog.Evidence{Words: "my number is", Silence: 200 * time.Millisecond, Final: true}); !v.Finished {
		t.Errorf("got %+v, want a finished turn", v)
	}
}

func TestMaybeFinishedComesBeforeFinished(t *testing.T) {
	for _, words := range []string{"where is my order", "my order number is", ""} {
		e := NewEndpointer("")
		e.Judge(dialog.Evidence{IsSpeech: true})
		maybe := time.Duration(0)
		for silence := 20 * time.Millisecond; ; silence += 20 * time.Millisecond {
			v := e.Judge(dialog.Evidence{Words: words, Silence: silence})
			if v.MaybeFinished && maybe == 0 {
				maybe = silence
			}
			if v.Finished {
				if maybe == 0 || maybe >= silence {
					t.Errorf("%q: maybe finished after %v, finished after %v", words, maybe, silence)
				}
				break
			}
		}
	}
}

func TestMaybeFinishedComesDuringTheLastWord(t *testing.T) {
	e := NewEndpointer("")
	e.Reset(time.Minute)
	maybe := func(words string) bool { return e.Judge(dialog.Evidence{IsSpeech: true, Words: words}).MaybeFinished }
	for _, words := range []string{"", "where", "where is my", "i want to talk about the", "my number is four seven"} {
		if maybe(words) {
			t.Errorf("%q was judged as maybe finished", words)
		}
	}
	if !maybe("where is my order") || maybe("where is my order") {
		t.Error("a finished sentence must be judged as maybe finished exactly once")
	}
	if de := NewEndpointer("de-DE"); de.Judge(dialog.Evidence{IsSpeech: true, Words: "where is my order"}).MaybeFinished {
		t.Error("English words were judged although the language is German")
	}
}

func BenchmarkEndpointerPerFrame(b *testing.B) {
	e := NewEndpointer("")
	ev := dialog.Evidence{Frame: make([]int16, 320), IsSpeech: true, Words: "my order number is four seven three", LastReply: "How can I help?"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			e.Reset(time.Minute)
		}
		e.Judge(ev)
	}
}
