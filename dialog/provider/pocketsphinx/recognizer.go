// Package pocketsphinx recognizes English with CMU Sphinx's pocketsphinx, which Debian
// packages with its acoustic model, and which needs no account or network. When an agent is
// loaded, it adapts a language model to the agent's texts (see model.go). Audio enters as
// frames at media.EarRate; partial and final transcripts leave while the caller speaks. It
// imports dialog, media, fault, ngram, phrasebook and words.
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
	partialFrames   = 5       // frames between two partial transcripts
	maxUtterance    = 60 * 50 // frames; later ones are ignored
	decodersPerCore = 12      // an utterance uses about a tenth of a core while the caller speaks
)

// Config describes the agent and where files are.
type Config struct {
	Texts    []string // the agent's texts: knowledge pages, greeting, suggested questions
	Language string   // BCP 47; must be English, the default
	Models   string   // folder of pocketsphinx's models; default is Debian's
	Cache    string   // folder for adapted language models; "" uses a temporary one
}

// Recognizer recognizes the callers of one agent. It is safe for concurrent use. Callers share
// its decoders: a call has one only during an utterance.
type Recognizer struct {
	pool *pool
	temp string // temporary folder to remove, or ""
}

var (
	_ dialog.Recognizer         = (*Recognizer)(nil)
	_ dialog.NarrowbandListener = (*listener)(nil)
)

// New adapts a language model and loads the first decoder. The error is fault.Invalid
// for a language other than English, when pocketsphinx's models are not installed, and in
// a build without cgo.
func New(c Config) (*Recognizer, error) {
	if err := requireLibrary(); err != nil {
		return nil, err
	}
	if !words.IsEnglish(c.Language) {
		return nil, fault.New(fault.Invalid, "pocketsphinx recognizes English only, not %s: configure another recognizer (stt)", c.Language)
	}
	r := &Recognizer{}
	if c.Cache == "" {
		dir, err := os.MkdirTemp("", "frontdesk-sphinx-")
		if err != nil {
			return nil, writeError(err)
		}
		c.Cache, r.temp = dir, dir
	}
	m, err := newModel(c)
	if err == nil {
		r.pool, err = newPool(m.options(), decodersPerCore*runtime.GOMAXPROCS(0))
	}
	if err != nil {
		r.removeTemp()
		return nil, err
	}
	return r, nil
}

// Close frees the decoders. No utterance may be in progress.
func (r *Recognizer) Close() error {
	r.pool.close()
	r.removeTemp()
	return nil
}

func (r *Recognizer) removeTemp() {
	if r.temp != "" {
		_ = os.RemoveAll(r.temp) // on failure, the system cleans its temporary folder
	}
}

// Listen returns a Listener, which uses no resources until the caller speaks.
func (r *Recognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return &listener{pool: r.pool}, nil
}

// listener recognizes one caller. It remembers the caller's voice and line from utterance to
// utterance.
type listener struct {
	pool *pool
	mean cepstralMean
	band bandFolder
}

// Close does nothing, because a listener holds a decoder only during an utterance.
func (l *listener) Close() error { return nil }

// SetNarrowband implements dialog.NarrowbandListener.
func (l *listener) SetNarrowband() { l.band.isNarrow, l.band.isKnown = true, true }

// Utterance yields the words whenever they have changed. It recognizes only the first minute
// of an utterance, and waits while all decoders are in use.
func (l *listener) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		d, err := l.pool.acquire(ctx)
		if err != nil {
			yield(dialog.Transcript{}, err)
			return
		}
		defer l.pool.release(d)
		if !d.begin(&l.mean) {
			yield(dialog.Transcript{}, errDecoder)
			return
		}
		stopped, err := decode(ctx, d, &l.band, frames, yield)
		ended := d.end()
		words := d.words()
		if len(words) > 0 { // otherwise it was noise, not the caller's voice
			d.saveMean(&l.mean)
		}
		switch {
		case stopped:
		case err != nil:
			yield(dialog.Transcript{}, err)
		case !ended:
			yield(dialog.Transcript{}, errDecoder)
		default:
			yield(dialog.Transcript{Text: format(words), Final: true}, nil)
		}
	}
}

var errDecoder = fault.New(fault.Provider, "the recognizer failed").Retryable(0)

// decode decodes frames until they end, and yields partial transcripts. stopped reports that
// the consumer stopped the iteration.
func decode(ctx context.Context, d *decoder, b *bandFolder, frames iter.Seq[[]int16], yield func(dialog.Transcript, error) bool) (stopped bool, err error) {
	last, n := "", 0
	for frame := range frames {
		if ctx.Err() != nil {
			break
		}
		if n++; n > maxUtterance {
			continue
		}
		if !d.feed(b.fold(frame)) {
			return false, errDecoder
		}
		if n%partialFrames != 0 {
			continue
		}
		if text := format(d.words()); text != last {
			last = text
			if !yield(dialog.Transcript{Text: text}, nil) {
				return true, nil
			}
		}
	}
	return false, ctx.Err()
}

// options returns the command line options of the library.
func (m *model) options() []string {
	return []string{
		"-logfn", "/dev/null", "-hmm", m.acoustic, "-lm", m.language, "-dict", m.dict,
		"-fwdflat", "no", // a second pass would delay the final words by 60 ms and change them
	}
}
