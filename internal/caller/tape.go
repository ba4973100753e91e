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
	maxTape = time.Hour              // what comes later is not recorded
	drift   = 200 * time.Millisecond // between the agent's clock and ours, before it is set anew
)

// tape records both sides of a call at EarRate, on one time line.
type tape struct {
	began time.Time

	mu     sync.Mutex
	down   *media.Resampler // of the left side
	sides  [2][]int16
	anchor time.Duration // where the right side's RTP time stamp was zero
	set    bool
}

func newTape() *tape {
	return &tape{began: time.Now(), down: media.NewResampler(media.MouthRate, media.EarRate)}
}

// left records a frame of the caller, which has no gaps.
func (t *tape) left(frame []int16, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sides[0]) == 0 {
		t.began = now
	}
	if len(t.sides[0]) < int(maxTape/time.Second)*media.EarRate {
		t.sides[0] = t.down.Process(t.sides[0], frame)
	}
}

// right records sound of the agent where its time stamp says.
func (t *tape) right(pcm []int16, position time.Duration, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	arrived := now.Sub(t.began)
	at := t.anchor + position
	if off := arrived - at; !t.set || off > drift || off < -drift {
		t.anchor, t.set = t.anchor+off, true
		at = arrived
	}
	pos := int(at * media.EarRate / time.Second)
	if pos < 0 || pos > int(maxTape/time.Second)*media.EarRate {
		return
	}
	if need := pos + len(pcm) - len(t.sides[1]); need > 0 {
		t.sides[1] = append(t.sides[1], make([]int16, need)...)
	}
	copy(t.sides[1][pos:], pcm)
}

// save writes a stereo WAV file: caller left, agent right.
func (t *tape) save(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := os.Create(name)
	if err != nil {
		return fault.Wrap(err, fault.Storage, "the recording cannot be written")
	}
	both := make([]int16, 2*max(len(t.sides[0]), len(t.sides[1])))
	for side, pcm := range t.sides {
		for i, s := range pcm {
			both[2*i+side] = s
		}
	}
	if err := errors.Join(media.WriteWAV(f, media.EarRate, 2, both), f.Close()); err != nil {
		return fault.Wrap(err, fault.Storage, "the recording cannot be written")
	}
	return nil
}
