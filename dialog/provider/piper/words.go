package piper

import (
	"context"
	"time"
	"unicode"

	"frontdesk/dialog"
	"frontdesk/internal/phonemes"
	"frontdesk/internal/spoken"
	"frontdesk/media"
)

// timing finds out where the words of a clause end, by the durations that the network gives
// its phonemes.
type timing struct {
	voice    *voice
	text     string
	language string
	lexicon  *spoken.Lexicon
	said     []rune // phonemes of the clause

	words  []word // nil until they are known, and if they cannot be known
	asked  bool   // words was set, or nothing can set it
	next   int    // the first of words that take has not returned
	ends   []int  // samples up to the end of each phoneme of said, as far as it is encoded
	before int    // samples of the utterances so far
}

// word is a word of a clause's text.
type word struct {
	end    int // bytes of the text up to its end
	passed int // phonemes of the clause up to its end
}

func newTiming(v *voice, text, language string, lexicon *spoken.Lexicon, utterances [][]symbol) timing {
	t := timing{voice: v, text: text, language: language, lexicon: lexicon}
	for _, u := range utterances {
		for _, s := range u {
			if s.sound != 0 {
				t.said = append(t.said, s.sound)
			}
		}
	}
	return t
}

// add notes the durations of a further utterance, whose frames have hop samples.
func (t *timing) add(symbols []symbol, l *latent, hop int) {
	if l.durations == nil {
		t.asked, t.words = true, nil
		return
	}
	passed := 0
	for i, s := range symbols {
		if passed += int(l.durations[i]); s.sound != 0 {
			t.ends = append(t.ends, t.before+passed*hop)
		}
	}
	t.before += l.frames * hop
}

// take returns the ends of the words in the first samples of the clause's audio, but for those
// that it has returned. dropped is how many samples at the beginning of the clause are left
// out. The audio waits for the phonemes of the words only until the deadline; then the next take
// goes on.
func (t *timing) take(ctx context.Context, deadline time.Time, dropped, samples int) []dialog.WordEnd {
	if !t.asked {
		limited, cancel := context.WithDeadline(ctx, deadline)
		t.words = t.align(limited)
		t.asked = t.words != nil || limited.Err() == nil
		cancel()
	}
	var out []dialog.WordEnd
	for t.next < len(t.words) && t.words[t.next].passed <= len(t.ends) {
		w := t.words[t.next]
		end := 0
		if w.passed > 0 {
			end = max(0, t.ends[w.passed-1]-dropped) * media.MouthRate / t.voice.settings.Audio.SampleRate
		}
		if end > samples {
			break
		}
		out = append(out, dialog.WordEnd{Text: w.end, Samples: end})
		t.next++
	}
	return out
}

// rest returns the words that take has not returned when the clause ends after samples: the
// last phoneme may end in silence that is left out.
func (t *timing) rest(samples int) []dialog.WordEnd {
	var out []dialog.WordEnd
	for ; t.next < len(t.words); t.next++ {
		out = append(out, dialog.WordEnd{Text: t.words[t.next].end, Samples: samples})
	}
	return out
}

// lastWords is how long the end of a clause waits at least for the phonemes of its words. Each
// takes 1 to 10 ms, unless many callers wait for espeak-ng.
const lastWords = time.Second

// align finds the phonemes of each word. It returns nil if that fails or if ctx ends.
func (t *timing) align(ctx context.Context) []word {
	var words []word
	var alone [][]rune
	for start, rest := 0, t.text; ; {
		from, n := nextWord(rest)
		if n == 0 {
			break
		}
		sounds, err := t.sounds(ctx, rest[from:from+n])
		if err != nil {
			return nil
		}
		start += from + n
		rest = rest[from+n:]
		words, alone = append(words, word{end: start}), append(alone, sounds)
	}
	passed := phonemes.Align(t.said, alone)
	if passed == nil {
		return nil
	}
	for i := range words {
		words[i].passed = passed[i]
	}
	return words
}

// nextWord returns where the first word of text begins, and its length, 0 if there is none.
func nextWord(text string) (from, length int) {
	from = -1
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			if from >= 0 {
				return from, i - from
			}
		case from < 0:
			from = i
		}
	}
	if from < 0 {
		return len(text), 0
	}
	return from, len(text) - from
}

// sounds returns the phonemes of a word alone that the voice has.
func (t *timing) sounds(ctx context.Context, written string) ([]rune, error) {
	var out []rune
	for _, part := range t.lexicon.Parts(written, t.language) {
		ipa := part.IPA
		if ipa == "" {
			var err error
			if ipa, err = t.voice.phonemizer.Word(ctx, part.Text); err != nil {
				return nil, err
			}
		}
		for _, s := range t.voice.settings.symbols(ipa) {
			if s.sound != 0 {
				out = append(out, s.sound)
			}
		}
	}
	return out, nil
}
