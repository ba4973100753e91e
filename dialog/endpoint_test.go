package dialog

import (
	"testing"
	"time"
)

func TestTheWordsSayWhetherATurnIsFinished(t *testing.T) {
	for _, tt := range []struct {
		words, asked string
		want         look
	}{
		{"", "", wordless},
		{"what time do you open on saturday", "", finished},
		{"can i return a lamp", "", finished},
		{"who is the parcel from", "", finished},
		{"yes please", "Shall I create a ticket?", finished},
		{"no", "Anything else?", finished},
		{"goodbye", "", finished},
		{"my order number is", "", dangling},
		{"i want to return a lamp and", "", dangling},
		{"i would like to talk about the", "", dangling},
		{"uh", "", dangling},
		{"my order number is four seven three", "", dangling},
		{"my order number is four seven three two nine", "", finished},
		{"47329", "What is your order number?", finished},
		{"four seven", "What is your order number?", dangling},
		{"forty seven three twenty nine", "What is your order number?", finished},
		{"five five five one two three", "What is your phone number?", dangling},
		{"five five five one two three four five six seven", "What is your phone number?", finished},
		{"ticket t one zero four two", "", finished},
		{"my email is anna at", "", dangling},
		{"my email is anna at example", "", dangling},
		{"my email is anna at example dot com", "", finished},
		{"it is spelled k o w", "", dangling},
		{"i forgot my password and i can't log in", "", unclear},
		{"i'm not sure which plan i have", "", unclear},
		{"my printer is broken", "", unclear},
		{"i bought two lamps", "", unclear},
	} {
		if got := lookAt(tt.words, tt.asked); got != tt.want {
			t.Errorf("%q after %q: %v, want %v", tt.words, tt.asked, got, tt.want)
		}
	}
}

// endpoint plays speech, then silence, and returns when in the silence the turn ended.
func endpoint(e Endpointer, words string, speech time.Duration) (after time.Duration, why string) {
	e.Reset()
	for spoken := time.Duration(0); spoken < speech; spoken += 20 * time.Millisecond {
		if v := e.Judge(Evidence{Speech: true, Spoken: spoken, Words: words}); v.Finished {
			return 0, v.Why
		}
	}
	for silence := 20 * time.Millisecond; ; silence += 20 * time.Millisecond {
		if v := e.Judge(Evidence{Spoken: speech, Silence: silence, Words: words}); v.Finished {
			return silence, v.Why
		}
	}
}

func TestAnUnfinishedTurnIsWaitedForLonger(t *testing.T) {
	e := NewEndpointer()
	whole, _ := endpoint(e, "where is my order", time.Second)
	none, _ := endpoint(e, "", time.Second)
	open, _ := endpoint(e, "it is broken", time.Second)
	hanging, why := endpoint(e, "my order number is", time.Second)
	if !(whole < none && none < open && open < hanging) || why == "" {
		t.Errorf("whole %v, no words %v, open %v, dangling %v (%s)", whole, none, open, hanging, why)
	}
	if after, why := endpoint(e, "", time.Minute); after != 0 || why == "" {
		t.Errorf("an endless turn ended %v into silence: %s", after, why)
	}
}

func BenchmarkEndpointerPerFrame(b *testing.B) {
	e := NewEndpointer()
	ev := Evidence{Frame: make([]int16, 320), Speech: true, Words: "my order number is four seven three", Asked: "How can I help?"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			e.Reset()
		}
		e.Judge(ev)
	}
}
