// Package amd is answering-machine detection: it judges whether a person or a machine
// answered a call that Frontdesk made, and when a message may be left. Frames and
// transcripts go in, a Detection comes out. It imports dialog and media.
package amd

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

const (
	screenQueue = 250              // frames a recogniser may be behind; then it misses some
	screenTime  = 20 * time.Second // in which a beep shows that a person was none
)

var errHungUp = errors.New("who was called hung up")

// Screening is who took a call we made, as far as that is known.
type Detection struct {
	Machine bool   // a message may be left now
	Reason  string // in a few words

	message  *MessageTimer
	detector dialog.VoiceDetector
	age      time.Duration
}

// Screen listens to who took a call we made until it is known whether that is a person or
// a machine. Of a machine it hears the greeting out, and its beep. Nobody else may use
// line until it returns. The error is the line's end, or ctx's.
func Detect(ctx context.Context, agent *dialog.Agent, line dialog.Line) (*Detection, error) {
	s := &Detection{Reason: "not listened to"}
	if agent.Detector == nil {
		return s, nil
	}
	s.message = NewMessageTimer(AnswerOptions{}, MessageOptions{})
	s.detector = agent.Detector()
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { _ = media.NewPlayout(line.Sink).Run(ctx) }) // a line that sends nothing may hear nothing
	words := new(atomic.Pointer[string])
	frames := make(chan []int16, screenQueue)
	if agent.Recognizer != nil {
		work.Go(func() { spot(ctx, agent, line.Narrowband, frames, words) })
	}
	frame := make([]int16, media.EarFrame)
	for {
		if err := line.Source.ReadFrame(frame); err != nil {
			return nil, err
		}
		select {
		case _, ok := <-line.Inputs:
			if !ok {
				return nil, errHungUp
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		default:
		}
		select {
		case frames <- append([]int16(nil), frame...):
		default:
		}
		if text := words.Load(); text != nil {
			s.message.Words(*text)
		}
		switch s.hear(frame) {
		case SpeakToPerson, GiveUp: // who is silent may be a person still
			return s, nil
		case LeaveMessage:
			s.Machine = true
			return s, nil
		}
	}
}

func (s *Detection) hear(frame []int16) Action {
	s.age += media.FrameTime
	stage := s.message.Hear(frame, s.detector.Detect(frame))
	s.Reason = s.message.Reason()
	return stage
}

// Watch is source, which goes on being listened to: what seemed to be a person is a
// machine when it beeps. Then beeped is called, once.
func (s *Detection) Watch(source media.Source, beeped func()) media.Source {
	if s.message == nil {
		return source
	}
	return &watched{Source: source, screening: s, beeped: beeped}
}

type watched struct {
	media.Source
	screening *Detection
	beeped    func()
}

// ReadFrame implements media.Source.
func (w *watched) ReadFrame(frame []int16) error {
	if err := w.Source.ReadFrame(frame); err != nil {
		return err
	}
	if s := w.screening; s.age < screenTime && !s.Machine && s.hear(frame) == LeaveMessage {
		s.Machine = true
		w.beeped()
	}
	return nil
}

// spot tells what was understood so far, until ctx ends.
func spot(ctx context.Context, agent *dialog.Agent, narrow bool, frames <-chan []int16, words *atomic.Pointer[string]) {
	listener, err := agent.OpenListener(ctx, narrow)
	if err != nil {
		return // the sound alone has to do
	}
	defer listener.Close()
	heard := func(yield func([]int16) bool) {
		for {
			select {
			case frame := <-frames:
				if !yield(frame) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
	for t, err := range listener.Utterance(ctx, heard) {
		if err != nil {
			return
		}
		words.Store(&t.Text)
	}
}
