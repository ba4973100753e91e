package conversation

import (
	"strings"
	"testing"
	"unicode/utf8"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

func TestMarkdownIsNotSpoken(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"**Yes**, we `do`.", "Yes, we do."},
		{"See [our page](https://example.com) now.", "See our page now."},
		{"## Returns\n", "Returns\n"},
		{"- one\n", "one\n"},
		{"It is *very* easy.", "It is very easy."},
		{"the file my_file_name is 3 * 4", "the file my_file_name is 3 * 4"},
		{"order T-1042 - yes, 5-7 days", "order T-1042 - yes, 5-7 days"},
		{"bell\a and \x00nul\r\n", "bell and nul\n"},
	} {
		if got := plain(tt.text); got != tt.want {
			t.Errorf("plain(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestTypedTextIsCleanedAndBounded(t *testing.T) {
	for _, tt := range []struct {
		text, want string
		code       fault.Code
	}{
		{"  hello\x00 ", "hello", ""},
		{strings.Repeat("é", maxTyped), strings.Repeat("é", maxTyped), ""},
		{strings.Repeat("é", maxTyped+1), "", fault.TooLarge},
		{" \x01\n", "", fault.Invalid},
	} {
		got, err := checkTyped(tt.text)
		if got != tt.want || (err != nil) != (tt.code != "") || err != nil && fault.From(err).Code != tt.code {
			t.Errorf("checkTyped(%.20q) = %.20q, %v, want %.20q, code %q", tt.text, got, err, tt.want, tt.code)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("**bold** [link](https://example.com) \x00\xff")
	f.Add("- a\n> b\n### c\n---\n\u202eevil")
	f.Fuzz(func(t *testing.T, text string) {
		typed, err := checkTyped(text)
		if (err == nil) != (typed != "") {
			t.Fatalf("checkTyped returned %q and %v", typed, err)
		}
		for _, out := range []string{typed, plain(text)} {
			if !utf8.ValidString(out) || len(out) > len(text) || words.Printable(out) != out {
				t.Fatalf("%q became %q", text, out)
			}
		}
	})
}
