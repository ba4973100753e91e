package amd

import (
	"fmt"
	"testing"
	"time"

	"frontdesk/internal/audiotest"
	"frontdesk/media"
)

// beepsIn returns the times at which a beep is reported in a scene that comes through l.
func beepsIn(t testing.TB, l line, s scene) (at []time.Duration) {
	b, pcm := &BeepDetector{}, l.carry(t, append(s, silent(300*ms)))
	for i := 0; i+media.EarFrame <= len(pcm); i += media.EarFrame {
		if b.AddFrame(pcm[i:][:media.EarFrame]) {
			at = append(at, time.Duration(i/media.EarFrame+1)*media.FrameTime)
		}
	}
	return at
}

func TestBeepIsFoundOnceRightAfterItsEnd(t *testing.T) {
	greeting := speech("slt", "You have reached the office of Doctor Miller. Please leave a message after the tone.")
	levels := []float64{-8, -20, -32}
	for n, hz := range []float64{400, 425, 440, 620, 850, 1000, 1004, 1400, 2000, 2500} {
		for k, d := range []time.Duration{100 * ms, 250 * ms, 730 * ms, 2000 * ms} {
			for i, l := range lines[:2] {
				db := levels[(n+k+i)%len(levels)]
				s, end := scene{silent(310 * ms), beep(hz, d, db)}, 310*ms+d
				if hz < 500 { // without a greeting it may be a tone of the network
					s = append(scene{greeting}, s...)
					end += time.Duration(len(greeting(t))) * time.Second / sceneRate
				}
				at := beepsIn(t, l, s)
				if len(at) != 1 || at[0] < end || at[0] > end+160*ms {
					t.Errorf("%s, %v Hz, %v, %v dBFS: found at %v, want once within 160 ms after %v", l.name, hz, d, db, at, end)
				}
			}
		}
	}
}

func TestNetworkTonesAreNotBeeps(t *testing.T) {
	cadence := func(on, off time.Duration, hz ...float64) (s scene) {
		for range 3 {
			s = append(s, chord(on, -18, hz...), silent(off))
		}
		return s
	}
	scenes := map[string]scene{
		"ring-back, Europe":                   cadence(time.Second, 4*time.Second, 425),
		"busy, Europe":                        cadence(480*ms, 480*ms, 425),
		"congestion, Europe":                  cadence(240*ms, 240*ms, 425),
		"ring-back, France":                   cadence(1500*ms, 3500*ms, 440),
		"ring-back, North America":            cadence(2*time.Second, 4*time.Second, 440, 480),
		"busy, North America":                 cadence(500*ms, 500*ms, 480, 620),
		"reorder, North America":              cadence(250*ms, 250*ms, 480, 620),
		"ring-back, United Kingdom":           cadence(400*ms, 200*ms, 400, 450),
		"dial tone, North America":            {chord(4*time.Second, -18, 350, 440)},
		"dial tone, Europe":                   {beep(425, 5*time.Second, -18)},
		"special information tones":           {beep(950, 330*ms, -18), beep(1400, 330*ms, -18), beep(1800, 330*ms, -18)},
		"special information tones with gaps": {beep(914, 274*ms, -18), silent(30 * ms), beep(1371, 274*ms, -18), silent(30 * ms), beep(1777, 380*ms, -18)},
		"answer tone of a fax machine":        {silent(time.Second), beep(2100, 3*time.Second, -18)},
		"click":                               {silent(time.Second), beep(1000, 30*ms, -10)},
		"music":                               {music(6*time.Second, -20)},
		"cough":                               {noiseBurst(250*ms, -20)},
		"only the noise of the line":          {silent(10 * time.Second)},
	}
	for low, name := range map[float64]string{697: "123A", 770: "456B", 852: "789C", 941: "*0#D"} {
		for i, high := range []float64{1209, 1336, 1477, 1633} {
			scenes[fmt.Sprintf("DTMF %c", name[i])] = cadence(100*ms, 100*ms, low, high)
		}
	}
	for name, s := range scenes {
		for _, l := range lines[:2] { // more noise would hide a soft beep, too
			if at := beepsIn(t, l, s); len(at) > 0 {
				t.Errorf("%s, %s: found a beep at %v", name, l.name, at)
			}
		}
	}
}

func TestVowelsAreNotBeeps(t *testing.T) {
	for _, hz := range []float64{95, 130, 210, 300} {
		b := &BeepDetector{}
		for i, pcm := 0, audiotest.Voice(hz, media.EarRate, 4*media.EarRate, 3000); i+media.EarFrame <= len(pcm); i += media.EarFrame {
			frame := make([]int16, media.EarFrame)
			for k := range frame {
				frame[k] = int16(pcm[i+k])
			}
			if b.AddFrame(frame) {
				t.Errorf("a vowel of %v Hz was taken for a beep after %d frames", hz, i/media.EarFrame)
			}
		}
	}
}
