// Package pocketsphinx hears English with CMU Sphinx's pocketsphinx, which Debian
// packages with its acoustic model: no network, no account. At start it adapts a
// language model to the agent's own texts (see model.go); while a caller speaks it
// streams partial words. It imports dialog, fault and the n-gram models of
// dialog/internal.
package pocketsphinx

import (
	"context"
	"iter"
	"os"
	"runtime"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

const (
	partialFrames = 5       // frames between looks at the words so far
	longest       = 60 * 50 // frames of an utterance; what comes later is not heard
	perCore       = 12      // decoders that a core can keep up with: each takes about a tenth of it
)

// Config is what a Recognizer is built from.
type Config struct {
	Texts    []string // the agent's own: knowledge pages, greeting, questions to try
	Language string   // BCP 47; must be English, which "" is
	Models   string   // folder of pocketsphinx's models; "" is where Debian has it
	Cache    string   // folder for adapted language models; "" keeps none
}

// Recognizer is a dialog.Recognizer. It is safe for concurrent use. Decoders are
// shared by its callers: one has a decoder only while he speaks.
type Recognizer struct {
	pool *pool
	temp string // a folder to remove, if not ""
}

var _ dialog.Recognizer = (*Recognizer)(nil)

// New adapts a language model and loads the first decoder. The error is fault.Invalid
// for a language other than English, when pocketsphinx's models are not installed, and in
// a build without cgo.
func New(c Config) (*Recognizer, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	if !words.IsEnglish(c.Language) {
		return nil, fault.New(fault.Invalid, "pocketsphinx hears English only, not %s: configure another ear (stt)", c.Language)
	}
	r := &Recognizer{}
	if c.Cache == "" {
		dir, err := os.MkdirTemp("", "frontdesk-sphinx-")
		if err != nil {
			return nil, unwritten(err)
		}
		c.Cache, r.temp = dir, dir
	}
	m, err := newModel(c)
	if err == nil {
		r.pool, err = newPool(m.options(), perCore*runtime.GOMAXPROCS(0))
	}
	if err != nil {
		r.clean()
		return nil, err
	}
	return r, nil
}

// Close frees the decoders. No utterance may be under way.
func (r *Recognizer) Close() error {
	r.pool.close()
	r.clean()
	return nil
}

func (r *Recognizer) clean() {
	if r.temp != "" {
		_ = os.RemoveAll(r.temp) // it is in the system's folder for such files
	}
}

// Listen opens an ear, which costs nothing until the caller speaks.
func (r *Recognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return &listener{pool: r.pool}, nil
}

// listener is one caller. What it learns of his voice and line goes on from utterance
// to utterance.
type listener struct {
	pool *pool
	mean mean
	band band
}

// Close does nothing: no utterance is under way, and so there is no decoder.
func (l *listener) Close() error { return nil }

// Narrow implements dialog.NarrowListener.
func (l *listener) Narrow() { l.band.is, l.band.done = true, true }

// Utterance yields the words when they change, looked at every partialFrames. Of a very
// long utterance the first minute is heard. It waits while all decoders are taken.
func (l *listener) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		d, err := l.pool.take(ctx)
		if err != nil {
			yield(dialog.Transcript{}, err)
			return
		}
		defer l.pool.giveBack(d)
		if !d.begin(&l.mean) {
			yield(dialog.Transcript{}, errDecoder)
			return
		}
		wanted, err := follow(ctx, d, &l.band, frames, yield)
		ended := d.end()
		words := d.words()
		if len(words) > 0 { // else it was noise, which is nobody's voice
			d.learn(&l.mean)
		}
		switch {
		case !wanted:
		case err != nil:
			yield(dialog.Transcript{}, err)
		case !ended:
			yield(dialog.Transcript{}, errDecoder)
		default:
			yield(dialog.Transcript{Text: present(words), Final: true}, nil)
		}
	}
}

var errDecoder = fault.New(fault.Provider, "the recogniser failed").Retryable(0)

// follow hears frames until they end; wanted is false once nobody wants the rest.
func follow(ctx context.Context, d *decoder, b *band, frames iter.Seq[[]int16], yield func(dialog.Transcript, error) bool) (wanted bool, err error) {
	last, n := "", 0
	for frame := range frames {
		if ctx.Err() != nil {
			break
		}
		if n++; n > longest {
			continue // until the turn ends
		}
		if !d.feed(b.fold(frame)) {
			return true, errDecoder
		}
		if n%partialFrames != 0 {
			continue
		}
		if text := present(d.words()); text != last {
			last = text
			if !yield(dialog.Transcript{Text: text}, nil) {
				return false, nil
			}
		}
	}
	return true, ctx.Err()
}

// options are those of the library's command line.
func (m *model) options() []string {
	return []string{
		"-logfn", "/dev/null", "-hmm", m.acoustic, "-lm", m.words, "-dict", m.dict,
		"-fwdflat", "no", // a second pass makes the final words 60 ms late, and others than the partial ones
	}
}
