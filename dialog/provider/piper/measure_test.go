//go:build cgo && measure

package piper

import (
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/espeak"
	"frontdesk/dialog/provider/flite"
	"frontdesk/dialog/provider/moonshine"
	"frontdesk/internal/eval"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// supportSentences are what an agent says, with few figures, because a recognizer may write
// those in many ways.
var supportSentences = []string{
	"Thanks for calling Willow Lane, how can I help you today?",
	"Your order has been shipped this morning.",
	"Refunds take three to five working days.",
	"We will send you an email when the money is on its way.",
	"Please turn the printer off and wait for ten seconds.",
	"Our stores open at nine in the morning and close at eight in the evening.",
	"Could you please tell me the number of your order?",
	"I am sorry to hear that, let me see what I can do.",
	"You can return the lamp within thirty days if it is not damaged.",
	"The warranty covers the battery for two years.",
	"Would you like to speak with a person?",
	"I have opened a ticket, and somebody will call you back tomorrow.",
	"Delivery is free for orders above fifty dollars.",
	"Please check that the cable is connected at both ends.",
	"The router needs about five minutes to restart.",
	"We do not store your password, so you need to choose a new one.",
	"Is there anything else that I can do for you?",
	"Thank you for your patience, and have a nice day.",
}

func cpuTime(who int) time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(who, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// TestMeasureVoices lets Moonshine listen to the voices of this machine, and measures the CPU
// time until the first audio and for each second of audio:
//
//	go test -tags measure -run MeasureVoices -v ./dialog/provider/piper
func TestMeasureVoices(t *testing.T) {
	r, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	ears, err := moonshine.Open(moonshine.Config{Runtime: r, Dir: filepath.Dir(modelstest.File(t, "moonshine-base-en", "tokenizer.bin"))})
	require.NoError(t, err)
	defer ears.Close()
	neural := open(t)
	slt, err := flite.New(flite.Config{})
	require.NoError(t, err)
	classic, err := espeak.New(espeak.Config{})
	require.NoError(t, err)
	for _, voice := range []struct {
		name string
		dialog.Synthesizer
	}{{"Piper joe", neural}, {"flite slt", slt}, {"espeak-ng", classic}} {
		measure(t, voice.name, voice.Synthesizer, ears)
	}
}

func measure(t *testing.T, name string, s dialog.Synthesizer, ears dialog.Recognizer) {
	var wide, narrow eval.WordErrors
	var seconds float64
	var first, all time.Duration
	words := 0
	for _, text := range supportSentences {
		runtime.GC()
		before := cpuTime(syscall.RUSAGE_SELF) + cpuTime(syscall.RUSAGE_CHILDREN)
		var pcm []int16
		for piece, err := range s.Speak(t.Context(), text, dialog.Voice{Language: "en-US"}) {
			require.NoError(t, err)
			if pcm == nil {
				first += cpuTime(syscall.RUSAGE_SELF) + cpuTime(syscall.RUSAGE_CHILDREN) - before
			}
			pcm = append(pcm, piece...)
		}
		all += cpuTime(syscall.RUSAGE_SELF) + cpuTime(syscall.RUSAGE_CHILDREN) - before
		seconds += float64(len(pcm)) / media.MouthRate
		heard := hear(t, ears, convert(pcm, media.MouthRate, media.EarRate))
		e := eval.CompareWords(text, heard)
		if e.Total() > 0 {
			t.Logf("%s: %q was heard as %q", name, text, heard)
		}
		words += e.Words
		wide = add(wide, e)
		telephone := convert(convert(pcm, media.MouthRate, 8000), 8000, media.EarRate)
		narrow = add(narrow, eval.CompareWords(text, hear(t, ears, telephone)))
	}
	n := time.Duration(len(supportSentences))
	t.Logf("| %s | %.1f %% | %.1f %% | %d ms | %.3f |", name, 100*float64(wide.Total())/float64(words), 100*float64(narrow.Total())/float64(words),
		(first / n).Milliseconds(), all.Seconds()/seconds)
}

func add(a, b eval.WordErrors) eval.WordErrors {
	return eval.WordErrors{Substituted: a.Substituted + b.Substituted, Deleted: a.Deleted + b.Deleted, Inserted: a.Inserted + b.Inserted, Words: a.Words + b.Words}
}

func convert(pcm []int16, from, to int) []int16 {
	r := media.NewResampler(from, to)
	return r.Flush(r.Process(nil, pcm))
}

// hear returns what a recognizer makes of pcm, at media.EarRate, with 0.3 s of silence around.
func hear(t *testing.T, ears dialog.Recognizer, pcm []int16) string {
	l, err := ears.Listen(t.Context(), nil)
	require.NoError(t, err)
	defer l.Close()
	quiet := make([]int16, media.EarRate*3/10)
	pcm = append(append(quiet, pcm...), make([]int16, len(quiet)+media.EarFrame)...)
	frames := func(yield func([]int16, bool) bool) {
		for i := 0; i+media.EarFrame <= len(pcm); i += media.EarFrame {
			f := pcm[i : i+media.EarFrame]
			if !yield(f, media.RMS(f) > 60) {
				return
			}
		}
	}
	text := ""
	for transcript, err := range l.(dialog.VoicedListener).VoicedUtterance(t.Context(), frames) {
		require.NoError(t, err)
		text = transcript.Text
	}
	return text
}
