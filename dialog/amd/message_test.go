package amd

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"frontdesk/internal/audiotest"
	"frontdesk/media"
)

// feed adds frames of noise or silence for d, with the given probability of speech, and
// returns the action after the last one.
func feed(m *MessageTimer, d time.Duration, isNoisy bool, speech float32) (a Action) {
	r, frame := rand.New(rand.NewPCG(27, 28)), make([]int16, media.EarFrame)
	for range d / media.FrameTime {
		for i := range frame {
			if frame[i] = 0; isNoisy {
				frame[i] = int16(r.NormFloat64() * 2000)
			}
		}
		a = m.AddFrame(frame, speech)
	}
	return a
}

func wantAction(t *testing.T, when string, got, want Action) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", when, got, want)
	}
}

func TestPersonIsSpokenToSoonAfterHello(t *testing.T) {
	m := NewMessageTimer()
	wantAction(t, "while they speak", feed(m, time.Second, true, 0.9), Wait)
	wantAction(t, "0.7 s after hello", feed(m, 700*ms, false, 0), Wait)
	wantAction(t, "0.8 s after hello", feed(m, 100*ms, false, 0), SpeakToPerson)
	wantAction(t, "after a minute of talk", feed(m, time.Minute, true, 0.9), SpeakToPerson)
}

func TestMessageWaitsForTheBeep(t *testing.T) {
	m := NewMessageTimer()
	wantAction(t, "after 8 s of greeting", feed(m, 8*time.Second, true, 0.9), WaitForBeep)
	pcm := audiotest.Tone(1000, media.EarRate, media.EarRate/2, 5000)
	for ; len(pcm) >= media.EarFrame; pcm = pcm[media.EarFrame:] {
		wantAction(t, "during the beep", m.AddFrame(pcm[:media.EarFrame], 0.5), WaitForBeep)
	}
	wantAction(t, "160 ms after the beep", feed(m, 160*ms, false, 0), LeaveMessage)
}

func TestMessageIsLeftAfterSilenceWithoutABeep(t *testing.T) {
	m := NewMessageTimer()
	feed(m, 8*time.Second, true, 0.9)
	wantAction(t, "after 2.4 s of silence", feed(m, 2400*ms, false, 0), WaitForBeep)
	wantAction(t, "after 2.5 s of silence", feed(m, 100*ms, false, 0), LeaveMessage)
}

func TestMessageIsLeftAfterFortySecondsAtTheLatest(t *testing.T) {
	m := NewMessageTimer()
	wantAction(t, "after 39.9 s", feed(m, 39900*ms, true, 0.9), WaitForBeep)
	wantAction(t, "after 40 s", feed(m, 100*ms, true, 0.9), LeaveMessage)
}

func TestSixSecondsOfSilenceMeanNobody(t *testing.T) {
	m := NewMessageTimer()
	wantAction(t, "after 5.9 s", feed(m, 5900*ms, false, 0), Wait)
	wantAction(t, "after 6 s", feed(m, 100*ms, false, 0), GiveUp)
	if m.Reason() != "no sound" {
		t.Errorf("reason %q, want no sound", m.Reason())
	}
}

func TestNoiseAloneMeansNobodyAtTheDeadline(t *testing.T) {
	m := NewMessageTimer()
	wantAction(t, "after 19.9 s", feed(m, 19900*ms, true, 0.1), Wait)
	wantAction(t, "after 20 s", feed(m, 100*ms, true, 0.1), GiveUp)
}

func TestTranscriptCorrectsAPersonOnlyBeforeTheDeadline(t *testing.T) {
	m := NewMessageTimer()
	feed(m, time.Second, true, 0.9)
	wantAction(t, "a second after hello", feed(m, time.Second, false, 0), SpeakToPerson)
	m.SetTranscript("hello this is frank please leave a message")
	wantAction(t, "after a machine's phrase", feed(m, media.FrameTime, true, 0.9), WaitForBeep)

	m = NewMessageTimer()
	feed(m, time.Second, true, 0.9)
	feed(m, 20*time.Second, false, 0)
	m.SetTranscript("can you leave a message at his desk")
	wantAction(t, "after the phrase in a conversation", feed(m, media.FrameTime, false, 0), SpeakToPerson)
}

// FuzzMessageTimer checks that there is a verdict by the deadline, and that a message is
// left by its latest time, whatever the audio is and the voice detector makes of it.
func FuzzMessageTimer(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte("\xff\x7f\x00\x80\x00\x00"), uint8(200))
	f.Fuzz(func(t *testing.T, audio []byte, speech uint8) {
		m, frame := NewMessageTimer(), make([]int16, media.EarFrame)
		if text := string(audio); len(text)%2 == 1 {
			m.SetTranscript(text)
		}
		audio = append(audio, 0, 0)
		for n := range int(40 * time.Second / media.FrameTime) {
			for i := range frame {
				frame[i] = int16(binary.LittleEndian.Uint16(audio[(n*media.EarFrame+i)*2%(len(audio)-1):]))
			}
			a := m.AddFrame(frame, float32(uint8(n)*speech)/255)
			if at := time.Duration(n+1) * media.FrameTime; a == Wait && at >= 20*time.Second || a == WaitForBeep && at >= 40*time.Second {
				t.Fatalf("%v after %v", a, at)
			}
		}
	})
}

func TestMessageTimerDoesNotAllocate(t *testing.T) {
	m, pcm := NewMessageTimer(), audiotest.Tone(1000, media.EarRate, media.EarFrame, 8000)
	if n := testing.AllocsPerRun(500, func() { m.AddFrame(pcm, 0.7) }); n > 0 {
		t.Errorf("%v allocations per frame, want none", n)
	}
}

func BenchmarkMessageTimer(b *testing.B) {
	for name, hz := range map[string][]float64{"tone": {1000}, "voice": {150, 600, 1050}} {
		b.Run(name, func(b *testing.B) {
			pcm := make([]int16, media.EarRate)
			for _, f := range hz {
				for i, v := range audiotest.Tone(f, media.EarRate, media.EarRate, 4000) {
					pcm[i] += v
				}
			}
			m := NewMessageTimer()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.AddFrame(pcm[i%50*media.EarFrame:][:media.EarFrame], 0.7)
			}
		})
	}
}
