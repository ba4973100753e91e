//go:build cgo

package silero

import (
	"math"
	"slices"
	"testing"

	"frontdesk/internal/modelstest"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// brokenChords returns chords that a plucked instrument plays note by note.
func brokenChords(seconds int) []int16 {
	x := make([]float64, seconds*media.EarRate)
	for i, at := 0, 0; at < len(x); i, at = i+1, at+media.EarRate/4 {
		hz := []float64{262, 330, 392, 523, 220, 262, 330, 440}[i%8]
		for j := range min(len(x)-at, media.EarRate) {
			t := float64(j) / media.EarRate
			for k := 1.0; k <= 6; k++ {
				x[at+j] += 1500 / k * math.Exp(-2*k*t) * math.Sin(2*math.Pi*hz*k*t)
			}
		}
	}
	pcm := make([]int16, len(x))
	for i, v := range x {
		pcm[i] = int16(v)
	}
	return pcm
}

// speechShare returns the share of frames that a detector takes for speech.
func speechShare(d interface{ Detect([]int16) float32 }, pcm []int16) float64 {
	speech, frames := 0.0, 0.0
	for frame := range slices.Chunk(pcm[:len(pcm)/media.EarFrame*media.EarFrame], media.EarFrame) {
		if d.Detect(frame) >= 0.5 {
			speech++
		}
		frames++
	}
	return speech / frames
}

func TestFusedDetectorHearsSpeechAndNotMusic(t *testing.T) {
	n, err := open(t, modelstest.File(t, "silero-vad", "silero_vad.onnx"))
	require.NoError(t, err)
	silence := make([]int16, media.EarRate)
	music := append(silence, brokenChords(6)...)
	if share := speechShare(media.NewDetector(), music); share < 0.5 {
		t.Errorf("the built-in detector takes %.2f of the music for speech: this test needs harder music", share)
	}
	if share := speechShare(n.Fused(), music); share > 0.1 {
		t.Errorf("%.2f of the music is judged to be speech", share)
	}
	speech := fliteSpeech(t, "I would like to know where my order is, please.")
	// After a second of silence the network rests, and speech wakes it up.
	share := speechShare(n.Fused(), append(silence, speech...))
	if want := 0.7 * float64(len(speech)) / float64(len(speech)+len(silence)); share < want {
		t.Errorf("%.2f of the frames are judged to be speech, want at least %.2f", share, want)
	}
}

func TestNetworkRestsInSilence(t *testing.T) {
	n, err := openBytes(t, adder())
	require.NoError(t, err)
	d := n.Fused().(*fused)
	silence := make([]int16, 2*media.EarRate)
	speechShare(d, silence)
	if d.network.filled != 0 || slices.Max(d.network.stream.state) != 0 {
		t.Error("the network has run in silence")
	}
	speechShare(d, fliteSpeech(t, "Where is my order?"))
	if slices.Max(d.network.stream.state) == 0 {
		t.Error("the network has not run in speech")
	}
	speechShare(d, silence)
	before := d.network.filled
	if d.Detect(silence[:media.EarFrame]); d.network.filled != before {
		t.Error("the network has run in silence after speech")
	}
	if a := testing.AllocsPerRun(100, func() { d.Detect(silence[:media.EarFrame]) }); a > 0 {
		t.Errorf("%v allocations", a)
	}
}

func TestFailedNetworkLeavesTheBuiltInDetector(t *testing.T) {
	n, err := openBytes(t, adder())
	require.NoError(t, err)
	d := n.Fused().(*fused)
	d.network.fallback = media.NewDetector()
	speech := fliteSpeech(t, "Where is my order?")
	if got, want := speechShare(d, speech), speechShare(media.NewDetector(), speech); got != want {
		t.Errorf("%.3f of the frames, want %.3f", got, want)
	}
}
