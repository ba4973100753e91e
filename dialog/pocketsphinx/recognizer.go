// Package pocketsphinx hears English with CMU Sphinx's pocketsphinx, which Debian
// packages with its acoustic model: no network, no account. At start it adapts a
// language model to the agent's own texts (see model.go); while a caller speaks it
// streams partial words. It imports dialog and fault.
package pocketsphinx

import (
	"context"
	"iter"
	"strings"
	"sync"

	"frontdesk/dialog"
	"frontdesk/fault"
)

const (
	partialFrames = 6       // frames between looks at the words so far
	longest       = 60 * 50 // frames of one utterance; what comes later is not heard
	spare         = 2       // decoders kept warm for the next callers
	most          = 200     // decoders at a time; each has about 40 MB
)

// Config is what a Recognizer is built from.
type Config struct {
	Texts    []string // the agent's own: knowledge pages, greeting, questions to try
	Language string   // BCP 47; must be English
	Models   string   // folder of pocketsphinx's models; "" is where Debian has it
	Cache    string   // folder for the adapted language model
}

// Recognizer is a dialog.Recognizer. Safe for concurrent use.
type Recognizer struct {
	model *model
	slots chan struct{} // one element per decoder in use

	mu     sync.Mutex
	idle   []*decoder
	closed bool
}

// New adapts a language model and loads the first decoders. The error is
// fault.Invalid for a language other than English, fault.NotFound when
// pocketsphinx's models are not installed.
func New(c Config) (*Recognizer, error) {
	if l := strings.ToLower(c.Language); l != "" && l != "en" && !strings.HasPrefix(l, "en-") {
		return nil, fault.New(fault.Invalid, "pocketsphinx hears English only, not %s: configure another ear (stt)", c.Language)
	}
	m, err := newModel(c)
	if err != nil {
		return nil, err
	}
	r := &Recognizer{model: m, slots: make(chan struct{}, most)}
	for range spare {
		d, err := newDecoder(m)
		if err != nil {
			return nil, err
		}
		r.idle = append(r.idle, d)
	}
	return r, nil
}

// Close frees the idle decoders; those in use are freed when their Listener closes.
func (r *Recognizer) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, d := range r.idle {
		d.free()
	}
	r.idle = nil
	return nil
}

// Listen implements dialog.Recognizer. With too many callers it fails with fault.Limited.
func (r *Recognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	select {
	case r.slots <- struct{}{}:
	default:
		return nil, fault.New(fault.Limited, "too many callers to hear them all").Retryable(0)
	}
	d, err := r.take()
	if err != nil {
		<-r.slots
		return nil, err
	}
	return &listener{home: r, decoder: d}, nil
}

func (r *Recognizer) take() (*decoder, error) {
	r.mu.Lock()
	if n := len(r.idle); n > 0 {
		d := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return d, nil
	}
	r.mu.Unlock()
	return newDecoder(r.model)
}

func (r *Recognizer) giveBack(d *decoder) {
	d.forget()
	r.mu.Lock()
	if keep := !r.closed && len(r.idle) < spare; keep {
		r.idle = append(r.idle, d)
		d = nil
	}
	r.mu.Unlock()
	if d != nil {
		d.free()
	}
	<-r.slots
}

// listener is one caller's decoder. Cepstral normalisation goes on from utterance
// to utterance, and so learns the caller's voice and line.
type listener struct {
	home    *Recognizer
	decoder *decoder
	close   sync.Once
}

// Utterance implements dialog.Listener.
func (l *listener) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		if err := l.decoder.begin(); err != nil {
			yield(dialog.Transcript{}, err)
			return
		}
		running := true
		defer func() {
			if running {
				_ = l.decoder.end() // so that the next utterance can begin
			}
		}()
		if err := l.follow(ctx, frames, yield); err != nil {
			if err != errStopped {
				yield(dialog.Transcript{}, err)
			}
			return
		}
		running = false
		if err := l.decoder.end(); err != nil {
			yield(dialog.Transcript{}, err)
			return
		}
		yield(dialog.Transcript{Text: plain(l.decoder.words()), Final: true}, nil)
	}
}

// errStopped says that nobody wants the rest.
var errStopped = fault.New(fault.Unavailable, "stopped")

// follow hears frames until they end and yields the words when they change.
func (l *listener) follow(ctx context.Context, frames iter.Seq[[]int16], yield func(dialog.Transcript, error) bool) error {
	last, n := "", 0
	for frame := range frames {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n++; n > longest || len(frame) == 0 {
			continue
		}
		if err := l.decoder.hear(frame); err != nil {
			return err
		}
		if n%partialFrames != 0 {
			continue
		}
		if words := plain(l.decoder.words()); words != last {
			last = words
			if !yield(dialog.Transcript{Text: words}, nil) {
				return errStopped
			}
		}
	}
	return nil
}

// Close implements dialog.Listener.
func (l *listener) Close() error {
	l.close.Do(func() { l.home.giveBack(l.decoder) })
	return nil
}

// plain removes what is no word: markers such as <sil> and [NOISE], and the number
// of an alternative pronunciation.
func plain(words string) string {
	var out []string
	for w := range strings.FieldsSeq(words) {
		if strings.ContainsAny(w[:1], "<[+") {
			continue
		}
		if i := strings.IndexByte(w, '('); i > 0 {
			w = w[:i]
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}
