package amd

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/media"
)

// outcome is what an Answerer made of a scene.
type outcome struct {
	verdict, final Verdict
	after          time.Duration // the answer
	beeps          int
}

func answer(pcm []int16) (out outcome) {
	d, a, b := media.NewDetector(), NewClassifier(AnswerOptions{}), &BeepDetector{}
	for i := 0; i+media.EarFrame <= len(pcm); i += media.EarFrame {
		frame := pcm[i:][:media.EarFrame]
		out.final = a.Hear(frame, d.Detect(frame))
		if out.verdict == Undecided && out.final != Undecided {
			out.verdict, out.after = out.final, time.Duration(i/media.EarFrame+1)*media.FrameTime
		}
		if b.Hear(frame) {
			out.beeps++
		}
	}
	return out
}

// TestAnswererTellsMachinesFromPeople holds the floor of what was measured; run it with
// -v for the numbers.
func TestAnswererTellsMachinesFromPeople(t *testing.T) {
	for _, l := range lines {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			var table [3][4]int // by truth: Person, Machine
			var final, beeps, found, wrong int
			var took [3][]time.Duration
			for _, c := range append(people(), machines()...) {
				o := answer(l.carry(t, c.scene))
				table[c.who][o.verdict]++
				took[c.who] = append(took[c.who], o.after)
				if o.final == c.who {
					final++
				}
				beeps += c.beeps
				found += min(o.beeps, c.beeps)
				wrong += max(o.beeps-c.beeps, 0)
				if o.verdict != c.who || o.beeps != c.beeps {
					t.Logf("%v %q: %v after %v, then %v; %d of %d beeps", c.who, c.name, o.verdict, o.after, o.final, o.beeps, c.beeps)
				}
			}
			if table[Person][Person] < 27 || table[Machine][Machine] < 12 || final < 43 || found < 14 || wrong > 0 {
				t.Errorf("of 28 people and 16 machines %d and %d are known, %d in the end; beeps found %d of %d, false %d",
					table[Person][Person], table[Machine][Machine], final, found, beeps, wrong)
			}
			for who := Person; who <= Machine; who++ {
				slices.Sort(took[who])
				n := len(took[who])
				t.Logf("%v: %s; median %v, p95 %v", who, row(table[who]), took[who][n/2], took[who][n*95/100])
			}
			t.Logf("right in the end: %d of %d; beeps found %d of %d, false %d", final, len(took[Person])+len(took[Machine]), found, beeps, wrong)
		})
	}
}

func row(counts [4]int) string {
	var s []string
	for v, n := range counts {
		s = append(s, fmt.Sprintf("%v %d", Verdict(v), n))
	}
	return strings.Join(s, ", ")
}

// feed gives a Message frames of a loud or silent line with this probability of speech,
// and returns its stage after the last.
func feed(m *MessageTimer, d time.Duration, loud bool, speech float32) (s Action) {
	r, frame := rand.New(rand.NewPCG(27, 28)), make([]int16, media.EarFrame)
	for range d / media.FrameTime {
		for i := range frame {
			if frame[i] = 0; loud {
				frame[i] = int16(r.NormFloat64() * 2000)
			}
		}
		s = m.Hear(frame, speech)
	}
	return s
}

func newMessage() *MessageTimer { return NewMessageTimer(AnswerOptions{}, MessageOptions{}) }

func TestAPersonIsSpokenToSoonAfterHello(t *testing.T) {
	m := newMessage()
	if s := feed(m, time.Second, true, 0.9); s != Wait {
		t.Errorf("while they speak: %v", s)
	}
	if s := feed(m, 700*ms, false, 0); s != Wait {
		t.Errorf("0.7 s after hello: %v", s)
	}
	if s := feed(m, 100*ms, false, 0); s != SpeakToPerson {
		t.Errorf("0.8 s after hello: %v", s)
	}
	if s := feed(m, time.Minute, true, 0.9); s != SpeakToPerson {
		t.Errorf("after a minute of talk: %v, %s", s, m.Reason())
	}
}

func TestAMessageWaitsForTheBeep(t *testing.T) {
	m := newMessage()
	if s := feed(m, 8*time.Second, true, 0.9); s != WaitForBeep {
		t.Fatalf("after 8 s of greeting: %v", s)
	}
	pcm := tone(1000, media.EarRate, media.EarRate/2, 5000)
	for ; len(pcm) >= media.EarFrame; pcm = pcm[media.EarFrame:] {
		if s := m.Hear(pcm[:media.EarFrame], 0.5); s != WaitForBeep {
			t.Fatalf("during the beep: %v", s)
		}
	}
	if s := feed(m, 160*ms, false, 0); s != LeaveMessage {
		t.Errorf("160 ms after the beep: %v", s)
	}
}

func TestAMessageIsLeftWithoutABeepAfterSilence(t *testing.T) {
	m := newMessage()
	feed(m, 8*time.Second, true, 0.9)
	if s := feed(m, 2400*ms, false, 0); s != WaitForBeep {
		t.Errorf("after 2.4 s of silence: %v", s)
	}
	if s := feed(m, 100*ms, false, 0); s != LeaveMessage {
		t.Errorf("after 2.5 s: %v", s)
	}
}

