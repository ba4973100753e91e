package agentfile

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

const maxSecret = 64 << 10 // bytes of a file that a reference names

var (
	reference      = regexp.MustCompile(`\$\{([^}]*)\}`)
	validVariable  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	credentialName = regexp.MustCompile(`(?i)authorization|cookie|token|secret|password|credential|api.?key|(^|[-_])key($|[-_])`)
)

// isCredential reports whether a header or variable of that name usually holds a credential.
func isCredential(name string) bool { return credentialName.MatchString(name) }

// expand replaces the references in the text at path: ${NAME} by the environment variable
// NAME, and ${file:PATH} by the content of a file without the line break at its end. A
// relative path starts at the agent's folder. Errors never show what a reference stands for.
func (s *source) expand(path, text string, root *os.Root) (string, error) {
	var firstErr error
	out := reference.ReplaceAllStringFunc(text, func(found string) string {
		value, err := s.resolve(path, found[2:len(found)-1], root)
		if err != nil && firstErr == nil {
			firstErr = err
		}
		return value
	})
	if firstErr != nil {
		return "", firstErr
	}
	if strings.Contains(reference.ReplaceAllString(text, ""), "${") {
		return "", s.invalid(path, "a reference has no closing brace (want one such as ${NAME})")
	}
	if strings.ContainsFunc(out, unicode.IsControl) {
		return "", s.invalid(path, "the value has a line break or another control character")
	}
	return out, nil
}

// resolve returns what the reference called name stands for.
func (s *source) resolve(path, name string, root *os.Root) (string, error) {
	if file, ok := strings.CutPrefix(name, "file:"); ok {
		return s.readSecret(path, file, root)
	}
	if !validVariable.MatchString(name) {
		return "", s.invalid(path, "invalid reference ${%s} (want ${NAME} for an environment variable or ${file:PATH} for a file)", name)
	}
	value := os.Getenv(name)
	if value == "" {
		return "", s.invalid(path, "the environment variable %s is not set: set it, or remove the reference", name)
	}
	return value, nil
}

// readSecret returns the content of a file. A relative path must stay inside root.
func (s *source) readSecret(path, file string, root *os.Root) (string, error) {
	open := root.Open
	if filepath.IsAbs(file) {
		open = os.Open
	}
	f, err := open(file)
	if err != nil {
		return "", s.invalid(path, "the file %q cannot be read: create it, or correct the path", file)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", s.invalid(path, "%q is not a regular file", file)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", s.invalid(path, "the file %q cannot be read", file)
	case len(b) > maxSecret:
		return "", s.invalid(path, "the file %q is larger than %d kB", file, maxSecret>>10)
	}
	value := strings.TrimRight(string(b), "\r\n")
	if value == "" {
		return "", s.invalid(path, "the file %q is empty", file)
	}
	return value, nil
}
