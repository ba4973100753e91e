//go:build cgo && measure

package piper

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk/dialog/provider/moonshine"
	"frontdesk/internal/eval"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
	"frontdesk/internal/spoken"
	"frontdesk/media"
)

// TestMeasureWords cuts clauses where words end, by the durations of phonemes and by the share
// of letters that mouth.Voice estimates by without them. Moonshine counts the words that the
// caller heard:
//
//	go test -tags measure -run MeasureWords -v ./dialog/provider/piper
func TestMeasureWords(t *testing.T) {
	r, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	ears, err := moonshine.Open(moonshine.Config{Runtime: r, Dir: filepath.Dir(modelstest.File(t, "moonshine-base-en", "tokenizer.bin"))})
	require.NoError(t, err)
	defer ears.Close()
	s := open(t)
	var differences []float64 // in ms
	var wrong, missing [2]int
	cuts := 0
	for i, text := range slices.Concat(supportSentences, eval.VoiceSentences()) {
		pcm, ends := sayTimed(t, s, text)
		letters := 0.0
		var shares []float64
		for _, w := range strings.Fields(text) {
			letters += float64(len([]rune(strings.ReplaceAll(spoken.Form(w, "en-US"), " ", ""))))
			shares = append(shares, letters)
		}
		if len(shares) != len(ends) {
			t.Fatalf("%q: %d ends", text, len(ends))
		}
		for k, e := range ends[:len(ends)-1] {
			estimate := int(shares[k] / letters * float64(len(pcm)))
			differences = append(differences, math.Abs(float64(estimate-e.Samples))*1000/media.MouthRate)
			if i >= len(supportSentences) || k%3 != i%3 { // numbers are heard in many ways
				continue
			}
			cuts++
			for j, at := range []int{e.Samples, estimate} {
				heard := hear(t, ears, convert(slices.Clone(pcm[:at]), media.MouthRate, media.EarRate))
				n := len(strings.Fields(heard)) - (k + 1)
				if n != 0 {
					wrong[j]++
				}
				if n < 0 {
					missing[j]++
				}
			}
		}
	}
	slices.Sort(differences)
	n := len(differences)
	t.Logf("%d words: the estimate by letters is wrong by %.0f ms (median), %.0f ms (95th of 100), %.0f ms (largest)",
		n, differences[n/2], differences[n*95/100], differences[n-1])
	t.Logf("%d cuts: another number of words is heard after %d by durations (%d fewer), %d by letters (%d fewer)", cuts, wrong[0], missing[0], wrong[1], missing[1])
}
