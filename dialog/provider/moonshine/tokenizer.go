package moonshine

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Token is an index into the model's vocabulary.
type Token = int32

const (
	startToken Token = 1
	endToken   Token = 2

	firstByte    Token = 3     // the first of 256 tokens for single bytes, which spell what has no piece of its own
	firstPiece   Token = 259   // the first piece of text; an earlier piece is merged before a later one
	vocabulary         = 32768 // numbers in the model's output; the last ones have no piece
	maxTokenizer       = 8 << 20
	wordBoundary       = "▁" // a space, in pieces
)

// tokenizer maps texts to tokens and back. It is a byte-pair encoding (R. Sennrich et al.,
// "Neural machine translation of rare words with subword units", 2016) whose merges are
// ranked by their token. It is immutable.
type tokenizer struct {
	pieces []string
	tokens map[string]Token // of the pieces from firstPiece on
}

// readTokenizer reads Moonshine's tokenizer.bin: for each piece its length, as one byte
// below 128 or as two (the second one times 128, plus the first less 128), and its bytes.
func readTokenizer(r io.Reader) (*tokenizer, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxTokenizer+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxTokenizer {
		return nil, fmt.Errorf("the tokenizer is larger than %d MB", maxTokenizer>>20)
	}
	t := &tokenizer{tokens: make(map[string]Token)}
	for len(b) > 0 {
		n := int(b[0])
		b = b[1:]
		if n >= 128 {
			if len(b) == 0 {
				return nil, errTruncated
			}
			n += 128*int(b[0]) - 128
			b = b[1:]
		}
		if n > len(b) {
			return nil, errTruncated
		}
		t.add(string(b[:n]))
		b = b[n:]
	}
	if len(t.pieces) <= int(firstPiece) || len(t.pieces) > vocabulary {
		return nil, fmt.Errorf("the tokenizer has %d pieces (want %d to %d)", len(t.pieces), firstPiece+1, vocabulary)
	}
	return t, nil
}

var errTruncated = errors.New("the tokenizer ends within a piece")

func (t *tokenizer) add(piece string) {
	id := Token(len(t.pieces))
	t.pieces = append(t.pieces, piece)
	if _, has := t.tokens[piece]; !has && id >= firstPiece && piece != "" {
		t.tokens[piece] = id
	}
}

// piece returns the text of a token, "" if it has none.
func (t *tokenizer) piece(id Token) string {
	if id < firstByte || int(id) >= len(t.pieces) {
		return ""
	}
	return t.pieces[id]
}

// text returns the text of tokens, without spaces around it.
func (t *tokenizer) text(tokens []Token) string {
	var b strings.Builder
	for _, id := range tokens {
		b.WriteString(t.piece(id))
	}
	text := strings.ToValidUTF8(b.String(), "")
	return strings.TrimSpace(strings.ReplaceAll(text, wordBoundary, " "))
}

// encode returns the tokens of text, in which words are separated by single spaces. The
// first word begins with a space, too, as the model writes it.
func (t *tokenizer) encode(text string) []Token {
	text = wordBoundary + strings.ReplaceAll(text, " ", wordBoundary)
	var parts []string
	for _, r := range text {
		parts = append(parts, string(r))
	}
	for {
		best, at := Token(vocabulary), -1
		for i := range len(parts) - 1 {
			if id, ok := t.tokens[parts[i]+parts[i+1]]; ok && id < best {
				best, at = id, i
			}
		}
		if at < 0 {
			break
		}
		parts[at] += parts[at+1]
		parts = append(parts[:at+1], parts[at+2:]...)
	}
	var out []Token
	for _, p := range parts {
		if id, ok := t.tokens[p]; ok {
			out = append(out, id)
			continue
		}
		for _, b := range []byte(p) {
			out = append(out, firstByte+Token(b))
		}
	}
	return out
}

// startsWord reports whether a new word begins with the token.
func (t *tokenizer) startsWord(id Token) bool {
	return strings.HasPrefix(t.piece(id), wordBoundary)
}
