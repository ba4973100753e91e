// Package media is sound: frames, codecs, resampling, the jitter buffer, voice
// activity, paced playout and recording. It imports nothing of Frontdesk. Sound
// enters as RTP payloads or PCM, and leaves as 20 ms frames of signed 16-bit
// mono PCM, or the other way round.
//
// Rates never negotiate inside Frontdesk: ears hear EarRate, mouths speak
// MouthRate, and whoever brings sound at another rate converts it at the edge.
package media

import "time"

const (
	// FrameTime is how long every frame lasts.
	FrameTime = 20 * time.Millisecond
	// EarRate is the rate of everything that listens, in Hz.
	EarRate = 16000
	// EarFrame is the length of a frame that is listened to, in samples.
	EarFrame = EarRate / 50
	// MouthRate is the rate of everything that speaks, in Hz.
	MouthRate = 24000
	// MouthFrame is the length of a frame that is spoken, in samples.
	MouthFrame = MouthRate / 50
)

// Source gives the caller's sound.
type Source interface {
	// ReadFrame fills frame (EarFrame samples at EarRate) with the next 20 ms and
	// blocks until they are there. Loss is concealed and silence is filled in, so
	// frames come at a steady pace. It returns io.EOF once the caller is gone.
	// frame belongs to the reader.
	ReadFrame(frame []int16) error
}

// Sink takes the agent's sound to the caller.
type Sink interface {
	// WriteFrame sends 20 ms (MouthFrame samples at MouthRate). It is called once
	// per FrameTime by the playout clock and must not block; nil means silence, so
	// that the sink can advance its clock without sending. frame belongs to the
	// caller of WriteFrame and must not be kept.
	WriteFrame(frame []int16) error
}
