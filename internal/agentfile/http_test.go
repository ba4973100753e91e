package agentfile

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/gate"
	"frontdesk/tools/httptool"
)

func TestEndpointsAreRead(t *testing.T) {
	t.Setenv("PARCEL_TOKEN", "s3cret")
	f, err := Load(folder(t, "shop", `
name: shop
tools:
  http:
    - name: parcel_status
      description: Look up a parcel by its tracking number.
      url: https://api.example.com/parcels/{tracking}
      headers: {authorization: "Bearer ${PARCEL_TOKEN}"}
      parameters:
        properties: {tracking: {type: string, pattern: "^[A-Z0-9]{8,20}$"}}
        required: [tracking]
      result: /status
      say: "Your parcel is {status}."
      effect: communication
      private: [10.1.2.3/16]
      timeout: 2s
`))
	require.NoError(t, err)
	effect := gate.Communication
	want := []httptool.Config{{
		Name: "parcel_status", Description: "Look up a parcel by its tracking number.", Method: "GET", URL: "https://api.example.com/parcels/{tracking}",
		Headers: map[string]string{"Authorization": "Bearer s3cret"},
		Parameters: map[string]any{
			"properties": map[string]any{"tracking": map[string]any{"type": "string", "pattern": "^[A-Z0-9]{8,20}$"}}, "required": []any{"tracking"},
		},
		Result: "/status", Say: "Your parcel is {status}.", Effect: &effect, Timeout: 2 * time.Second,
		Private: httptool.Private{Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}},
	}}
	if !reflect.DeepEqual(f.Tools.HTTP, want) {
		t.Errorf("got  %+v\nwant %+v", f.Tools.HTTP, want)
	}
}

// section returns the first block of code of a language in a section of docs/tools.md.
func section(t *testing.T, title, language string) string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/tools.md")
	require.NoError(t, err)
	_, text, _ := strings.Cut(string(doc), "\n## "+title+"\n")
	_, text, ok := strings.Cut(text, "```"+language+"\n")
	text, _, isClosed := strings.Cut(text, "```\n")
	if !ok || !isClosed {
		t.Fatalf("docs/tools.md has no example in %s under %s", language, title)
	}
	return text
}

// The documented endpoint is called: only its host is another one.
func TestDocumentedEndpointWorks(t *testing.T) {
	t.Setenv("PARCEL_TOKEN", "s3cret")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/parcels/AB123456" || r.Header.Get("Authorization") != "Bearer s3cret" {
			t.Errorf("got %s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"on its way","date":"on Monday"}`)
	}))
	defer server.Close()
	example := strings.Replace(section(t, "An HTTP endpoint", "yaml"), "https://api.example.com", server.URL, 1)
	f, err := Load(folder(t, "shop", "name: shop\n"+example+"      private: true\n"))
	require.NoError(t, err)
	tool, err := httptool.New(f.Tools.HTTP[0])
	require.NoError(t, err)
	defer tool.Close()
	registry, err := tools.NewRegistry(tool)
	require.NoError(t, err)
	for arguments, want := range map[string]string{
		`{"tracking":"AB123456"}`: "Your parcel is on its way, expected on Monday.",
		`{"tracking":"../admin"}`: "invalid_request",
	} {
		result := registry.DoAsOperator(context.Background(), tools.Call{ID: "1", Name: "parcel_status", Arguments: []byte(arguments)})
		if !strings.Contains(string(result.Output), want) {
			t.Errorf("%s: got %s, want %s", arguments, result.Output, want)
		}
	}
}

// The documented function is that of an example that runs.
func TestDocumentedFunctionIsTheExample(t *testing.T) {
	example, err := os.ReadFile("../../tools/example_test.go")
	require.NoError(t, err)
	if text := section(t, "A Go function", "go"); !strings.Contains(string(example), text) {
		t.Errorf("tools/example_test.go does not hold\n%s", text)
	}
}

func TestEndpointsThatCannotWorkAreNamed(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"{name: A}", `shop/agent.yaml:4:8: tools.http[0].name: invalid tool name "A"`},
		{"{name: a}", "tools.http[0].description: missing or too long"},
		{"{name: a, description: b, url: a}", "shop/agent.yaml:4:33: tools.http[0].url: must begin with https"},
		{"{name: a, description: b, url: 'https://a/{b}'}", "shop/agent.yaml:4:33: tools.http[0].url: {b} is not a parameter"},
		{"{name: a, description: b, url: 'http://a/'}", "use https, or set insecure: true"},
		{"{name: a, description: b, url: 'https://a/', parameters: {properties: {b: {type: string}}}}", "tools.http[0].parameters: b goes nowhere"},
		{"{name: a, description: b, url: 'https://a/', parameters: {properties: 3}}", "is not a JSON Schema"},
		{"{name: a, description: b, url: 'https://a/', headers: {X-Token: hush}}", "a credential does not stand in this file"},
		{"{name: a, description: b, url: 'https://a/', headers: {X: '${NOT_SET_ANYWHERE}'}}", "the environment variable NOT_SET_ANYWHERE is not set"},
		{"{name: a, description: b, url: 'https://a/', effect: reads}", `unknown value "reads"`},
		{"{name: a, description: b, url: 'https://a/', private: [10.1]}", `tools.http[0].private[0]: "10.1" is not a network`},
		{"{name: a, description: b, url: 'https://a/', private: 7}", "want true, or a list of networks"},
		{"{name: a, description: b, url: 'https://a/', timeout: 5}", `invalid duration "5"`},
		{"{name: a, description: b, url: 'https://a/', result: b}", "is not a JSON Pointer"},
		{"{name: a, description: b, url: 'https://a/', say: '{'}", "a brace without its partner"},
		{"{name: a, description: b, url: 'https://a/', header: {}}", `unknown key "header", did you mean "headers"?`},
		{"{name: a, description: b, url: 'https://a/'}\n    - {name: a, description: b, url: 'https://a/'}", `another endpoint is already called "a"`},
	} {
		_, err := Load(folder(t, "shop", "name: shop\ntools:\n  http:\n    - "+c.yaml+"\n"))
		if f := fault.From(err); f == nil || f.Code != fault.Invalid || !strings.Contains(f.Message, c.want) || !strings.HasPrefix(f.Message, "shop/agent.yaml:") {
			t.Errorf("%s: got %v, want %s", c.yaml, err, c.want)
		}
	}
}
