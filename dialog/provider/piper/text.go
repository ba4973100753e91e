package piper

import (
	"context"
	"slices"
	"strings"

	"frontdesk/internal/phonemes"
	"frontdesk/internal/spoken"
)

// The encoder's time grows with the number of symbols, about 0.5 ms for each on a server's
// core, and its memory with their square. A phoneme is two symbols.
const (
	firstSymbols = 160 // from which the first utterance ends at a comma, so that audio comes soon
	maxSymbols   = 600 // of an utterance, which then ends between two phrases or words
	minSymbols   = 24  // of a first utterance that ends at a comma; a shorter one sounds cut off
)

// utterances returns the symbols of each utterance that the network speaks at a time: a
// sentence, or less if it is long.
func (v *voice) utterances(ctx context.Context, text []spoken.Part) ([][]symbol, error) {
	var out [][]symbol
	var current []symbol
	total := 0
	phrases, err := v.translate(ctx, text)
	if err != nil {
		return nil, err
	}
	for _, p := range phrases {
		total += len(p.symbols)
	}
	for _, p := range phrases {
		space := v.settings.symbols(" ")
		for symbols := range slices.Chunk(p.symbols, maxSymbols) {
			if len(current) > 0 && len(current)+len(space)+len(symbols) > maxSymbols {
				out, current = append(out, current), nil
			}
			if len(current) > 0 {
				current = append(current, space...)
			}
			current = append(current, symbols...)
		}
		current = append(current, v.settings.symbols(p.mark)...)
		if phonemes.EndsSentence(p.mark) || len(out) == 0 && p.mark != "" && total > firstSymbols && len(current) >= minSymbols {
			out, current = append(out, current), nil
		}
	}
	if len(current) > 0 {
		out = append(out, current)
	}
	return out, nil
}

// phrase is text without a pause, as symbols, and the punctuation mark behind it.
type phrase struct {
	symbols []symbol
	mark    string // one of , . ! ? ; : or ""
}

// translate returns the phrases of text. Those without anything to say are omitted.
func (v *voice) translate(ctx context.Context, text []spoken.Part) ([]phrase, error) {
	var out []phrase
	for _, part := range text {
		if part.IPA != "" {
			out = append(out, phrase{symbols: v.settings.symbols(part.IPA)})
			continue
		}
		for rest := part.Text; rest != ""; {
			n, mark := phonemes.CutPhrase(rest)
			ipa, err := v.phonemizer.Phonemes(ctx, strings.TrimRight(rest[:n], phonemes.Marks+" "))
			if err != nil {
				return nil, err
			}
			rest = rest[n:]
			if symbols := v.settings.symbols(ipa); len(symbols) > 0 {
				out = append(out, phrase{symbols, mark})
			} else if last := len(out) - 1; last >= 0 && mark != "" {
				out[last].mark = mark // the mark behind a word with IPA
			}
		}
	}
	return out, nil
}
