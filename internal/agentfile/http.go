package agentfile

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"frontdesk/tools/httptool"
)

// httpDocument is an entry of tools.http.
type httpDocument struct {
	Name        string            `yaml:"name"`
	Description string            `yaml:"description"`
	Method      string            `yaml:"method"`
	URL         string            `yaml:"url"`
	Headers     map[string]string `yaml:"headers"`
	Parameters  map[string]any    `yaml:"parameters"`
	Body        string            `yaml:"body"`
	Result      string            `yaml:"result"`
	Say         string            `yaml:"say"`
	Effect      string            `yaml:"effect"`
	Private     any               `yaml:"private"`
	Insecure    bool              `yaml:"insecure"`
	Idempotent  bool              `yaml:"idempotent"`
	Timeout     string            `yaml:"timeout"`
}

// endpoints reads the HTTP endpoints that are tools.
func (s *source) endpoints(root *os.Root) ([]httptool.Config, error) {
	var out []httptool.Config
	if n := len(s.doc.Tools.HTTP); n > maxTools {
		return nil, s.invalid("tools.http", "too many entries: %d (limit %d)", n, maxTools)
	}
	for i := range s.doc.Tools.HTTP {
		path := fmt.Sprintf("tools.http[%d]", i)
		c, err := s.endpoint(path, &s.doc.Tools.HTTP[i], root)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o httptool.Config) bool { return o.Name == c.Name }) {
			return nil, s.invalid(path+".name", "another endpoint is already called %q", c.Name)
		}
		out = append(out, c)
	}
	return out, nil
}

func (s *source) endpoint(path string, d *httpDocument, root *os.Root) (httptool.Config, error) {
	c := httptool.Config{
		Name: d.Name, Description: strings.TrimSpace(d.Description), Method: d.Method, URL: d.URL, Parameters: d.Parameters,
		Body: httptool.Body(d.Body), Result: d.Result, Say: strings.TrimSpace(d.Say), Insecure: d.Insecure, Idempotent: d.Idempotent,
	}
	if c.Method == "" {
		c.Method = "GET"
	}
	switch {
	case !validTool.MatchString(c.Name):
		return c, s.invalid(path+".name", "invalid tool name %q (want 1 to 64 of a-z, 0-9 and _)", c.Name)
	case c.Description == "" || utf8.RuneCountInString(c.Description) > maxSpeech:
		return c, s.invalid(path+".description", "missing or too long: describe in 1 to %d characters what the tool does", maxSpeech)
	}
	if err := s.checkLength(path+".say", c.Say, maxSpeech); err != nil {
		return c, err
	}
	var err error
	if c.Effect, err = choiceOf(s, path+".effect", d.Effect, effects); err != nil {
		return c, err
	}
	if c.Private, err = s.private(path+".private", d.Private); err != nil {
		return c, err
	}
	if d.Timeout != "" {
		if c.Timeout, err = s.duration(path+".timeout", d.Timeout, time.Millisecond, maxTimeout); err != nil {
			return c, err
		}
	}
	if c.Headers, err = s.headers(path+".headers", d.Headers, root); err != nil {
		return c, err
	}
	t, err := httptool.New(c)
	if wrong, ok := errors.AsType[*httptool.FieldError](err); ok {
		return c, s.invalid(path+"."+wrong.Field, "%s", wrong.Message)
	}
	if err != nil {
		return c, s.invalid(path, "%v", err)
	}
	return c, t.Close()
}

// private reads which addresses that are not public may be used: true, or a list of networks.
func (s *source) private(path string, value any) (httptool.Private, error) {
	var out httptool.Private
	switch v := value.(type) {
	case nil:
	case bool:
		out.All = v
	case []any:
		for i, n := range v {
			network, err := netip.ParsePrefix(fmt.Sprint(n))
			if err != nil {
				return out, s.invalid(fmt.Sprintf("%s[%d]", path, i), "%q is not a network (want one such as 10.1.0.0/16)", fmt.Sprint(n))
			}
			out.Networks = append(out.Networks, network.Masked())
		}
	default:
		return out, s.invalid(path, "want true, or a list of networks such as [10.1.0.0/16]")
	}
	return out, nil
}
