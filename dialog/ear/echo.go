package ear

import (
	"math/bits"

	"frontdesk/media"
)

const (
	echoWindow = 5 // latest frames with speech
	echoMin    = 3 // frames of these that must be echo, for the last one to count as echo
)

// echo distinguishes the caller from the agent's own voice that a loudspeaker brings back.
type echo struct {
	detector *media.EchoDetector // nil while the agent has no voice
	recent   uint                // a bit for each of the last echoWindow frames with speech
}

// detect reports whether frame is echo. hasSpeech says that frame sounds like speech.
func (e *echo) detect(frame []int16, hasSpeech bool) bool {
	if e.detector == nil {
		return false
	}
	isEcho := e.detector.IsEcho(frame)
	if !hasSpeech {
		return false
	}
	e.recent = e.recent << 1 & (1<<echoWindow - 1)
	if isEcho {
		e.recent |= 1
	}
	return bits.OnesCount(e.recent) >= echoMin
}

// isPossible reports whether the line may have echo.
func (e *echo) isPossible() bool { return e.detector != nil && e.detector.MayHaveEcho() }

// isExcluded reports whether what is heard now has no echo.
func (e *echo) isExcluded() bool { return e.detector == nil || e.detector.IsQuiet() }

// DetectEcho makes the ear recognize the agent's own voice when it comes back from the
// caller's loudspeaker. The agent must speak through the returned Sink instead of sink.
func (e *Voice) DetectEcho(sink media.Sink) media.Sink {
	e.pump.echo.detector = media.NewEchoDetector()
	return echoReference{sink, e.pump.echo.detector}
}

// echoReference is a Sink that also passes what is played to an EchoDetector.
type echoReference struct {
	media.Sink
	detector *media.EchoDetector
}

// WriteFrame implements media.Sink.
func (r echoReference) WriteFrame(frame []int16) error {
	r.detector.AddPlayed(frame)
	return r.Sink.WriteFrame(frame)
}
