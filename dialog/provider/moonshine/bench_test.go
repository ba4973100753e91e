//go:build cgo

package moonshine

import (
	"testing"

	"frontdesk/internal/require"
	"frontdesk/media"
)

// BenchmarkUtterance recognizes an utterance of 3 s, with partial transcripts. It reports
// the CPU time for each second of audio, and that of a reading at the end, which is how
// long the final transcript takes on an idle core.
func BenchmarkUtterance(b *testing.B) {
	r := open(b)
	l := listen(b, r)
	pcm := fliteSpeech(b, "rms", "Can you tell me where my order is?")
	pcm = pcm[:min(len(pcm), 3*media.EarRate)]
	before := r.Stats()
	for b.Loop() {
		_, err := recognize(b.Context(), l, pcm)
		require.NoError(b, err)
	}
	after := r.Stats()
	b.ReportMetric((after.CPU-before.CPU).Seconds()/(after.Audio-before.Audio).Seconds(), "cpu/s")
	b.ReportMetric((after.FinalCPU-before.FinalCPU).Seconds()*1000/float64(after.Pauses+after.Finals-before.Pauses-before.Finals), "ms/final")
}
