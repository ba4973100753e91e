package piper

import (
	"context"
	"path/filepath"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/loudness"
	"frontdesk/dialog/provider/workers"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	// firstFrames are decoded for the first piece: 0.28 s at 86 frames a second, which take
	// about 25 ms of a server's core. Each further piece has twice the length, up to
	// maxFrames, because each costs the frames of its context again.
	firstFrames = 24
	maxFrames   = 128
	// firstRuns is how many runs the first audio needs: the encoder, and the decoder once or
	// twice, because a clause may begin with silence.
	firstRuns = 3
)

// clause is one clause while it is spoken.
type clause struct {
	voice   *voice
	workers *workers.Pool
	speaker int64
	speed   float32
	due     time.Time // when the caller will have heard all audio so far
	begun   bool      // there was audio
	timing  timing    // of its words
	runs    int       // of networks so far
}

// speak synthesizes utterances and passes their audio, in pieces, to yield until it returns
// false. The error is a fault.Error.
func (c *clause) speak(ctx context.Context, utterances [][]symbol, yield func(dialog.Speech) bool) error {
	if len(utterances) == 0 {
		return nil
	}
	level, err := c.level(ctx)
	if err != nil {
		return err
	}
	resampler := c.voice.resamplers.Get().(*media.Resampler)
	defer func() {
		resampler.Flush(nil) // its state must not reach another clause
		c.voice.resamplers.Put(resampler)
	}()
	samples := 0
	trim := loudness.Trimmer{Silence: level.silence, Rate: c.voice.settings.Audio.SampleRate}
	for _, symbols := range utterances {
		for audio, err := range c.pieces(ctx, symbols) {
			if err != nil {
				return err
			}
			pcm := resampler.Process(nil, trim.Add(loudness.Limit(audio, level.gain)))
			due := c.due // of this piece
			c.due = c.due.Add(time.Duration(len(pcm)) * time.Second / media.MouthRate)
			if len(pcm) == 0 {
				continue
			}
			samples += len(pcm)
			var words []dialog.WordEnd
			if c.begun { // the first piece does not wait for them
				words = c.timing.take(ctx, due, trim.Dropped(), samples)
			}
			c.begun = true
			if !yield(dialog.Speech{PCM: pcm, Words: words}) {
				return nil
			}
		}
	}
	pcm := resampler.Flush(resampler.Process(nil, trim.End()))
	deadline := c.due
	if least := time.Now().Add(lastWords); deadline.Before(least) {
		deadline = least
	}
	words := c.timing.take(ctx, deadline, trim.Dropped(), samples+len(pcm))
	words = append(words, c.timing.rest(samples+len(pcm))...)
	if len(pcm)+len(words) > 0 {
		yield(dialog.Speech{PCM: pcm, Words: words})
	}
	return nil
}

// level returns the speaker's level. The first clause of a speaker measures it, when it is its
// turn to run the network.
func (c *clause) level(ctx context.Context) (level, error) {
	if l, ok := c.voice.level(c.speaker); ok {
		return l, nil
	}
	err := c.workers.Do(ctx, c.due, 0, func() error {
		_, err := c.voice.calibrate(ctx, c.speaker)
		return c.failure(err)
	})
	l, _ := c.voice.level(c.speaker)
	return l, err
}

// failure returns the fault.Error for an error of the network; nil for none.
func (c *clause) failure(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.Provider, "the voice %s cannot speak", filepath.Base(c.voice.name)).Retryable(0)
}

// pieces yields the audio of an utterance. It ends early when ctx is cancelled.
func (c *clause) pieces(ctx context.Context, symbols []symbol) func(func([]float32, error) bool) {
	return func(yield func([]float32, error) bool) {
		var l *latent
		symbols = c.voice.settings.frame(symbols)
		err := c.run(ctx, func() (err error) {
			l, err = c.voice.engine.encode(numbers(symbols), c.voice.scales(c.speed), c.speaker)
			return err
		})
		if err != nil {
			yield(nil, err)
			return
		}
		c.timing.add(symbols, l, c.voice.hop)
		for from, n := 0, firstFrames; from < l.frames; {
			to := from + n
			if l.frames-to < n/2 { // no short piece at the end
				to = l.frames
			}
			var audio []float32
			err := c.run(ctx, func() (err error) {
				audio, err = c.voice.decode(l, from, to)
				return err
			})
			if !yield(audio, err) || err != nil {
				return
			}
			if from = to; c.begun { // the first word is out: longer pieces may follow
				n = min(2*n, maxFrames)
			}
		}
	}
}

// run runs a part of the network when it is the clause's turn.
func (c *clause) run(ctx context.Context, part func() error) error {
	left := 0
	if !c.begun {
		left = max(1, firstRuns-c.runs)
	}
	return c.workers.Do(ctx, c.due, left, func() error {
		c.runs++
		return c.failure(part())
	})
}
