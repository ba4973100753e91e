package embedding

import (
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

const smallVocabulary = `["[PAD]","[UNK]","[CLS]","[SEP]","▁pass","word","s","▁,","▁a","▁resume","▁中","▁?"]`

func TestTextsBecomeTheLongestTokens(t *testing.T) {
	w, err := newWordPiece([]byte(smallVocabulary))
	require.NoError(t, err)
	for text, want := range map[string][]int64{
		"":                                  {2, 3},
		"Passwords, a pass":                 {2, 4, 5, 6, 7, 8, 4, 3},
		"RÉSUMÉ?":                           {2, 9, 11, 3},
		"中中 word":                           {2, 10, 10, 1, 3},
		"passwordx":                         {2, 1, 3},
		"a\x00\ta":                          {2, 8, 8, 3},
		strings.Repeat("a", maxWordBytes+1): {2, 1, 3},
	} {
		if got := w.tokens(text); !slices.Equal(got, want) {
			t.Errorf("tokens(%.20q) = %v, want %v", text, got, want)
		}
	}
	if got := w.tokens(strings.Repeat("passwords ", maxTokens)); len(got) != maxTokens || got[maxTokens-1] != 3 {
		t.Errorf("a long text has %d tokens, want %d", len(got), maxTokens)
	}
}

func TestBrokenVocabularyIsRefused(t *testing.T) {
	for _, s := range []string{"", "{", `["a"]`, `["[CLS]","[SEP]"]`} {
		if _, err := newWordPiece([]byte(s)); err == nil {
			t.Errorf("%q: got no error", s)
		}
	}
}

func FuzzTokens(f *testing.F) {
	w, err := newWordPiece([]byte(smallVocabulary))
	require.NoError(f, err)
	for _, s := range []string{"", "passwords", "\xff\x00", "ﬁ中,,", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := w.tokens(text)
		if len(got) < 2 || len(got) > maxTokens || got[0] != 2 || got[len(got)-1] != 3 {
			t.Errorf("tokens(%q) = %v", text, got)
		}
		for _, id := range got {
			if id < 1 || id > 11 {
				t.Errorf("tokens(%q) has %d", text, id)
			}
		}
	})
}
