package eval

import (
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

// FrameLabel says what a frame of a call holds.
type FrameLabel struct {
	IsSpeech bool
	IsInside bool // a recording; outside is background
	IsOnset  bool // the speech of a recording begins
}

// LabelFrame returns the label of the frame that begins at ms from the beginning of r.
func LabelFrame(r *Recording, ms int) FrameLabel {
	middle := ms + frameMs/2
	return FrameLabel{
		IsSpeech: r.IsSpeech(middle),
		IsInside: middle >= 0 && middle < len(r.PCM)*1000/media.EarRate,
		IsOnset:  middle-frameMs < r.Start && middle >= r.Start,
	}
}

const (
	frameMs = int(media.FrameTime / time.Millisecond)

	// promptFrames is within how many frames a prompt onset is detected.
	promptFrames = 3
)

// FrameTally counts the frames that a voice detector classified. Its zero value is ready
// for one stream.
type FrameTally struct {
	hits, misses, alarms, rejections int
	outside, outsideAlarms           int
	onsets, promptOnsets             int
	sinceOnset                       int // frames, with the onset, while it was not detected; else 0
}

// Add adds a frame that was taken for speech or not.
func (t *FrameTally) Add(l FrameLabel, detected bool) {
	switch {
	case !l.IsInside:
		t.outside++
		if detected {
			t.outsideAlarms++
		}
	case l.IsSpeech && detected:
		t.hits++
	case l.IsSpeech:
		t.misses++
	case detected:
		t.alarms++
	default:
		t.rejections++
	}
	if l.IsOnset {
		t.onsets++
		t.sinceOnset = 1
	}
	switch {
	case t.sinceOnset == 0:
	case !detected:
		t.sinceOnset++
	case t.sinceOnset <= promptFrames:
		t.promptOnsets++
		t.sinceOnset = 0
	default:
		t.sinceOnset = 0
	}
}

// Correct returns how many frames of recordings were classified correctly.
func (t *FrameTally) Correct() int { return t.hits + t.rejections }

// Join adds the counts of o, the tally of another stream.
func (t *FrameTally) Join(o FrameTally) {
	t.hits, t.misses = t.hits+o.hits, t.misses+o.misses
	t.alarms, t.rejections = t.alarms+o.alarms, t.rejections+o.rejections
	t.outside, t.outsideAlarms = t.outside+o.outside, t.outsideAlarms+o.outsideAlarms
	t.onsets, t.promptOnsets = t.onsets+o.onsets, t.promptOnsets+o.promptOnsets
}

// Detection is the score of a voice detector on the 20 ms frames of a corpus, in percent.
type Detection struct {
	Condition string  `json:"condition"`
	Correct   float64 `json:"correct_pct"`       // of the frames of recordings
	Hits      float64 `json:"hits_pct"`          // of those with speech
	Alarms    float64 `json:"false_alarms_pct"`  // of those without
	Outside   float64 `json:"outside_pct"`       // false alarms between the recordings
	Prompt    float64 `json:"prompt_onsets_pct"` // of the beginnings of speech, detected within 60 ms
	CPU       float64 `json:"cpu_us_per_frame"`  // 0 where the system does not tell
}

// Detection returns the score.
func (t *FrameTally) Detection() Detection {
	return Detection{
		Correct: percent(t.Correct(), t.hits+t.misses+t.alarms+t.rejections),
		Hits:    percent(t.hits, t.hits+t.misses), Alarms: percent(t.alarms, t.alarms+t.rejections),
		Outside: percent(t.outsideAlarms, t.outside), Prompt: percent(t.promptOnsets, t.onsets),
	}
}

// RunDetector plays the calls of corpus under c, each to a detector of its own.
func RunDetector(newDetector func() dialog.VoiceDetector, corpus []*Recording, c Condition) (Detection, error) {
	calls, err := Calls(corpus, c)
	if err != nil {
		return Detection{}, err
	}
	var all FrameTally
	frames, began := 0, cpuTime()
	for _, call := range calls {
		d, turn := newDetector(), 0
		var t FrameTally
		for i := range len(call.PCM) / media.EarFrame {
			ms := i * frameMs
			for turn+1 < len(call.Turns) && ms >= call.Turns[turn].At+call.Turns[turn].Len {
				turn++
			}
			s := call.Turns[turn]
			detected := d.Detect(call.PCM[i*media.EarFrame:][:media.EarFrame]) >= 0.5
			t.Add(LabelFrame(s.Recording, ms-s.At), detected)
			frames++
		}
		all.Join(t)
	}
	out := all.Detection()
	out.Condition = c.Name
	out.CPU = float64((cpuTime() - began).Microseconds()) / float64(max(frames, 1))
	return out, nil
}

// Sample returns every nth recording of corpus, and all of it if n is 1 or less.
func Sample(corpus []*Recording, n int) []*Recording {
	if n <= 1 {
		return corpus
	}
	var some []*Recording
	for i := 0; i < len(corpus); i += n {
		some = append(some, corpus[i])
	}
	return some
}
