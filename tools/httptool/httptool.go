// Package httptool makes a tool of an HTTP endpoint: a URL template gets the arguments of a
// call, and the answer, which must be JSON or plain text, becomes the tool's result. Config
// describes the endpoint; New checks it.
//
// A model chooses the arguments and a stranger may write the answer, so neither decides where
// a request goes: arguments are percent-encoded into the path and the query, each network
// address is checked when it is dialed, and credentials are not sent to another host. What
// is not an answer of the expected kind is a failed result with a plain sentence.
//
// Of Frontdesk the package imports tools, tools/gate, internal/fault, internal/jsonpointer and
// internal/words.
package httptool

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/jsonpointer"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

const (
	// DefaultTimeout is how long a call may take, with redirects and a retry. A caller on
	// the telephone should hear something within four seconds.
	DefaultTimeout = 3 * time.Second

	breakerFailures = 3               // consecutive failures after which the endpoint is away
	breakerDelay    = 5 * time.Second // how long it is away before one call tests it
)

// Body is how the arguments that are not in the URL are sent.
type Body string

// The kinds of bodies.
const (
	JSON Body = "json"
	Form Body = "form"
)

// Config describes an endpoint.
type Config struct {
	Name        string // of the tool
	Description string // for the model
	Method      string
	// URL is a template (RFC 6570 up to level 3, without {+name} and {#name}).
	URL        string
	Headers    map[string]string // may hold credentials
	Parameters map[string]any    // JSON Schema of an object
	Body       Body              // "" means JSON
	// Result is a JSON Pointer (RFC 6901) to the part of the answer that the model gets; ""
	// is the whole answer.
	Result string
	// Say tells the result in a sentence, with fields of the answer in braces: "It is
	// {status}." A name is that of a field at the top, or a JSON Pointer such as /date/day.
	Say     string
	Effect  *gate.Effect // nil: Read for GET and HEAD, else Write
	Private Private
	// Insecure allows a URL that begins with http, which anybody on the way can read.
	Insecure bool
	// Idempotent says that the endpoint does a request with the same Idempotency-Key only
	// once, so that a write whose answer is lost can be repeated.
	Idempotent bool
	Timeout    time.Duration // 0 means DefaultTimeout

	Resolver *net.Resolver // nil means the default one
	// OnChange is told once when the endpoint is away, with the reason, and once with nil
	// when it is back. It may be nil.
	OnChange func(err error)
}

// Private says which addresses that are not public a tool may reach.
type Private struct {
	All      bool           // private networks, this host, link-local addresses
	Networks []netip.Prefix // these, whatever they are
}

