package mcp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

const (
	maxTools       = 128      // of one server; further ones are omitted
	maxPages       = 32       // of a list of tools
	maxName        = 64       // bytes of a tool's name
	maxDescription = 1000     // bytes
	maxSchema      = 16 << 10 // bytes of a tool's parameters
)

// listing keeps a Set up to date with a server's list of tools.
type listing struct {
	server *Server
	digest [sha256.Size]byte // of the list that was read last
	count  int               // tools of it that are in the Set
}

// follow reads the list again when the server says that it has changed, and at intervals,
// until the connection is lost or ctx ends. A list that cannot be read twice in a row means
// that the server is away.
func (l *listing) follow(ctx context.Context, c *connection, lost chan error) error {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-lost:
			lost <- err // for the one who waits for the goroutine
			return fmt.Errorf("the connection ended: %w", cmpError(err, errors.New("the server closed it")))
		case <-l.server.check:
		case <-poll.C:
		}
		if err := l.refresh(ctx, c); err == nil {
			failures = 0
		} else if failures++; failures > 1 {
			return err
		} else {
			l.server.requestCheck()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(refreshDelay):
		}
	}
}

func cmpError(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}

// refresh reads the list and, if it has changed, puts its tools into the Set.
func (l *listing) refresh(ctx context.Context, c *connection) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := readList(ctx, c.session)
	if err != nil {
		return fmt.Errorf("list its tools: %w", err)
	}
	text, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("list its tools: %w", err)
	}
	digest := sha256.Sum256(text)
	if digest == l.digest {
		return nil
	}
	l.digest = digest
	made, problems := l.server.makeTools(list)
	unusable := l.server.set.Replace(made)
	l.count = len(made) - len(unusable)
	for _, err := range slices.Concat(problems, unusable) {
		l.server.omitted(err)
	}
	return nil
}

// readList reads the pages of a list of tools, up to maxTools.
func readList(ctx context.Context, session *sdk.ClientSession) ([]*sdk.Tool, error) {
	var list []*sdk.Tool
	cursor := ""
	for range maxPages {
		page, err := session.ListTools(ctx, &sdk.ListToolsParams{Cursor: cursor})
		if err != nil {
			return nil, err
		}
		list = append(list, page.Tools...)
		if page.NextCursor == "" || len(list) > maxTools {
			break
		}
		cursor = page.NextCursor
	}
	return list, nil
}

// makeTools makes the tools of a list that the configuration allows. It returns an error for
// each one that it omits for another reason.
func (s *Server) makeTools(list []*sdk.Tool) (made []tools.Tool, problems []error) {
	for i, t := range list {
		if i == maxTools {
			problems = append(problems, fault.New(fault.TooLarge, "the server has more than %d tools: those from %q on are omitted (set allow to the ones you need)", maxTools, printable(t.Name, maxName)))
			break
		}
		name := toolName(s.config.Name, t.Name)
		if a := s.config.Allow; a != nil && !slices.Contains(a, t.Name) && !slices.Contains(a, name) {
			continue
		}
		parameters, err := parameters(t)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		made = append(made, &tool{server: s, remote: t.Name, spec: tools.Spec{
			Name: name, Description: printable(t.Description, maxDescription), Parameters: parameters,
			Rule: gate.Rule{Effect: s.effect(t)}, Timeout: s.config.Timeout,
			IsIdempotent: s.config.TrustAnnotations && t.Annotations != nil && t.Annotations.IdempotentHint,
		}})
	}
	for _, name := range s.config.Allow {
		if !slices.ContainsFunc(list, func(t *sdk.Tool) bool { return t.Name == name || toolName(s.config.Name, t.Name) == name }) {
			problems = append(problems, fault.New(fault.NotFound, "the server has no tool %q: correct allow", printable(name, maxName)))
		}
	}
	return made, problems
}

// effect returns the effect of a tool. What a server says about its own tools is believed
// only if the operator says so.
func (s *Server) effect(t *sdk.Tool) gate.Effect {
	switch {
	case s.config.Effect != nil:
		return *s.config.Effect
	case s.config.TrustAnnotations && t.Annotations != nil && t.Annotations.ReadOnlyHint:
		return gate.Read
	}
	return gate.Write
}

// parameters returns the schema of a tool's parameters. The registry checks that it can be
// used.
func parameters(t *sdk.Tool) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(t.InputSchema); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the parameters of tool %q are not JSON", printable(t.Name, maxName))
	}
	if b.Len() > maxSchema {
		return nil, fault.New(fault.TooLarge, "the parameters of tool %q are larger than %d kB", printable(t.Name, maxName), maxSchema>>10)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// toolName makes the name of a tool of Frontdesk: "findCustomer" of the server "crm" becomes
// "crm_find_customer".
func toolName(server, name string) string {
	var b strings.Builder
	b.WriteString(server)
	isGap, wasLower := true, false
	for _, r := range name {
		isUpper := r >= 'A' && r <= 'Z'
		isLower := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !isUpper && !isLower {
			isGap, wasLower = true, false
			continue
		}
		if isGap || isUpper && wasLower {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		isGap, wasLower = false, isLower
	}
	return strings.TrimRight(words.Clip(b.String(), maxName), "_")
}

// printable returns a text from outside without control and format characters, cut to size
// bytes. Line breaks stay.
func printable(text string, size int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', unicode.IsGraphic(r) && r != unicode.ReplacementChar:
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, words.Clip(text, 4*size))
	return strings.TrimSpace(words.Clip(text, size))
}
