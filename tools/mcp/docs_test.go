package mcp

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"frontdesk/internal/require"
	"frontdesk/tools/gate"
)

// The documented server is used: only its host and the credential are others.
func TestDocumentedServerWorks(t *testing.T) {
	doc, err := os.ReadFile("../../docs/tools.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(doc), "\n## An MCP server\n")
	_, sample, _ := strings.Cut(section, "```yaml\n")
	sample, _, ok := strings.Cut(sample, "```\n")
	if !ok {
		t.Fatal("docs/tools.md has no example of an MCP server")
	}
	var example struct {
		Tools struct {
			MCP []struct {
				Name    string            `yaml:"name"`
				URL     string            `yaml:"url"`
				Headers map[string]string `yaml:"headers"`
				Allow   []string          `yaml:"allow"`
				Effect  string            `yaml:"effect"`
			} `yaml:"mcp"`
		} `yaml:"tools"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(sample), &example))
	crm := example.Tools.MCP[0]
	server := newTestServer()
	addText(server, "findCustomer", func(_ context.Context, in string) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "found " + in}}}, nil
	})
	handler := streamable(t, server)
	url, _ := serveHTTP(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	headers := make(map[string]string)
	for name, value := range crm.Headers {
		headers[name] = strings.ReplaceAll(value, "${CRM_TOKEN}", "s3cret")
	}
	reads := gate.Read
	if crm.Effect != "read" {
		t.Errorf("the effect is %q", crm.Effect)
	}
	_, registry, _ := connect(t, Config{Name: crm.Name, URL: url, Headers: headers, Allow: crm.Allow, Effect: &reads})
	if got := registry.Current().Specs(); len(got) != 1 || got[0].Rule.Effect != gate.Read {
		t.Errorf("got tools %+v", got)
	}
	if got := call(t, registry, "crm_find_customer", text{"Ann"}); !strings.Contains(string(got.Output), "found Ann") {
		t.Errorf("got %s", got.Output)
	}
}
