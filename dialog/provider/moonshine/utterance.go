package moonshine

import (
	"context"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

const (
	maxUtterance = 60 * 50 // frames; later ones are ignored
	pauseFrames  = 3       // without voice, after which the utterance is read at once
	firstReading = 15      // frames of voice before the first reading
	minInterval  = 20      // frames between two readings while the caller speaks
	partialShare = 0.1     // of real time that readings while the caller speaks may take
)

// utterance is what a caller is saying, and the readings of it. Its methods are called by
// one goroutine; the workers see copies.
type utterance struct {
	listener *listener
	queue    *queue
	ctx      context.Context
	cancel   context.CancelFunc

	mu    sync.Mutex // guards audio, which a worker copies when it begins to read
	audio audio

	speechEnd int // frames up to the last one with voice
	voiced    int // frames with voice
	silence   int // frames since speechEnd
	partial   partial
	latest    reading // the last complete one

	current  *task // nil if no reading is in the queue or in progress
	began    int   // frames when the last reading was queued
	interval int   // frames until the next one
}

// task is a reading in the queue or in progress.
type task struct {
	*job
	reading  reading
	isPause  bool
	frames   int // when it was queued
	queuedAt time.Time
	visible  int // in a replay, the frame at which it would be ready
}

func newUtterance(ctx context.Context, l *listener) *utterance {
	u := &utterance{listener: l, queue: l.recognizer.queue, interval: minInterval}
	u.ctx, u.cancel = context.WithCancel(ctx)
	return u
}

// stop cancels what is in progress, without waiting for it.
func (u *utterance) stop() {
	u.dropTask()
	u.cancel()
}

func (u *utterance) dropTask() {
	if u.current != nil {
		u.queue.stop(u.current.job)
		u.current = nil
	}
}

// add appends a copy of frame.
func (u *utterance) add(frame []int16, isVoiced bool) {
	if u.audio.frames() >= maxUtterance {
		return
	}
	u.mu.Lock()
	u.audio.pcm = append(u.audio.pcm, frame...)
	u.audio.voiced = append(u.audio.voiced, isVoiced)
	u.mu.Unlock()
	u.silence++
	if isVoiced {
		u.voiced++
		u.silence, u.speechEnd = 0, u.audio.frames()
	}
}

// schedule begins a reading if it is time for one: at once when the caller falls silent,
// and otherwise so often that it takes a small share of the time. Readings that wait long
// for a worker become rarer by that.
func (u *utterance) schedule() {
	n := u.audio.frames()
	switch {
	case n >= maxUtterance || u.voiced < minVoiced:
	case u.silence == pauseFrames:
		u.dropTask()
		u.begin(atPause)
	case u.current == nil && u.silence == 0 && u.voiced >= firstReading && n-u.began >= u.interval:
		u.begin(whileSpeaking)
	}
}

// begin queues a reading of all frames.
func (u *utterance) begin(how urgency) {
	t := &task{isPause: how > whileSpeaking, frames: u.audio.frames(), queuedAt: time.Now()}
	t.reading = reading{base: u.latest.base, settled: u.latest.settled, tokens: u.latest.tokens}
	u.began = t.frames
	u.current = t
	r := u.listener.recognizer
	t.job = u.queue.submit(u.ctx, how, func(ctx context.Context, w *worker) error {
		m := model{worker: w, tokenizer: r.tokenizer, expect: u.listener.expect, beam: u.listener.beam}
		return t.reading.read(ctx, m, u.copy(t.frames), t.isPause)
	})
	if u.listener.isReplay {
		<-t.done
		t.visible = t.frames + int((t.cpu+media.FrameTime-1)/media.FrameTime)
	}
}

// copy returns the first frames, which do not change any more.
func (u *utterance) copy(frames int) audio {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.audio.first(frames)
}

// collect returns the transcript of a reading that has just become ready, if it changes
// what was yielded.
func (u *utterance) collect() (dialog.Transcript, bool) {
	t := u.current
	if t == nil || u.audio.frames() < t.visible {
		return dialog.Transcript{}, false
	}
	select {
	case <-t.done:
	default:
		return dialog.Transcript{}, false
	}
	u.current = nil
	took := time.Since(t.queuedAt)
	if u.listener.isReplay {
		took = t.cpu
	}
	u.interval = max(minInterval, int(took.Seconds()/partialShare/media.FrameTime.Seconds()))
	if t.err != nil {
		return dialog.Transcript{}, false
	}
	before := u.partial.text(t.isPause)
	u.keep(t)
	text := u.partial.text(t.isPause)
	return dialog.Transcript{Text: text}, text != before
}

// keep makes a reading the latest one.
func (u *utterance) keep(t *task) {
	u.latest = t.reading
	if t.isPause {
		u.partial.replace(t.reading.all())
	} else {
		u.partial.update(t.reading.all())
	}
	u.queue.add(func(s *Stats) { s.Retried += int64(t.reading.retries) })
}

// finish returns the final transcript, when no frame follows. A reading at a pause is the
// final one if the caller said no more.
func (u *utterance) finish() (dialog.Transcript, error) {
	u.queue.add(func(s *Stats) {
		s.Utterances++
		s.Audio += u.audio.duration()
	})
	if u.voiced < minVoiced {
		return dialog.Transcript{Final: true}, nil
	}
	t := u.current
	if t == nil || !t.isPause || t.frames < u.speechEnd {
		if t == nil && u.isRead() {
			return u.final(u.latest), nil
		}
		u.dropTask()
		u.begin(atEnd)
		t = u.current
	}
	select {
	case <-t.done:
	case <-u.ctx.Done():
		return dialog.Transcript{}, u.ctx.Err()
	}
	u.current = nil
	if t.err != nil {
		return dialog.Transcript{}, t.err
	}
	u.keep(t)
	return u.final(t.reading), nil
}

// isRead reports whether a reading at a pause covers all that was said.
func (u *utterance) isRead() bool { return u.latest.isFinal && u.latest.frames >= u.speechEnd }

func (u *utterance) final(r reading) dialog.Transcript {
	text := join(r.all())
	if text == "" && r.noises > 0 {
		u.queue.add(func(s *Stats) { s.Rejected++ })
	}
	return dialog.Transcript{Text: text, Final: true}
}
