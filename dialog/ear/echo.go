package ear

import (
	"math/bits"

	"frontdesk/media"
)

const (
	echoWindow = 5 // frames that sound like speech, of which
	echoShare  = 3 // so many must be the agent's own voice to take the last one for it
)

// reflection is what an ear knows of the agent's own voice coming back.
type reflection struct {
	detector *media.EchoDetector // nil when the agent has no voice
	recent   uint                // one bit for each of the last echoWindow frames with sound
}

// heard takes a frame and whether it sounds like speech, and reports whether it is echo.
func (e *reflection) heard(frame []int16, sounds bool) bool {
	if e.detector == nil {
		return false
	}
	is := e.detector.IsEcho(frame)
	if !sounds {
		return false
	}
	e.recent = e.recent << 1 & (1<<echoWindow - 1)
	if is {
		e.recent |= 1
	}
	return bits.OnesCount(e.recent) >= echoShare
}

func (e *reflection) unsure() bool { return e.detector != nil && e.detector.IsUnsure() }

func (e *reflection) possible() bool { return e.detector != nil && e.detector.MayHaveEcho() }

// DetectEcho makes the ear recognise the agent's own voice when it comes back from the
// caller's loudspeaker. The agent must speak through the returned Sink instead of sink.
func (e *Voice) DetectEcho(sink media.Sink) media.Sink {
	e.echo.detector = media.NewEchoDetector()
	return reflected{sink, e.echo.detector}
}

// reflected is a Sink whose sound an EchoDetector learns.
type reflected struct {
	media.Sink
	detector *media.EchoDetector
}

// WriteFrame implements media.Sink.
func (r reflected) WriteFrame(frame []int16) error {
	r.detector.AddPlayed(frame)
	return r.Sink.WriteFrame(frame)
}
