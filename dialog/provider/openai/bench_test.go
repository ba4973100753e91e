package openai

import (
	"strings"
	"testing"

	"frontdesk/internal/fakeai"
	"frontdesk/internal/require"
)

// BenchmarkReply measures a reply of 30 tokens from a server that answers at once: the cost
// of the client, HTTP over loopback and the fake server together.
func BenchmarkReply(b *testing.B) {
	text := strings.Repeat(" word", 30)
	ai := fakeai.New(fakeai.Options{Chat: func(string) string { return text }})
	defer ai.Close()
	m, err := NewModel(Config{URL: ai.URL, Model: "fake"})
	require.NoError(b, err)
	defer m.Close()
	p := userSays("hi")
	b.ReportAllocs()
	for b.Loop() {
		if got, err := reply(b.Context(), m, p); err != nil || got.text != text {
			b.Fatal(got.text, err)
		}
	}
}
