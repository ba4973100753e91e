package config

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Notify is a destination of events.
type Notify struct {
	Name        string   `yaml:"name"`                   // lower-case letters, digits and dashes
	Type        string   `yaml:"type"`                   // webhook, email, zendesk or jira
	Events      []string `yaml:"events,omitempty"`       // such as ticket.opened; empty: all
	Agents      []string `yaml:"agents,omitempty"`       // whose events it gets; empty: all
	Content     bool     `yaml:"content,omitempty"`      // whether it gets what callers said
	URL         string   `yaml:"url"`                    // of the webhook, mail server or help desk
	Secret      string   `yaml:"secret,omitempty"`       // ${NAME} or ${file:PATH}: the key of signatures, the password or the API token
	User        string   `yaml:"user,omitempty"`         // of the mail server or help desk
	From        string   `yaml:"from,omitempty"`         // sender of e-mail
	To          []string `yaml:"to,omitempty"`           // receivers of e-mail
	Insecure    bool     `yaml:"insecure,omitempty"`     // allows a mail server without STARTTLS
	Private     []string `yaml:"private,omitempty"`      // networks that are not public and may be reached
	ServiceDesk string   `yaml:"service_desk,omitempty"` // of jira
	RequestType string   `yaml:"request_type,omitempty"` // of jira
}

const maxNotify = 50 // destinations

var (
	notifyName   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	notifyTypes  = []string{"webhook", "email", "zendesk", "jira"}
	notifyEvents = []string{"call.started", "call.ended", "call.summarized", "ticket.opened", "ticket.changed", "ticket.replied", "callback.promised", "callback.missed", "handover.wanted"}
	secretRef    = regexp.MustCompile(`^\$\{(?:file:([^}]+)|([A-Za-z_][A-Za-z0-9_]*))\}$`)
)

// checkNotify checks what can be checked without the destinations' own packages.
func (c *Config) checkNotify(wrong report) {
	if len(c.Notify) > maxNotify {
		wrong("notify", "at most %d destinations are possible", maxNotify)
	}
	names := make(map[string]bool)
	for i, n := range c.Notify {
		key := fmt.Sprintf("notify[%d]", i)
		switch {
		case !notifyName.MatchString(n.Name):
			wrong(key+".name", "invalid name %q (want lower-case letters, digits and dashes, at most 40)", n.Name)
		case names[n.Name]:
			wrong(key+".name", "the name %q is taken: choose another one", n.Name)
		}
		names[n.Name] = true
		if !slices.Contains(notifyTypes, n.Type) {
			wrong(key+".type", "unknown type %q (want %s)", n.Type, anyOf(notifyTypes))
			continue
		}
		for j, e := range n.Events {
			if !slices.Contains(notifyEvents, e) {
				wrong(fmt.Sprintf("%s.events[%d]", key, j), "unknown event %q (want %s)", e, anyOf(notifyEvents))
			}
		}
		for j, p := range n.Private {
			if _, err := netip.ParsePrefix(p); err != nil {
				wrong(fmt.Sprintf("%s.private[%d]", key, j), "invalid network %q (want one such as 10.0.0.0/8)", p)
			}
		}
		n.checkKeys(key, wrong)
		if n.Secret != "" {
			if _, err := ResolveSecret(n.Secret); err != nil {
				wrong(key+".secret", "%v", err)
			}
		}
	}
}

// checkKeys reports keys that the type does not have.
func (n Notify) checkKeys(key string, wrong report) {
	isEmail, isJira := n.Type == "email", n.Type == "jira"
	for _, k := range []struct {
		name          string
		isSet, belong bool
		to            string
	}{
		{"from", n.From != "", isEmail, "email"},
		{"to", len(n.To) > 0, isEmail, "email"},
		{"insecure", n.Insecure, isEmail, "email"},
		{"user", n.User != "", n.Type != "webhook", "email, zendesk and jira"},
		{"service_desk", n.ServiceDesk != "", isJira, "jira"},
		{"request_type", n.RequestType != "", isJira, "jira"},
	} {
		if k.isSet && !k.belong {
			wrong(key+"."+k.name, "%s does not have it: remove it (it belongs to %s)", n.Type, k.to)
		}
	}
}

const maxSecretFile = 64 << 10 // bytes

// ResolveSecret returns what a reference stands for: ${NAME} is an environment variable,
// ${file:PATH} the content of a file. The error never shows the value.
func ResolveSecret(reference string) (string, error) {
	m := secretRef.FindStringSubmatch(reference)
	if m == nil {
		return "", errors.New("a credential does not stand in this file: write ${NAME} for an environment variable or ${file:PATH} for a file")
	}
	if m[1] == "" {
		value := os.Getenv(m[2])
		if value == "" {
			return "", fmt.Errorf("the environment variable %s is not set: set it", m[2])
		}
		return value, nil
	}
	f, err := os.Open(filepath.Clean(m[1]))
	if err != nil {
		return "", fmt.Errorf("the file %q cannot be read: create it, or correct the path", m[1])
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	value := strings.TrimRight(string(b), "\r\n")
	switch {
	case err != nil:
		return "", fmt.Errorf("the file %q cannot be read", m[1])
	case len(b) > maxSecretFile:
		return "", fmt.Errorf("the file %q is larger than %d kB", m[1], maxSecretFile>>10)
	case value == "":
		return "", fmt.Errorf("the file %q is empty", m[1])
	}
	return value, nil
}
