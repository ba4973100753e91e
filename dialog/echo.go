package dialog

import (
	"math/bits"
	"slices"

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

func (e *reflection) possible() bool { return e.detector != nil && e.detector.Possible() }

// reflected is a Sink whose sound an EchoDetector learns.
type reflected struct {
	media.Sink
	detector *media.EchoDetector
}

// WriteFrame implements media.Sink.
func (r reflected) WriteFrame(frame []int16) error {
	r.detector.Played(frame)
	return r.Sink.WriteFrame(frame)
}

// repeats reports whether said are words out of what the agent is saying, in a row, and
// no answer: with a loudspeaker near, they are the agent's own.
func repeats(said, spoken string) bool {
	words, all := plainWords(said), plainWords(spoken)
	if len(words) == 0 || isAssent(said) || isBackchannel(said) {
		return false
	}
	for i := 0; i+len(words) <= len(all); i++ {
		if slices.Equal(all[i:i+len(words)], words) {
			return true
		}
	}
	return false
}
