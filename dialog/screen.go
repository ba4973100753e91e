package dialog

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk/media"
)

const (
	screenWait  = 40 * time.Second        // for a machine's greeting to end
	noBeep      = 2500 * time.Millisecond // of silence after a greeting: there will be no beep
	screenQueue = 250                     // frames a recogniser may be behind; then it misses some
)

var errHungUp = errors.New("who was called hung up")

// machinesSay is what only answering machines say, in the languages of the built-in texts.
var machinesSay = []string{
	"leave a message", "leave your message", "leave me a message", "leave your name", "after the tone", "after the beep",
	"at the tone", "voicemail", "voice mail", "not available", "unavailable", "can't come to the phone", "cannot come to the phone",
	"can't take your call", "cannot take your call", "you have reached", "you've reached", "get back to you", "return your call",
	"nach dem ton", "nach dem signalton", "piepton", "mailbox", "nachricht hinterlassen", "hinterlassen sie", "nicht erreichbar",
	"después de la señal", "después del tono", "buzón de voz", "deje su mensaje", "dejar un mensaje", "no está disponible",
	"après le bip", "après le signal", "messagerie", "laissez un message", "laisser un message", "pas disponible",
}

// isMachine reports whether text is what only an answering machine says.
func isMachine(text string) bool {
	text = " " + strings.Join(plainWords(text), " ") + " "
	for _, phrase := range machinesSay {
		if strings.Contains(text, " "+phrase+" ") {
			return true
		}
	}
	return false
}

// Screen listens to who took a call we made until it is known whether that is a person or
// a machine. Of a machine it hears the greeting out, and returns when a message may be
// left. Nobody else may use line until it returns. The error is the line's end, or ctx's.
func Screen(ctx context.Context, agent *Agent, line Line) (who media.Answered, why string, err error) {
	if agent.Detector == nil {
		return media.Unknown, "", nil
	}
	ctx, cancel := context.WithCancel(ctx)
	var silence sync.WaitGroup
	defer silence.Wait()
	silence.Go(func() { _ = media.NewPlayout(line.Sink).Run(ctx) }) // a line that sends nothing may hear nothing
	var words atomic.Bool
	frames := make(chan []int16, screenQueue)
	var recognising sync.WaitGroup
	defer recognising.Wait()
	defer cancel()
	if agent.Recognizer != nil {
		recognising.Go(func() { spot(ctx, agent, frames, &words) })
	}
	detector := agent.Detector()
	frame := make([]int16, media.EarFrame)
	s := new(media.Screener)
	for at := time.Duration(0); ; at += media.FrameTime {
		if err := line.Source.ReadFrame(frame); err != nil {
			return media.Unknown, "", err
		}
		select {
		case _, ok := <-line.Inputs:
			if !ok {
				return media.Unknown, "", errHungUp
			}
		case <-ctx.Done():
			return media.Unknown, "", ctx.Err()
		default:
		}
		select {
		case frames <- append([]int16(nil), frame...):
		default:
		}
		s.Words(words.Load())
		who, why = s.Hear(frame, detector.Detect(frame))
		switch {
		case who == media.Person || who == media.Nobody:
			return who, why, nil
		case who == media.Machine && s.Beeped():
			return who, why + ", and its beep", nil
		case who == media.Machine && (s.Silence() >= noBeep || at >= screenWait):
			return who, why, nil
		}
	}
}

// spot listens for words that only machines say, until ctx ends.
func spot(ctx context.Context, agent *Agent, frames <-chan []int16, found *atomic.Bool) {
	listener, err := agent.Recognizer.Listen(ctx, agent)
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
		if isMachine(t.Text) {
			found.Store(true)
			return
		}
	}
}
