// Package media handles audio: frames, codecs, resampling, the jitter buffer, packet loss
// concealment, voice activity, echo, DTMF, playout, recording and WAV files. Of Frontdesk
// it imports only internal/fft. Audio enters as RTP payloads or PCM and leaves as 20 ms
// frames of signed 16-bit mono PCM, or the other way round.
//
// Inside Frontdesk rates are fixed: what listens gets EarRate, what speaks gives MouthRate,
// and a signaling package converts any other rate.
package media

import (
	"math"
	"time"
)

const (
	// FrameTime is how long every frame lasts.
	FrameTime = 20 * time.Millisecond
	// EarRate is the sample rate of everything that listens, in Hz.
	EarRate = 16000
	// EarFrame is the length of a frame at EarRate, in samples.
	EarFrame = EarRate / 50
	// MouthRate is the sample rate of everything that speaks, in Hz.
	MouthRate = 24000
	// MouthFrame is the length of a frame at MouthRate, in samples.
	MouthFrame = MouthRate / 50
)

// Source gives the caller's audio.
type Source interface {
	// ReadFrame fills frame (EarFrame samples at EarRate) with the next 20 ms and
	// blocks until they are there. Loss is concealed and silence is filled in, so
	// frames come at a steady pace. It returns io.EOF once the caller is gone.
	// frame belongs to the reader.
	ReadFrame(frame []int16) error
}

// Sink takes the agent's audio to the caller.
type Sink interface {
	// WriteFrame sends 20 ms (MouthFrame samples at MouthRate). It is called once
	// per FrameTime by the playout clock and must not block; nil means silence, so
	// that the sink can advance its clock without sending. frame belongs to the
	// caller of WriteFrame and must not be kept.
	WriteFrame(frame []int16) error
}

// RMS returns the root of the mean square of pcm; 0 if pcm is empty.
func RMS(pcm []int16) float64 {
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}
