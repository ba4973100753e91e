package agentfile

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"frontdesk/tools/gate"
)

const (
	maxServers   = 20
	maxArguments = 100 // of a command
	maxHeaders   = 50
	maxServer    = 20 // characters of a server's name, which begins the names of its tools
)

var validServer = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// mcpServer is an entry of tools.mcp.
type mcpServer struct {
	Name             string            `yaml:"name"`
	Command          []string          `yaml:"command"`
	URL              string            `yaml:"url"`
	Headers          map[string]string `yaml:"headers"`
	Env              map[string]string `yaml:"env"`
	Allow            *[]string         `yaml:"allow"`
	Effect           string            `yaml:"effect"`
	TrustAnnotations bool              `yaml:"trust_annotations"`
	Timeout          string            `yaml:"timeout"`
}

// MCPServer is a server of the Model Context Protocol whose tools the agent uses. It has
// either a Command or a URL. References in Headers and Env are resolved.
type MCPServer struct {
	Name             string            // begins the names of its tools
	Command          []string          // program and arguments
	Dir              string            // where the command runs: the agent's folder
	Env              map[string]string // what the process gets besides PATH, HOME and LANG
	URL              string
	Headers          map[string]string
	Allow            []string      // names of tools as the server gives them; nil allows all
	Effect           *gate.Effect  // of all its tools; nil if not set
	TrustAnnotations bool          // a tool that the server calls read-only only reads
	Timeout          time.Duration // of each of its tools; 0 if not set
}

func (s *source) mcpServers(root *os.Root) ([]MCPServer, error) {
	var out []MCPServer
	if n := len(s.doc.Tools.MCP); n > maxServers {
		return nil, s.invalid("tools.mcp", "too many entries: %d (limit %d)", n, maxServers)
	}
	for i := range s.doc.Tools.MCP {
		m, err := s.mcpServer(fmt.Sprintf("tools.mcp[%d]", i), &s.doc.Tools.MCP[i], root)
		if err != nil {
			return nil, err
		}
		for _, o := range out {
			// The tools of "a_b" could be called like those of "a".
			if strings.HasPrefix(m.Name+"_", o.Name+"_") || strings.HasPrefix(o.Name+"_", m.Name+"_") {
				return nil, s.invalid(fmt.Sprintf("tools.mcp[%d].name", i), "%q and %q begin the same way: choose another name", m.Name, o.Name)
			}
		}
		out = append(out, m)
	}
	return out, nil
}

func (s *source) mcpServer(path string, d *mcpServer, root *os.Root) (MCPServer, error) {
	out := MCPServer{Name: d.Name, Command: d.Command, URL: d.URL, TrustAnnotations: d.TrustAnnotations}
	switch {
	case !validServer.MatchString(d.Name) || len(d.Name) > maxServer:
		return out, s.invalid(path+".name", "invalid name %q (want up to %d of a-z, 0-9 and _, beginning with a letter)", d.Name, maxServer)
	case len(d.Command) == 0 && d.URL == "":
		return out, s.invalid(path, "the server needs a command to run or a url to connect to")
	case len(d.Command) > 0 && d.URL != "":
		return out, s.invalid(path+".url", "set command or url, not both")
	case len(d.Command) > 0 && len(d.Headers) > 0:
		return out, s.invalid(path+".headers", "a command has no headers: use env, or url instead of command")
	case d.URL != "" && len(d.Env) > 0:
		return out, s.invalid(path+".env", "a url has no environment: use headers, or command instead of url")
	}
	var err error
	if len(d.Command) > 0 {
		err = s.checkCommand(path+".command", d.Command, root)
	} else {
		err = s.checkURL(path+".url", d.URL)
	}
	if err != nil {
		return out, err
	}
	if out.Headers, err = s.headers(path+".headers", d.Headers, root); err != nil {
		return out, err
	}
	if out.Env, err = s.variables(path+".env", d.Env, root); err != nil {
		return out, err
	}
	if d.Allow != nil {
		out.Allow = append([]string{}, *d.Allow...)
	}
	for i, name := range out.Allow {
		if name == "" || utf8.RuneCountInString(name) > maxLine {
			return out, s.invalid(fmt.Sprintf("%s.allow[%d]", path, i), "invalid tool name %q", name)
		}
	}
	if out.Effect, err = choiceOf(s, path+".effect", d.Effect, effects); err != nil {
		return out, err
	}
	if d.Timeout != "" {
		out.Timeout, err = s.duration(path+".timeout", d.Timeout, time.Millisecond, maxTimeout)
	}
	return out, err
}

// checkCommand checks that the program of a command exists. A path with a separator starts
// at the agent's folder.
func (s *source) checkCommand(path string, command []string, root *os.Root) error {
	program := command[0]
	switch {
	case len(command) > maxArguments:
		return s.invalid(path, "too many arguments: %d (limit %d)", len(command), maxArguments)
	case program == "" || slices.ContainsFunc(command, func(a string) bool { return strings.ContainsRune(a, 0) }):
		return s.invalid(path, "the program is empty or an argument has a null character")
	case filepath.Base(program) != program && !filepath.IsAbs(program):
		program = filepath.Join(root.Name(), program)
	}
	if _, err := exec.LookPath(program); err != nil {
		return s.invalid(path, "the program %q is not found or cannot be run: install it, or correct the command", command[0])
	}
	return nil
}

func (s *source) checkURL(path, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return s.invalid(path, "invalid URL (want one such as https://mcp.example.com/mcp)")
	}
	if u.User != nil {
		return s.invalid(path, "the URL has a password: use headers with a reference such as ${NAME}")
	}
	return nil
}

// headers checks HTTP headers and resolves the references in them.
func (s *source) headers(path string, headers map[string]string, root *os.Root) (map[string]string, error) {
	out := make(map[string]string, len(headers))
	if len(headers) > maxHeaders {
		return nil, s.invalid(path, "too many entries: %d (limit %d)", len(headers), maxHeaders)
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, s.invalid(path, "invalid name of a header %q", name)
		}
		value, err := s.credential(path+"."+name, name, headers[name], root)
		if err != nil {
			return nil, err
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return nil, s.invalid(path+"."+name, "the value cannot be sent in a header")
		}
		out[http.CanonicalHeaderKey(name)] = value
	}
	return out, nil
}

// variables checks environment variables for a process and resolves the references in them.
func (s *source) variables(path string, variables map[string]string, root *os.Root) (map[string]string, error) {
	out := make(map[string]string, len(variables))
	if len(variables) > maxHeaders {
		return nil, s.invalid(path, "too many entries: %d (limit %d)", len(variables), maxHeaders)
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if !validVariable.MatchString(name) {
			return nil, s.invalid(path, "invalid name of an environment variable %q", name)
		}
		value, err := s.credential(path+"."+name, name, variables[name], root)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

// credential resolves the references in a value. A value whose name says that it is a
// credential must have one, so that agent.yaml can be shown to anybody.
func (s *source) credential(path, name, value string, root *os.Root) (string, error) {
	if isCredential(name) && !reference.MatchString(value) {
		return "", s.invalid(path, "a credential does not stand in this file: write a reference such as ${NAME} or ${file:PATH}")
	}
	return s.expand(path, value, root)
}
