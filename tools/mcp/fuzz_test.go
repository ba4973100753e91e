package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"frontdesk/tools"
)

// Whatever a program prints, only whole JSON values reach the client.
func FuzzMessageReader(f *testing.F) {
	f.Add([]byte("{\"id\":1}\nstarting up\n{\"id\":"))
	f.Add([]byte("\xff\x00\n[1]\n\n"))
	f.Fuzz(func(t *testing.T, printed []byte) {
		r := &messageReader{lines: bufio.NewReaderSize(bytes.NewReader(printed), 16), onOther: func() {}}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(got))
		for {
			var value json.RawMessage
			if err := d.Decode(&value); err == io.EOF {
				return
			} else if err != nil {
				t.Fatalf("%q reached the client: %v", got, err)
			}
		}
	})
}

var validName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

func FuzzToolName(f *testing.F) {
	f.Add("findCustomer")
	f.Add("Größe--X")
	f.Add(strings.Repeat("long_", 40))
	f.Fuzz(func(t *testing.T, name string) {
		if got := toolName("crm", name); !validName.MatchString(got) || !strings.HasPrefix(got, "crm") {
			t.Errorf("%q becomes %q", name, got)
		}
	})
}

func FuzzConvert(f *testing.F) {
	f.Add([]byte(`{"content":[{"type":"text","text":"hi"}],"structuredContent":{"a":1}}`))
	f.Add([]byte(`{"isError":true,"content":[{"type":"image","data":"AA==","mimeType":"x"}]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var r sdk.CallToolResult
		if json.Unmarshal(answer, &r) != nil {
			return
		}
		result, err := convert(tools.Call{ID: "1", Name: "crm_find"}, &r)
		if err == nil && !json.Valid(result.Output) {
			t.Errorf("the output %q is not JSON", result.Output)
		}
		if result.Held || result.Refused || result.Pending || result.Proved != "" || result.Identity != "" {
			t.Errorf("a server sets what only Frontdesk may set: %+v", result)
		}
	})
}
