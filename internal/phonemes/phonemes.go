// Package phonemes translates text to phonemes (IPA) with espeak-ng, which knows about a
// hundred languages. espeak-ng is licensed under the GPL; it runs as a separate program and
// is never linked. The package keeps one process alive for each Phonemizer, because starting
// one takes 50 to 200 ms and a phrase 1 to 10 ms. It imports only internal/fault. Phrases
// enter as text; IPA leaves as text. Align finds the words of a text in the IPA of a clause.
package phonemes

import (
	"context"
	"crypto/rand"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"frontdesk/internal/fault"
)

const (
	// maxPhrase is the longest phrase in bytes. espeak-ng reads lines of up to 1000 bytes.
	maxPhrase    = 900
	startTimeout = 10 * time.Second // of the process, on a busy machine
	replyTimeout = 2 * time.Second  // for one phrase
	// turnTimeout is how long a phrase waits for others, which take milliseconds unless
	// espeak-ng must be started again.
	turnTimeout = 5 * time.Second
)

// Phonemizer translates the phrases of one language. It is safe for concurrent use; one
// phrase is translated at a time. A process that died, or that does not answer in time, is
// killed and replaced.
type Phonemizer struct {
	path, voice  string
	replyTimeout time.Duration // replyTimeout, except in tests
	turn         chan struct{} // a semaphore: full while a phrase is translated; guards what follows
	process      *process      // nil: it must be started
	isClosed     bool

	wordsMu sync.Mutex
	words   map[string]string // that Word remembers: their IPA
}

// New starts espeak-ng with a voice such as "en-us". The error says what to install, or that
// there is no such voice.
func New(voice string) (*Phonemizer, error) {
	path, err := exec.LookPath("espeak-ng")
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid,
			"the voice needs the program espeak-ng: install the package espeak-ng (apt install espeak-ng)")
	}
	p := &Phonemizer{path: path, voice: voice, replyTimeout: replyTimeout, turn: make(chan struct{}, 1)}
	if p.process, err = start(path, voice); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "espeak-ng does not start with the voice %q", voice)
	}
	return p, nil
}

// Phonemes returns the IPA of a phrase, words separated by spaces. A phrase is text without
// a pause inside; what follows its first 900 bytes is dropped. Punctuation alone becomes "".
// The error is a fault.Error.
func (p *Phonemizer) Phonemes(ctx context.Context, phrase string) (string, error) {
	if ctx.Err() != nil { // select would choose at random
		return "", fault.From(ctx.Err())
	}
	timeout := time.NewTimer(turnTimeout)
	defer timeout.Stop()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return "", fault.From(ctx.Err())
	case <-timeout.C:
		return "", fault.New(fault.Timeout, "espeak-ng has no time for another phrase").Retryable(0)
	}
	phrase = clean(phrase)
	if phrase == "" {
		return "", nil
	}
	var err error
	for range 2 { // the process may have died since the last phrase: then another one is started
		var ipa string
		if ipa, err = p.translate(phrase); err == nil {
			return ipa, nil
		}
	}
	return "", fault.Wrap(err, fault.Provider, "espeak-ng cannot translate text to phonemes").Retryable(0)
}

var errClosed = errors.New("the phonemizer is closed")

// translate asks the process, which it starts if there is none and stops if it fails.
func (p *Phonemizer) translate(phrase string) (string, error) {
	if p.isClosed {
		return "", errClosed
	}
	if p.process == nil {
		var err error
		if p.process, err = start(p.path, p.voice); err != nil {
			return "", err
		}
	}
	ipa, err := p.process.ask(phrase, p.replyTimeout)
	if err != nil {
		p.process.stop()
		p.process = nil
		return "", err
	}
	return tidy(ipa), nil
}

// Close stops the process. Phrases asked for later fail.
func (p *Phonemizer) Close() error {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.isClosed = true
	if p.process != nil {
		p.process.stop()
		p.process = nil
	}
	return nil
}

// clean returns phrase as one line that espeak-ng reads as text: without control characters
// and without brackets, because [[ begins phonemes.
func clean(phrase string) string {
	for len(phrase) > maxPhrase {
		_, n := utf8.DecodeLastRuneInString(phrase[:maxPhrase+1])
		phrase = phrase[:maxPhrase+1-n]
	}
	phrase = strings.ToValidUTF8(phrase, " ")
	phrase = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '[' || r == ']' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, phrase)
	return strings.Join(strings.Fields(phrase), " ")
}

// languageSwitch is how espeak-ng marks words that it reads in another language: (en).
var languageSwitch = regexp.MustCompile(`\([a-z]{2,3}(?:-[a-z0-9-]+)?\)`)

func tidy(ipa string) string {
	return strings.Join(strings.Fields(languageSwitch.ReplaceAllString(ipa, "")), " ")
}

// newMarker returns a random word. Its IPA marks the end of the reply to a phrase. Because it
// is random, callers cannot make the agent say it.
func newMarker() string {
	const consonants, vowels = "bdfklmnpst", "aeiou"
	var seed [24]byte
	rand.Read(seed[:])
	var b strings.Builder
	for i, s := range seed {
		if i%2 == 0 {
			b.WriteByte(consonants[int(s)%len(consonants)])
		} else {
			b.WriteByte(vowels[int(s)%len(vowels)])
		}
	}
	return b.String()
}
