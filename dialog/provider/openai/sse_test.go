package openai

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"frontdesk/dialog"
	"frontdesk/internal/require"
)

func readEvents(r io.Reader) ([]string, error) {
	e := newEventReader(r)
	var out []string
	for {
		data, err := e.next()
		if err != nil {
			return out, err
		}
		out = append(out, string(data))
	}
}

func TestEventsAreParsedAsTheStandardRequires(t *testing.T) {
	long := strings.Repeat("x", 10000)
	for in, want := range map[string][]string{
		"data: a\n\ndata: b\n\n":                 {"a", "b"},
		"data:a\r\n\r\ndata:  b\r\n\r\n":         {"a", " b"},
		"data: a\ndata: b\n\n":                   {"a\nb"},
		": hi\n\nevent: x\nid: 1\ndata: a\n\n":   {"a"},
		"event: x\n\n\n\ndata: a":                {"a"},
		"data\ndata:\n\ndata: a\n\n":             {"a"},
		"datum: a\n\n":                           nil,
		"\ufeffdata: a\n\n":                      {"a"},
		"data: " + long + "\n\ndata: " + long:    {long, long},
		"":                                       nil,
		"data: [DONE]\n\n: goodbye\n\n   \n\n\n": {"[DONE]"},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
			got, err := readEvents(r)
			if !slices.Equal(got, want) || !errors.Is(err, io.EOF) {
				t.Errorf("%.40q, %s: %.40q, %v", in, name, got, err)
			}
		}
	}
}

func TestLongEventsAreRefused(t *testing.T) {
	for name, in := range map[string]string{
		"one line":   "data: " + strings.Repeat("x", maxEvent),
		"many lines": strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", maxEvent/1000+1),
	} {
		if _, err := readEvents(strings.NewReader(in)); !errors.Is(err, errLongEvent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("data: a\r\ndata: b\r\n\r\n: x\n\nevent: y\ndata:c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, _ := readEvents(strings.NewReader(string(b)))
		pieces, _ := readEvents(iotest.OneByteReader(strings.NewReader(string(b))))
		if !slices.Equal(whole, pieces) {
			t.Errorf("%q: %q whole, %q in pieces", b, whole, pieces)
		}
	})
}

// FuzzStream decodes a model's answer without HTTP.
func FuzzStream(f *testing.F) {
	files, err := filepath.Glob("testdata/chat/*")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b, strings.HasSuffix(name, ".json"))
	}
	client, err := newClient("the language model", Config{URL: "http://host/v1", Model: "m"})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, b []byte, whole bool) {
		contentType := "text/event-stream"
		if whole {
			contentType = "application/json"
		}
		r := fixedResponse(t, client, contentType, b)
		defer r.close()
		size := 0
		s := &replyStream{response: r, yield: func(c dialog.Chunk, err error) bool {
			size += len(c.Text)
			if err != nil || (c.Call != nil && (c.Call.ID == "" || c.Call.Name == "" || len(c.Call.Arguments) == 0)) {
				t.Errorf("chunk %+v, %v", c, err)
			}
			return true
		}}
		_ = s.run()
		if size > maxText {
			t.Errorf("%d bytes of text", size)
		}
	})
}
