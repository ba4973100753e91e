package media

import (
	"io"
	"testing"
	"testing/synctest"

	"frontdesk/internal/audiotest"
)

func TestPCMSourceReturnsWrittenAudioThenSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, frame := NewPCMSource(), make([]int16, EarFrame)
		s.Write(audiotest.Tone(440, EarRate, 30*EarFrame, 8000))
		var heard []int16
		for range 40 {
			if err := s.ReadFrame(frame); err != nil {
				t.Fatal(err)
			}
			heard = append(heard, frame...)
		}
		near(t, "tone", audiotest.Level(heard[:30*EarFrame], 440, EarRate), 8000, 80)
		near(t, "rest", audiotest.RMS(heard[30*EarFrame:]), 0, 0)
		if n := s.Write(make([]int16, sourceQueue+5)); n != sourceQueue {
			t.Errorf("%d samples queued, want %d", n, sourceQueue)
		}
		s.Clear()
		if n := s.Write(make([]int16, EarRate)); n != EarRate {
			t.Errorf("after Clear %d samples queued", n)
		}
		_ = s.Close()
		if err := s.ReadFrame(frame); err != io.EOF {
			t.Errorf("after Close: %v", err)
		}
	})
}