func TestAMessageIsLeftAtTheLatestAfterFortySeconds(t *testing.T) {
	m := newMessage()
	if s := feed(m, 39900*ms, true, 0.9); s != WaitForBeep {
		t.Errorf("before: %v", s)
	}
	if s := feed(m, 100*ms, true, 0.9); s != LeaveMessage {
		t.Errorf("then: %v", s)
	}
}

func TestNobodyIsThereAfterSixSecondsOfSilence(t *testing.T) {
	m := newMessage()
	if s := feed(m, 5900*ms, false, 0); s != Wait {
		t.Errorf("after 5.9 s: %v", s)
	}
	if s := feed(m, 100*ms, false, 0); s != GiveUp || m.Reason() != "no sound" {
		t.Errorf("after 6 s: %v, %s", s, m.Reason())
	}
}

func TestNoiseAloneIsNobodyAtTheDeadline(t *testing.T) {
	m := newMessage()
	if s := feed(m, 19900*ms, true, 0.1); s != Wait {
		t.Errorf("after 19.9 s: %v", s)
	}
	if s := feed(m, 100*ms, true, 0.1); s != GiveUp {
		t.Errorf("after 20 s: %v", s)
	}
}

func TestWordsProveAMachineInEveryLanguage(t *testing.T) {
	for _, text := range []string{
		"Hi, please leave a MESSAGE", "...after the beep.", "You have reached the voicemail of", "I can’t take your call",
		"Sprechen Sie bitte nach dem Ton", "Die Mailbox von", "ist zurzeit nicht erreichbar", "Hinterlasst mir was",
		"Deje su mensaje", "después de la señal", "DESPUE\u0301S DEL TONO", "Laissez-moi un message", "après le bip sonore", "sur la boîte vocale",
	} {
		a := NewClassifier(AnswerOptions{})
		if v := a.Words(text); v != Machine {
			t.Errorf("%q: %v", text, v)
		}
	}
	for _, text := range []string{"", "Hello, who is this?", "Miller, guten Tag", "¿Quién habla?", "Oui, j'écoute", "the message", "a mail from box four", "Ich rufe Sie zurück", "You have reached the front desk."} {
		a := NewClassifier(AnswerOptions{})
		if v := a.Words(text); v != Undecided {
			t.Errorf("%q: %v, %s", text, v, a.Reason())
		}
	}
}

func TestWordsCorrectAPersonBeforeTheDeadlineOnly(t *testing.T) {
	m := newMessage()
	feed(m, time.Second, true, 0.9)
	if s := feed(m, time.Second, false, 0); s != SpeakToPerson {
		t.Fatalf("a second after hello: %v", s)
	}
	m.Words("hello this is frank please leave a message")
	if s := feed(m, media.FrameTime, true, 0.9); s != WaitForBeep {
		t.Errorf("after these words: %v", s)
	}
	m = newMessage()
	feed(m, time.Second, true, 0.9)
	feed(m, 20*time.Second, false, 0)
	m.Words("can you leave a message at his desk")
	if s := feed(m, media.FrameTime, false, 0); s != SpeakToPerson {
		t.Errorf("the same in a conversation: %v", s)
	}
}

// FuzzAnswerer: whatever sounds, and whatever a detector makes of it, there is a verdict
// by the deadline, and a message is left by the latest time.
func FuzzAnswerer(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte("\xff\x7f\x00\x80\x00\x00"), uint8(200))
	f.Fuzz(func(t *testing.T, sound []byte, speech uint8) {
		m, frame := NewMessageTimer(AnswerOptions{}, MessageOptions{}), make([]int16, media.EarFrame)
		if text := string(sound); len(text)%2 == 1 {
			m.Words(text)
		}
		sound = append(sound, 0, 0)
		for n := range int(40 * time.Second / media.FrameTime) {
			for i := range frame {
				frame[i] = int16(binary.LittleEndian.Uint16(sound[(n*media.EarFrame+i)*2%(len(sound)-1):]))
			}
			s := m.Hear(frame, float32(uint8(n)*speech)/255)
			if at := time.Duration(n+1) * media.FrameTime; s == Wait && at >= 20*time.Second || s == WaitForBeep && at >= 40*time.Second {
				t.Fatalf("%v after %v", s, at)
			}
		}
	})
}

func TestAnswererDoesNotAllocate(t *testing.T) {
	m, pcm := newMessage(), tone(1000, media.EarRate, media.EarFrame, 8000)
	if n := testing.AllocsPerRun(500, func() { m.Hear(pcm, 0.7) }); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkAnswerer(b *testing.B) {
	for name, hz := range map[string][]float64{"tone": {1000}, "voice": {150, 600, 1050}} {
		b.Run(name, func(b *testing.B) {
			pcm := make([]int16, media.EarRate)
			for _, f := range hz {
				for i, v := range tone(f, media.EarRate, media.EarRate, 4000) {
					pcm[i] += v
				}
			}
			m := newMessage()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.Hear(pcm[i%50*media.EarFrame:][:media.EarFrame], 0.7)
			}
		})
	}
}
