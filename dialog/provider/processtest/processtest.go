// Package processtest holds the test code that providers built on package process share.
package processtest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/process"
	"frontdesk/internal/fault"
)

// New is a provider's constructor, which fails when voice does not exist.
type New func(voice string) (*process.Synthesizer, error)

// Open returns a synthesizer, or ends the test.
func (n New) Open(t testing.TB, voice string) *process.Synthesizer {
	t.Helper()
	s, err := n(voice)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// RequireInvalid checks that opening voice is refused with a message that contains text.
func (n New) RequireInvalid(t *testing.T, voice, text string) {
	t.Helper()
	_, err := n(voice)
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Invalid || !strings.Contains(e.Message, text) {
		t.Errorf("voice %q: got %v, want an error that contains %q", voice, err, text)
	}
}

// Speak returns all audio of text.
func Speak(ctx context.Context, s dialog.Synthesizer, text string, v dialog.Voice) (pcm []int16, err error) {
	for piece, err := range s.Speak(ctx, text, v) {
		if err != nil {
			return nil, err
		}
		pcm = append(pcm, piece...)
	}
	return pcm, nil
}

// BenchmarkClause measures a short and a long clause.
func BenchmarkClause(b *testing.B, s dialog.Synthesizer) {
	for name, text := range map[string]string{
		"short": "Sure, let me check that",
		"long":  strings.Repeat("Our stores open at nine in the morning and close at eight in the evening. ", 4),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := Speak(b.Context(), s, text+" "+strconv.Itoa(i%1000), dialog.Voice{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
