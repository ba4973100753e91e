package openai

import (
	"strings"
	"testing"
)

func filterReasoning(pieces ...string) string {
	var f reasoningFilter
	var out strings.Builder
	for _, p := range pieces {
		out.WriteString(f.add(p))
	}
	return out.String() + f.flush()
}

func TestReasoningIsRemovedHoweverItIsSplit(t *testing.T) {
	for in, want := range map[string]string{
		"Hello there.":                            "Hello there.",
		"<think>hm</think>\n\nHello there.":       "Hello there.",
		"<think></think>Hello there.":             "Hello there.",
		"a < b and <thin air>":                    "a < b and <thin air>",
		"Hello <think>hm</think> there":           "Hello there",
		"<think>never ends":                       "",
		"no opening</think>\nHello":               "no opening\nHello",
		"<think>a</think><think>b</think>Hello":   "Hello",
		"Hello <":                                 "Hello <",
		"<think>x</think>  \n  indented <b>x</b>": "indented <b>x</b>",
	} {
		if got := filterReasoning(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := filterReasoning(strings.Split(in, "")...); got != want {
			t.Errorf("%q, letter by letter: %q, want %q", in, got, want)
		}
	}
}

func FuzzReasoningFilter(f *testing.F) {
	f.Add("<think>hm</think>\nHello", uint8(3))
	f.Add("a<<think>>b</think></think>c", uint8(1))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		var pieces []string
		for rest := text; rest != ""; {
			n := min(int(size%16)+1, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		got := filterReasoning(pieces...)
		if want := filterReasoning(text); got != want {
			t.Errorf("%q in pieces of %d: %q, whole: %q", text, size%16+1, got, want)
		}
		if !strings.Contains(text, thinkOpen) && !strings.Contains(text, thinkClose) && got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
