package caller

import (
	"errors"
	"os"
	"sync"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	maxRecordingTime = time.Hour              // later audio is not recorded
	maxClockDrift    = 200 * time.Millisecond // between the agent's clock and ours, before they are realigned
)

// recorder records both sides of a call at EarRate, on one time line.
type recorder struct {
	start time.Time

	mu        sync.Mutex
	down      *media.Resampler // of the caller's side
	sides     [2][]int16       // caller, agent
	anchor    time.Duration    // where the agent's RTP timestamp is zero
	isAligned bool
}

func newRecorder() *recorder {
	return &recorder{start: time.Now(), down: media.NewResampler(media.MouthRate, media.EarRate)}
}

// addCaller records a frame of the caller, whose audio has no gaps.
func (r *recorder) addCaller(frame []int16, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sides[0]) == 0 {
		r.start = now
	}
	if len(r.sides[0]) < int(maxRecordingTime/time.Second)*media.EarRate {
		r.sides[0] = r.down.Process(r.sides[0], frame)
	}
}

// addAgent records audio of the agent at position, its RTP timestamp.
func (r *recorder) addAgent(pcm []int16, position time.Duration, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	arrived := now.Sub(r.start)
	at := r.anchor + position
	if drift := arrived - at; !r.isAligned || drift > maxClockDrift || drift < -maxClockDrift {
		r.anchor, r.isAligned = r.anchor+drift, true
		at = arrived
	}
	pos := int(at * media.EarRate / time.Second)
	if pos < 0 || pos > int(maxRecordingTime/time.Second)*media.EarRate {
		return
	}
	if missing := pos + len(pcm) - len(r.sides[1]); missing > 0 {
		r.sides[1] = append(r.sides[1], make([]int16, missing)...)
	}
	copy(r.sides[1][pos:], pcm)
}

// save writes a stereo WAV file: caller left, agent right.
func (r *recorder) save(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := os.Create(name)
	if err != nil {
		return fault.Wrap(err, fault.Storage, "cannot write the recording")
	}
	both := make([]int16, 2*max(len(r.sides[0]), len(r.sides[1])))
	for side, pcm := range r.sides {
		for i, s := range pcm {
			both[2*i+side] = s
		}
	}
	if err := errors.Join(media.WriteWAV(f, media.EarRate, 2, both), f.Close()); err != nil {
		return fault.Wrap(err, fault.Storage, "cannot write the recording")
	}
	return nil
}
