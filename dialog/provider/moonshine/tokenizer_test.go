package moonshine

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// tokenizerFile returns the file of a tokenizer with the given pieces after the bytes.
func tokenizerFile(pieces ...string) []byte {
	var b bytes.Buffer
	write := func(piece string) {
		if n := len(piece); n < 128 {
			b.WriteByte(byte(n))
		} else {
			b.Write([]byte{byte(n%128 + 128), byte(n / 128)})
		}
		b.WriteString(piece)
	}
	for _, piece := range []string{"<unk>", "<s>", "</s>"} {
		write(piece)
	}
	for i := range 256 {
		write(string([]byte{byte(i)}))
	}
	for _, piece := range pieces {
		write(piece)
	}
	return b.Bytes()
}

func testTokenizer(t testing.TB, pieces ...string) *tokenizer {
	t.Helper()
	tok, err := readTokenizer(bytes.NewReader(tokenizerFile(pieces...)))
	require.NoError(t, err)
	return tok
}

func TestTokenizerMergesByRank(t *testing.T) {
	long := strings.Repeat("x", 200)
	tok := testTokenizer(t, "▁a", "ab", "▁", "a", "b", long)
	for text, want := range map[string][]Token{
		"ab":  {firstPiece, firstPiece + 4},                 // "▁a" comes before "ab"
		"a b": {firstPiece, firstPiece + 2, firstPiece + 4}, // the space is a piece
		"aé":  {firstPiece, firstByte + 0xc3, firstByte + 0xa9},
	} {
		got := tok.encode(text)
		if !slices.Equal(got, want) {
			t.Errorf("encode(%q) = %v, want %v", text, got, want)
		}
		if back := tok.text(got); back != text {
			t.Errorf("text(%v) = %q, want %q", got, back, text)
		}
	}
	if got := tok.piece(firstPiece + 5); got != long {
		t.Errorf("a piece with a length of two bytes: %q", got)
	}
	if got := tok.text([]Token{-1, 0, startToken, endToken, vocabulary - 1}); got != "" {
		t.Errorf("tokens without text: %q", got)
	}
}

func TestBrokenTokenizerIsAnError(t *testing.T) {
	whole := tokenizerFile("▁a")
	for name, b := range map[string][]byte{
		"empty": nil, "truncated": whole[:len(whole)-1], "without length": append(slices.Clone(whole), 200),
		"few pieces": whole[:100], "many pieces": bytes.Repeat([]byte{0}, vocabulary+1), "large": make([]byte, maxTokenizer+1),
	} {
		if _, err := readTokenizer(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzTokenizer(f *testing.F) {
	f.Add(tokenizerFile("▁a", "b"), "a b")
	f.Add(tokenizerFile(strings.Repeat("y", 300)), "é\xff")
	f.Add([]byte{200}, "")
	standard := tokenizerFile() // with the bytes in their places
	f.Fuzz(func(t *testing.T, file []byte, text string) {
		// A phrase of the vocabulary is shorter; the time of encode grows with the square.
		if len(file) > 4<<10 || len(text) > 200 {
			return
		}
		tok, err := readTokenizer(bytes.NewReader(file))
		if err != nil {
			return
		}
		tokens := tok.encode(text)
		if len(tokens) > 3*len(text)+3 {
			t.Errorf("%d tokens for %d bytes", len(tokens), len(text))
		}
		back := tok.text(tokens)
		if want := strings.TrimSpace(strings.ReplaceAll(string([]rune(text)), wordBoundary, " ")); bytes.HasPrefix(file, standard) && back != want {
			t.Errorf("got %q for %q", back, want)
		}
	})
}
