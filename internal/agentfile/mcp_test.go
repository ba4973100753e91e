package agentfile

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools/gate"
)

func TestMCPServersAreRead(t *testing.T) {
	t.Setenv("CRM_TOKEN", "s3cret")
	dir := folder(t, "shop", `
name: shop
tools:
  mcp:
    - name: crm
      url: https://mcp.example.com/mcp
      headers: {authorization: "Bearer ${CRM_TOKEN}", X-Api-Key: "${file:keys/crm}", X-Region: eu}
      allow: [findCustomer]
      effect: read
      timeout: 5s
    - name: files
      command: [./serve.sh, --quiet]
      env: {TOKEN: "${CRM_TOKEN}", LEVEL: debug}
      trust_annotations: true
`)
	write(t, filepath.Join(dir, "keys/crm"), "k-1\n")
	write(t, filepath.Join(dir, "serve.sh"), "#!/bin/sh\n")
	require.NoError(t, os.Chmod(filepath.Join(dir, "serve.sh"), 0o700))
	f, err := Load(dir)
	require.NoError(t, err)
	reads := gate.Read
	want := []MCPServer{
		{
			Name: "crm", URL: "https://mcp.example.com/mcp", Dir: dir, Env: map[string]string{},
			Headers: map[string]string{"Authorization": "Bearer s3cret", "X-Api-Key": "k-1", "X-Region": "eu"},
			Allow:   []string{"findCustomer"}, Effect: &reads, Timeout: 5 * time.Second,
		},
		{
			Name: "files", Command: []string{"./serve.sh", "--quiet"}, Dir: dir, Headers: map[string]string{},
			Env: map[string]string{"TOKEN": "s3cret", "LEVEL": "debug"}, TrustAnnotations: true,
		},
	}
	if !reflect.DeepEqual(f.Tools.MCP, want) {
		t.Errorf("got  %+v\nwant %+v", f.Tools.MCP, want)
	}
}

func TestMCPServersThatCannotWorkAreNamed(t *testing.T) {
	t.Setenv("HUSH", "hush-hush")
	t.Setenv("TWO_LINES", "a\nb")
	for _, c := range []struct{ yaml, want string }{
		{"{url: 'http://a/mcp'}", `shop/agent.yaml:4:7: tools.mcp[0].name: invalid name ""`},
		{"{name: Crm, url: 'http://a/mcp'}", `shop/agent.yaml:4:8: tools.mcp[0].name: invalid name "Crm"`},
		{"{name: a, command: [sh]}\n    - {name: a_b, command: [sh]}", `tools.mcp[1].name: "a_b" and "a" begin the same way`},
		{"{name: a}", "the server needs a command to run or a url to connect to"},
		{"{name: a, command: [sh], url: 'http://a/mcp'}", "shop/agent.yaml:4:32: tools.mcp[0].url: set command or url, not both"},
		{"{name: a, command: [sh], headers: {X: y}}", "a command has no headers"},
		{"{name: a, url: 'http://a/mcp', env: {X: y}}", "a url has no environment"},
		{"{name: a, command: [no-such-program]}", `the program "no-such-program" is not found or cannot be run: install it, or correct the command`},
		{"{name: a, command: [./agent.yaml]}", `the program "./agent.yaml" is not found or cannot be run`},
		{"{name: a, command: ['']}", "the program is empty"},
		{"{name: a, url: mcp.example.com}", "invalid URL (want one such as https://mcp.example.com/mcp)"},
		{"{name: a, url: 'http://u:hush-hush@a/mcp'}", "the URL has a password: use headers"},
		{"{name: a, url: 'http://a/mcp', headers: {X-Api-Key: hush-hush}}", "shop/agent.yaml:4:48: tools.mcp[0].headers.X-Api-Key: a credential does not stand in this file"},
		{"{name: a, command: [sh], env: {OPENAI_KEY: hush-hush}}", "tools.mcp[0].env.OPENAI_KEY: a credential does not stand in this file"},
		{"{name: a, command: [sh], env: {A: '${NOT_SET_ANYWHERE}'}}", "the environment variable NOT_SET_ANYWHERE is not set: set it, or remove the reference"},
		{"{name: a, command: [sh], env: {A: '${HUSH} ${1x}'}}", "invalid reference ${1x} (want ${NAME}"},
		{"{name: a, command: [sh], env: {A: '${HUSH'}}", "a reference has no closing brace"},
		{"{name: a, command: [sh], env: {A: '${TWO_LINES}'}}", "a line break or another control character"},
		{"{name: a, command: [sh], env: {A: '${file:none}'}}", `the file "none" cannot be read: create it, or correct the path`},
		{"{name: a, command: [sh], env: {A: '${file:../../x}'}}", "cannot be read"},
		{"{name: a, command: [sh], env: {A: '${file:.}'}}", `"." is not a regular file`},
		{"{name: a, command: [sh], env: {'A-B': x}}", `invalid name of an environment variable "A-B"`},
		{"{name: a, url: 'http://a/mcp', headers: {'A B': x}}", `invalid name of a header "A B"`},
		{"{name: a, command: [sh], allow: ['']}", `tools.mcp[0].allow[0]: invalid tool name ""`},
		{"{name: a, command: [sh], effect: reads}", `unknown value "reads" (want one of: `},
		{"{name: a, command: [sh], timeout: 5}", `invalid duration "5"`},
		{"{name: a, command: [sh], header: {}}", `unknown key "header", did you mean "headers"?`},
	} {
		_, err := Load(folder(t, "shop", "name: shop\ntools:\n  mcp:\n    - "+c.yaml+"\n"))
		if f := fault.From(err); f == nil || f.Code != fault.Invalid || !strings.Contains(f.Message, c.want) || !strings.HasPrefix(f.Message, "shop/agent.yaml:4:") && !strings.HasPrefix(f.Message, "shop/agent.yaml:5:") {
			t.Errorf("%s: got %v, want %s", c.yaml, err, c.want)
		} else if strings.Contains(f.Error(), "hush-hush") {
			t.Errorf("%s: the error shows a secret: %v", c.yaml, f)
		}
	}
}
