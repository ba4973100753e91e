package amd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/media"
)

// judgement is what a Classifier and a BeepDetector made of a scene.
type judgement struct {
	first, last AnsweredBy    // verdict
	after       time.Duration // the answer, for the first verdict
	beeps       int
}

func judge(pcm []int16) (j judgement) {
	d, c, b := media.NewDetector(), NewClassifier(), &BeepDetector{}
	for i := 0; i+media.EarFrame <= len(pcm); i += media.EarFrame {
		frame := pcm[i:][:media.EarFrame]
		j.last = c.AddFrame(frame, d.Detect(frame))
		if j.first == Undecided && j.last != Undecided {
			j.first, j.after = j.last, time.Duration(i/media.EarFrame+1)*media.FrameTime
		}
		if b.AddFrame(frame) {
			j.beeps++
		}
	}
	return j
}

// The limits are just below what was measured; run the test with -v for the numbers.
func TestClassifierTellsMachinesFromPeople(t *testing.T) {
	for _, l := range lines {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			var verdicts [3][4]int // by who answered: Person, Machine
			var rightAtLast, beeps, found, falseBeeps int
			var after [3][]time.Duration
			for _, c := range append(people(), machines()...) {
				j := judge(l.carry(t, c.scene))
				verdicts[c.who][j.first]++
				after[c.who] = append(after[c.who], j.after)
				if j.last == c.who {
					rightAtLast++
				}
				beeps += c.beeps
				found += min(j.beeps, c.beeps)
				falseBeeps += max(j.beeps-c.beeps, 0)
				if j.first != c.who || j.beeps != c.beeps {
					t.Logf("%v %q: %v after %v, then %v; %d of %d beeps", c.who, c.name, j.first, j.after, j.last, j.beeps, c.beeps)
				}
			}
			if verdicts[Person][Person] < 27 || verdicts[Machine][Machine] < 12 || rightAtLast < 43 || found < 14 || falseBeeps > 0 {
				t.Errorf("of 28 people and 16 machines %d and %d were judged correctly at first, %d in the end; %d of %d beeps found, %d false ones",
					verdicts[Person][Person], verdicts[Machine][Machine], rightAtLast, found, beeps, falseBeeps)
			}
			for who := Person; who <= Machine; who++ {
				slices.Sort(after[who])
				n := len(after[who])
				t.Logf("%v: %s; median %v, p95 %v", who, row(verdicts[who]), after[who][n/2], after[who][n*95/100])
			}
			t.Logf("correct in the end: %d of %d; %d of %d beeps found, %d false ones", rightAtLast, len(after[Person])+len(after[Machine]), found, beeps, falseBeeps)
		})
	}
}

func row(counts [4]int) string {
	var s []string
	for v, n := range counts {
		s = append(s, fmt.Sprintf("%v %d", AnsweredBy(v), n))
	}
	return strings.Join(s, ", ")
}

func TestMachinePhrasesProveAMachineInEveryLanguage(t *testing.T) {
	for _, text := range []string{
		"Hi, please leave a MESSAGE", "...after the beep.", "You have reached the voicemail of", "I can’t take your call",
		"Sprechen Sie bitte nach dem Ton", "Die Mailbox von", "ist zurzeit nicht erreichbar", "Hinterlasst mir was",
		"Deje su mensaje", "después de la señal", "DESPUE\u0301S DEL TONO", "Laissez-moi un message", "après le bip sonore", "sur la boîte vocale",
	} {
		if got := NewClassifier().SetTranscript(text); got != Machine {
			t.Errorf("%q: %v, want machine", text, got)
		}
	}
	for _, text := range []string{"", "Hello, who is this?", "Miller, guten Tag", "¿Quién habla?", "Oui, j'écoute", "the message", "a mail from box four", "Ich rufe Sie zurück", "You have reached the front desk."} {
		c := NewClassifier()
		if got := c.SetTranscript(text); got != Undecided {
			t.Errorf("%q: %v (%s), want undecided", text, got, c.Reason())
		}
	}
}
