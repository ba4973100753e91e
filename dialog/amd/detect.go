// Package amd is answering-machine detection: it judges whether a person or a machine
// answered a call that Frontdesk made, and when a message may be left.
//
// Detect reads the frames of a line, and transcripts of them if the agent has a
// recognizer, and returns a Detection. A MessageTimer decides what to do, from the verdict
// of a Classifier, which uses a BeepDetector. It imports dialog, media and internal/fft.
package amd

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"frontdesk/dialog"
	"frontdesk/media"
)

const recognizerQueue = 250 // frames that may wait for the recognizer; further ones are dropped

var errHungUp = errors.New("the called party hung up")

// Detection says who answered a call that Frontdesk made. The verdict may still change.
type Detection struct {
	IsMachine bool   // a message may be left now
	Reason    string // in a few words

	timer    *MessageTimer // nil without a voice detector
	detector dialog.VoiceDetector
}

// Detect listens on a call that Frontdesk made until it is known whether a person or a
// machine answered. It waits for the end of a machine's greeting, and for the beep. Nobody
// else may use line until Detect returns. The error says why the line broke or ctx ended.
func Detect(ctx context.Context, agent *dialog.Agent, line dialog.Line) (*Detection, error) {
	if agent.Detector == nil {
		return &Detection{Reason: "not listened to"}, nil
	}
	d := &Detection{timer: NewMessageTimer(), detector: agent.Detector()}
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	// Send silence: a line that sends nothing may receive nothing.
	tasks.Go(func() { _ = media.NewPlayout(line.Sink).Run(ctx) })
	var transcript atomic.Pointer[string]
	frames := make(chan []int16, recognizerQueue)
	if agent.Recognizer != nil {
		tasks.Go(func() { transcribe(ctx, agent, line.Narrowband, frames, &transcript) })
	}
	frame := make([]int16, media.EarFrame)
	for {
		if err := line.Source.ReadFrame(frame); err != nil {
			return nil, err
		}
		select {
		case _, isOpen := <-line.Inputs:
			if !isOpen {
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
		if text := transcript.Load(); text != nil {
			d.timer.SetTranscript(*text)
		}
		switch d.addFrame(frame) {
		case SpeakToPerson, GiveUp: // a silent callee may still be a person
			return d, nil
		case LeaveMessage:
			d.IsMachine = true
			return d, nil
		}
	}
}

func (d *Detection) addFrame(frame []int16) Action {
	action := d.timer.AddFrame(frame, d.detector.Detect(frame))
	d.Reason = d.timer.Reason()
	return action
}

// Watch returns a Source that yields the frames of source and continues the detection: if a
// beep comes before the deadline, the verdict changes from person to machine, and ReadFrame
// calls onMachine, once.
func (d *Detection) Watch(source media.Source, onMachine func()) media.Source {
	if d.timer == nil {
		return source
	}
	return &watchedSource{Source: source, detection: d, onMachine: onMachine}
}

type watchedSource struct {
	media.Source
	detection *Detection
	onMachine func()
}

// ReadFrame implements media.Source.
func (w *watchedSource) ReadFrame(frame []int16) error {
	if err := w.Source.ReadFrame(frame); err != nil {
		return err
	}
	d := w.detection
	if d.timer.classifier.age < deadline && !d.IsMachine && d.addFrame(frame) == LeaveMessage {
		d.IsMachine = true
		w.onMachine()
	}
	return nil
}

// transcribe stores the transcript so far in transcript, until ctx ends. If the recognizer
// fails, detection continues by the audio alone.
func transcribe(ctx context.Context, agent *dialog.Agent, isNarrowband bool, frames <-chan []int16, transcript *atomic.Pointer[string]) {
	listener, err := agent.OpenListener(ctx, isNarrowband)
	if err != nil {
		return
	}
	defer listener.Close()
	utterance := func(yield func([]int16) bool) {
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
	for t, err := range listener.Utterance(ctx, utterance) {
		if err != nil {
			return
		}
		transcript.Store(&t.Text)
	}
}
