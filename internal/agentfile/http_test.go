package agentfile

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
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
