package amd

import (
	"fmt"
	"testing"
	"time"

	"frontdesk/media"
)

// beepsIn are the times at which a beep is reported in a scene, through line.
func beepsIn(t testing.TB, l line, scene sounds) (at []time.Duration) {
	b, pcm := &BeepDetector{}, l.carry(t, append(scene, silent(300*ms)))
	for i := 0; i+media.EarFrame <= len(pcm); i += media.EarFrame {
		if b.Hear(pcm[i:][:media.EarFrame]) {
			at = append(at, time.Duration(i/media.EarFrame+1)*media.FrameTime)
		}
	}
	return at
}

func TestABeepIsHeardOnceRightAfterItsEnd(t *testing.T) {
	greeting := say("slt", "You have reached the office of Doctor Miller. Please leave a message after the tone.")
	levels := []float64{-8, -20, -32}
	for n, hz := range []float64{400, 425, 440, 620, 850, 1000, 1004, 1400, 2000, 2500} {
		for k, d := range []time.Duration{100 * ms, 250 * ms, 730 * ms, 2000 * ms} {
			for i, l := range lines[:2] {
				db := levels[(n+k+i)%len(levels)]
				scene, end := sounds{silent(310 * ms), beep(hz, d, db)}, 310*ms+d
				if hz < 500 { // else it may be the network's
					scene = append(sounds{greeting}, scene...)
					end += time.Duration(len(greeting(t))) * time.Second / 8000
				}
				at := beepsIn(t, l, scene)
				if len(at) != 1 || at[0] < end || at[0] > end+160*ms {
					t.Errorf("%s, %v Hz, %v, %v dBFS: heard at %v, it ends at %v", l.name, hz, d, db, at, end)
				}
			}
		}
	}
}

func TestABeepIsNoneOfTheNetworksTones(t *testing.T) {
	cadence := func(on, off time.Duration, hz ...float64) (s sounds) {
		for range 3 {
			s = append(s, chord(on, -18, hz...), silent(off))
		}
		return s
	}
	scenes := map[string]sounds{
		"ring-back, Europe":              cadence(time.Second, 4*time.Second, 425),
		"busy, Europe":                   cadence(480*ms, 480*ms, 425),
		"congestion, Europe":             cadence(240*ms, 240*ms, 425),
		"ring-back, France":              cadence(1500*ms, 3500*ms, 440),
		"ring-back, North America":       cadence(2*time.Second, 4*time.Second, 440, 480),
		"busy, North America":            cadence(500*ms, 500*ms, 480, 620),
		"reorder, North America":         cadence(250*ms, 250*ms, 480, 620),
		"ring-back, United Kingdom":      cadence(400*ms, 200*ms, 400, 450),
		"dial tone, North America":       {chord(4*time.Second, -18, 350, 440)},
		"dial tone, Europe":              {beep(425, 5*time.Second, -18)},
		"special information tones":      {beep(950, 330*ms, -18), beep(1400, 330*ms, -18), beep(1800, 330*ms, -18)},
		"the same with gaps":             {beep(914, 274*ms, -18), silent(30 * ms), beep(1371, 274*ms, -18), silent(30 * ms), beep(1777, 380*ms, -18)},
		"a fax machine's answer":         {silent(time.Second), beep(2100, 3*time.Second, -18)},
		"a click":                        {silent(time.Second), beep(1000, 30*ms, -10)},
		"music":                          {music(6*time.Second, -20)},
		"a cough":                        {burst(250*ms, -20)},
		"nothing but the noise of lines": {silent(10 * time.Second)},
	}
	for low, name := range map[float64]string{697: "123A", 770: "456B", 852: "789C", 941: "*0#D"} {
		for i, high := range []float64{1209, 1336, 1477, 1633} {
			scenes[fmt.Sprintf("DTMF %c", name[i])] = cadence(100*ms, 100*ms, low, high)
		}
	}
	for name, scene := range scenes {
		for _, l := range lines[:2] { // a soft beep is lost in more noise

			if at := beepsIn(t, l, scene); len(at) > 0 {
				t.Errorf("%s, %s: a beep at %v", name, l.name, at)
			}
		}
	}
}

func TestABeepIsNoVoice(t *testing.T) {
	for _, hz := range []float64{95, 130, 210, 300} {
		b := &BeepDetector{}
		for i, pcm := 0, voice(hz, 4*media.EarRate, 3000); i+media.EarFrame <= len(pcm); i += media.EarFrame {
			frame := make([]int16, media.EarFrame)
			for k := range frame {
				frame[k] = int16(pcm[i+k])
			}
			if b.Hear(frame) {
				t.Errorf("a vowel of %v Hz is a beep after %d frames", hz, i/media.EarFrame)
			}
		}
	}
}
