package ear

import (
	"testing"
	"time"

	"frontdesk/dialog"
)

// ends plays speech, then silence, and returns when in the silence the turn ended.
func ends(e dialog.Endpointer, words string, speech time.Duration) (after time.Duration, why string) {
	e.Reset(time.Minute)
	for spoken := time.Duration(0); spoken < speech; spoken += 20 * time.Millisecond {
		if v := e.Judge(dialog.Evidence{IsSpeech: true, Spoken: spoken, Words: words}); v.Finished {
			return 0, v.Reason
		}
	}
	for silence := 20 * time.Millisecond; ; silence += 20 * time.Millisecond {
		if v := e.Judge(dialog.Evidence{Spoken: speech, Silence: silence, Words: words}); v.Finished {
			return silence, v.Reason
		}
	}
}

func TestAnUnfinishedTurnIsWaitedForLonger(t *testing.T) {
	e := NewEndpointer("")
	whole, _ := ends(e, "where is my order", time.Second)
	none, _ := ends(e, "", time.Second)
	hanging, why := ends(e, "my order number is", time.Second)
	if !(whole < none && none < hanging) || why == "" {
		t.Errorf("whole %v, no words %v, dangling %v (%s)", whole, none, hanging, why)
	}
	if after, why := ends(e, "", time.Minute); after != 0 || why == "" {
		t.Errorf("an endless turn ended %v into silence: %s", after, why)
	}
}

func TestWordsOfOtherLanguagesSayNothing(t *testing.T) {
	e := NewEndpointer("de-DE")
	whole, _ := ends(e, "wo ist meine Bestellung", time.Second)
	none, _ := ends(e, "", time.Second)
	if whole != none {
		t.Errorf("%v with words, %v without", whole, none)
	}
}

func TestARecogniserThatHeardTheEndIsBelieved(t *testing.T) {
	e := NewEndpointer("")
	e.Judge(dialog.Evidence{IsSpeech: true})
	if v := e.Judge(dialog.Evidence{Words: "my number is", Silence: 200 * time.Millisecond, Final: true}); !v.Finished {
		t.Errorf("%+v", v)
	}
}

func TestAReplyIsPreparedBeforeTheTurnIsOver(t *testing.T) {
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

func TestAReplyIsPreparedWhileTheLastWordIsSpoken(t *testing.T) {
	e := NewEndpointer("")
	e.Reset(time.Minute)
	maybe := func(words string) bool { return e.Judge(dialog.Evidence{IsSpeech: true, Words: words}).MaybeFinished }
	for _, words := range []string{"", "where", "where is my", "i want to talk about the", "my number is four seven"} {
		if maybe(words) {
			t.Errorf("%q may be all", words)
		}
	}
	if !maybe("where is my order") || maybe("where is my order") {
		t.Error("words that may be all are not told, once")
	}
	if de := NewEndpointer("de-DE"); de.Judge(dialog.Evidence{IsSpeech: true, Words: "where is my order"}).MaybeFinished {
		t.Error("words of another language tell something")
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
