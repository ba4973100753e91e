package desktest

import (
	"context"
	"iter"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/audiotest"
	"frontdesk/media"
)

// EchoModel replies "You said one, then two." to a caller whose messages were "one" and "two".
type EchoModel struct{}

// Reply implements dialog.Model.
func (EchoModel) Reply(_ context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		var said []string
		for _, m := range p.Messages {
			if m.Role == dialog.User {
				said = append(said, m.Text)
			}
		}
		yield(dialog.Chunk{Text: "You said " + strings.Join(said, ", then ") + "."}, nil)
	}
}

// ToneVoice is a synthesizer that speaks every text as a sine tone.
type ToneVoice struct {
	Hz           float64
	Amplitude    float64       // default 8000
	Duration     time.Duration // of every clause
	PerCharacter time.Duration // added for each byte of the text
}

// Speak implements dialog.Synthesizer.
func (v ToneVoice) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		amplitude := v.Amplitude
		if amplitude == 0 {
			amplitude = 8000
		}
		d := v.Duration + time.Duration(len(text))*v.PerCharacter
		yield(audiotest.Tone(v.Hz, media.MouthRate, int(d*media.MouthRate/time.Second), amplitude), nil)
	}
}

// ToneRecognizer transcribes every utterance as "tone", and measures how much of its
// audio is a tone.
type ToneRecognizer struct {
	Hz     float64
	Shares chan float64 // the ToneShare of the loud part of each utterance; dropped when full
}

// Listen implements dialog.Recognizer.
func (r ToneRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return r, nil
}

// Close implements dialog.Listener.
func (ToneRecognizer) Close() error { return nil }

// Utterance implements dialog.Listener.
func (r ToneRecognizer) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		var pcm []int16
		loud := 0
		for frame := range frames {
			if isLoud(frame) {
				loud += len(frame)
			}
			pcm = append(pcm, frame...)
		}
		if loud > 0 {
			// Silent frames add nothing to the tone, but ToneShare counts their length.
			select {
			case r.Shares <- audiotest.ToneShare(pcm, r.Hz, media.EarRate) * float64(len(pcm)) / float64(loud):
			default:
			}
		}
		yield(dialog.Transcript{Text: "tone", Final: true}, nil)
	}
}

// LoudnessDetector is a voice detector that detects every loud frame as speech.
type LoudnessDetector struct{}

// NewLoudnessDetector is a dialog.Agent's Detector.
func NewLoudnessDetector() dialog.VoiceDetector { return LoudnessDetector{} }

// Detect implements dialog.VoiceDetector.
func (LoudnessDetector) Detect(frame []int16) float32 {
	if isLoud(frame) {
		return 1
	}
	return 0
}

func isLoud(frame []int16) bool { return audiotest.RMS(frame) > 300 }

// NullSink is a media.Sink that discards every frame.
type NullSink struct{}

// WriteFrame implements media.Sink.
func (NullSink) WriteFrame([]int16) error { return nil }