// FieldError is a mistake in a Config.
type FieldError struct {
	Field   string // as in agent.yaml, such as "url"
	Message string // what is wrong and what to do
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func wrong(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// Tool is a tools.Tool for an endpoint. It is safe for concurrent use.
type Tool struct {
	config    Config
	spec      tools.Spec
	template  template
	inURL     []string // arguments of the template
	base      *url.URL // scheme, host and port of every request
	result    jsonpointer.Pointer
	say       sentence
	client    *http.Client
	transport *http.Transport
	breaker   circuitbreaker.CircuitBreaker[any]
	isAway    atomic.Bool
}

// New checks c and returns its tool, which the caller closes. The error is a *FieldError.
func New(c Config) (*Tool, error) {
	c.Method, c.Body = strings.ToUpper(c.Method), cmp.Or(c.Body, JSON)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	t := &Tool{config: c}
	if err := t.checkURL(); err != nil {
		return nil, err
	}
	schema, err := t.checkParameters()
	if err != nil {
		return nil, err
	}
	if err := t.checkArguments(schema); err != nil {
		return nil, err
	}
	for name, value := range c.Headers {
		if !validHeader.MatchString(name) || strings.ContainsAny(value, "\r\n\x00") {
			return nil, wrong("headers", "the header %q cannot be sent: correct its name, and its value to one line", name)
		}
		if ownHeaders[http.CanonicalHeaderKey(name)] {
			return nil, wrong("headers", "the header %s is set by the program: remove it", name)
		}
	}
	if t.result, err = jsonpointer.Parse(c.Result); err != nil {
		return nil, wrong("result", "%v", err)
	}
	if t.say, err = parseSentence(c.Say); err != nil {
		return nil, wrong("say", "%v", err)
	}
	// The registry ends a call that has not ended by itself.
	if c.Say != "" {
		t.spec.Description += ` If the result has the field "say", tell it in these words.`
	}
	t.spec.Say, t.spec.Timeout = c.Say, c.Timeout+100*time.Millisecond
	t.transport, t.client = newClient(c)
	t.breaker = circuitbreaker.NewBuilder[any]().WithFailureThreshold(breakerFailures).WithSuccessThreshold(1).WithDelay(breakerDelay).Build()
	return t, nil
}

var (
	validHeader = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")
	// ownHeaders are set by net/http or by this package.
	ownHeaders = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true, "Idempotency-Key": true,
		"Accept-Encoding": true, "Content-Type": true, "Te": true, "Trailer": true, "Upgrade": true}
	methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
)

// checkURL checks the method and the URL template. The scheme and the host must stand before
// the first argument.
func (t *Tool) checkURL() error {
	c := t.config
	if !slices.Contains(methods, c.Method) {
		return wrong("method", "unknown method %q (want one of: %s)", c.Method, strings.Join(methods, ", "))
	}
	literal, expression, hasArguments := strings.Cut(c.URL, "{")
	scheme, rest, ok := strings.Cut(literal, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return wrong("url", "must begin with https:// or http:// (want one such as https://api.example.com/parcels/{tracking})")
	}
	if hasArguments && !strings.ContainsAny(rest, "/?") && !strings.HasPrefix(expression, "/") && !strings.HasPrefix(expression, "?") {
		return wrong("url", "an argument must not be a part of the host or the port: write these out, then / and the argument")
	}
	base, err := url.Parse(literal)
	if err != nil || base.Hostname() == "" || base.Opaque != "" || strings.Contains(base.Host, "\\") {
		return wrong("url", "is not a URL with a host (want one such as https://api.example.com/parcels/{tracking})")
	}
	if base.User != nil {
		return wrong("url", "holds a user or password: use headers with a reference such as ${NAME}")
	}
	if scheme == "http" && !c.Insecure && !c.Private.All && len(c.Private.Networks) == 0 {
		return wrong("url", "http is not encrypted: use https, or set insecure: true if you must")
	}
	if t.template, err = parseTemplate(c.URL); err != nil {
		return wrong("url", "%v", err)
	}
	if strings.Contains(c.URL, "#") {
		return wrong("url", "has a fragment, which is never sent: remove # and what follows")
	}
	t.base, t.inURL = &url.URL{Scheme: base.Scheme, Host: base.Host}, t.template.names()
	return nil
}

// checkParameters compiles the schema and sets the Spec.
func (t *Tool) checkParameters() (*jsonschema.Schema, error) {
	c := t.config
	parameters := maps.Clone(c.Parameters)
	if parameters == nil {
		parameters = make(map[string]any)
	}
	if _, ok := parameters["type"]; !ok {
		parameters["type"] = "object"
	}
	if _, ok := parameters["additionalProperties"]; !ok {
		parameters["additionalProperties"] = false
	}
	text, err := json.Marshal(parameters)
	if err != nil {
		return nil, wrong("parameters", "cannot be written as JSON: %v", err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, wrong("parameters", "is not a JSON Schema: %v", err)
	}
	if schema.Type != "object" {
		return nil, wrong("parameters", `must describe an object: set type: object`)
	}
	if _, err := schema.Resolve(nil); err != nil {
		return nil, wrong("parameters", "is not a usable JSON Schema: %v", err)
	}
	effect := gate.Write
	if c.Method == http.MethodGet || c.Method == http.MethodHead {
		effect = gate.Read
	}
	if c.Effect != nil {
		effect = *c.Effect
	}
	t.spec = tools.Spec{Name: c.Name, Description: c.Description, Parameters: text, Rule: gate.Rule{Effect: effect}, IsIdempotent: c.Idempotent}
	return &schema, nil
}

// checkArguments checks that each argument of the URL is a parameter and that each parameter
// is sent. Arguments in the URL without a list of values identify a record.
func (t *Tool) checkArguments(schema *jsonschema.Schema) error {
	path := t.template.pathNames()
	for _, name := range t.inURL {
		p := schema.Properties[name]
		switch {
		case p == nil:
			return wrong("url", "{%s} is not a parameter: add it to parameters.properties, or correct it (there are: %s)", name,
				cmp.Or(strings.Join(slices.Sorted(maps.Keys(schema.Properties)), ", "), "none"))
		case !slices.Contains([]string{"string", "integer", "number", "boolean"}, p.Type):
			return wrong("parameters", "the type of %s must be string, integer, number or boolean, because it is a part of the URL", name)
		case slices.Contains(path, name) && !slices.Contains(schema.Required, name):
			return wrong("parameters", "%s is a part of the URL's path, so it must be required: add it to required", name)
		}
		if p.Enum == nil && p.Const == nil && p.Type != "boolean" {
			t.spec.Rule.Identify = append(t.spec.Rule.Identify, name)
		}
	}
	if t.hasBody() {
		if t.config.Body != JSON && t.config.Body != Form {
			return wrong("body", "unknown kind %q (want json or form)", t.config.Body)
		}
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if !slices.Contains(t.inURL, name) {
			return wrong("parameters", "%s goes nowhere: %s sends no body, so put {%s} or {?%s} into the url, or remove it", name, t.config.Method, name, name)
		}
	}
	return nil
}

func (t *Tool) hasBody() bool {
	m := t.config.Method
	return m == http.MethodPost || m == http.MethodPut || m == http.MethodPatch
}

// Spec implements tools.Tool.
func (t *Tool) Spec() tools.Spec { return t.spec }

// Close closes idle connections. No call may be in progress.
func (t *Tool) Close() error {
	t.transport.CloseIdleConnections()
	return nil
}

// Call implements tools.Tool.
func (t *Tool) Call(ctx context.Context, call tools.Call) (tools.Result, error) {
	target, body, err := t.build(call.Arguments)
	if err != nil {
		return tools.Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.config.Timeout)
	defer cancel()
	answer, err := t.send(ctx, target, body, idempotencyKey(tools.CallerOf(ctx).Session, call.ID))
	if err != nil {
		return tools.Result{}, err
	}
	return t.read(call, answer)
}
