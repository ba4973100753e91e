package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"frontdesk/internal/fault"
)

// Config says where networks come from. The zero value is useful.
type Config struct {
	// From lists the sources in order: Packages, Publishers, a folder or a URL. A folder or
	// URL has files as ENTRY/FILE, such as another machine's cache. Default Packages, Publishers.
	From []string
	// Library is ONNX Runtime, which conversions need; "" is the installed one.
	Library string
	Python  string // runs pip; default python3
	NPM     string // default npm
	// Report receives lines for people, Progress the bytes of a file received so far. Both may
	// be nil and are called by one goroutine at a time.
	Report   func(line string)
	Progress func(file string, done, total int64)
}

// puller is one run of Pull.
type puller struct {
	*Cache
	config  Config
	client  *http.Client
	work    string // folder for files that are not checked yet; in the cache, so that they can be renamed
	backoff time.Duration
	sources []source
}

func (p *puller) report(format string, args ...any) {
	if p.config.Report != nil {
		p.config.Report(fmt.Sprintf(format, args...))
	}
}

// Pull installs the named entries, or all but the optional ones, and what their conversion needs. Files that are
// installed and unchanged are only looked up. Every file is checked by its SHA-256 sum before
// it is moved into place. Processes that pull at the same time wait for each other. The error
// says for each source why it failed.
func (c *Cache) Pull(ctx context.Context, config Config, names ...string) error {
	return c.pull(ctx, config, Table(), firstBackoff, names)
}

func (c *Cache) pull(ctx context.Context, config Config, table []Entry, backoff time.Duration, names []string) error {
	p := &puller{Cache: c, config: config, client: newClient(), work: filepath.Join(c.dir, ".work"), backoff: backoff}
	defer p.client.CloseIdleConnections()
	entries, err := choose(table, names)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Optional })
	}
	if config.Library == "" {
		entries = withRuntime(table, entries)
	} else if len(names) == 0 {
		entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Name == runtimeEntry })
	}
	for _, from := range p.from() {
		s, err := p.newSource(from)
		if err != nil {
			return err
		}
		p.sources = append(p.sources, s)
	}
	if !slices.ContainsFunc(entries, func(e Entry) bool { return !c.isRecorded(c.readManifest(), e) }) {
		p.report("all is installed in %s", c.dir)
		return nil
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	unlock, err := p.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// Another process may have removed the folder until now.
	if err := os.MkdirAll(p.work, 0o755); err != nil {
		return err
	}
	defer p.removeTemporary()
	for _, e := range entries {
		if err := p.entry(ctx, e); err != nil {
			return err
		}
	}
	return os.RemoveAll(p.work)
}

// partSuffix ends the names of files that may be incomplete, which the next run continues.
const partSuffix = ".part"

// removeTemporary deletes what the next run cannot use, such as wheels.
func (p *puller) removeTemporary() {
	files, _ := os.ReadDir(p.work)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), partSuffix) {
			_ = os.RemoveAll(filepath.Join(p.work, f.Name()))
		}
	}
	_ = os.Remove(p.work) // if it is empty
}

func (p *puller) from() []string {
	if len(p.config.From) == 0 {
		return []string{Packages, Publishers}
	}
	return p.config.From
}

// choose returns the named entries, or all, in the order of the table.
func choose(table []Entry, names []string) ([]Entry, error) {
	for _, name := range names {
		if !slices.ContainsFunc(table, func(e Entry) bool { return e.Name == name }) {
			return nil, unknownEntry(table, name)
		}
	}
	var chosen []Entry
	for _, e := range table {
		if slices.Contains(names, e.Name) || len(names) == 0 {
			chosen = append(chosen, e)
		}
	}
	return chosen, nil
}

func unknownEntry(table []Entry, name string) error {
	var names []string
	for _, e := range table {
		names = append(names, e.Name)
	}
	return fault.New(fault.Invalid, "unknown entry %q (want %s)", name, strings.Join(names, ", "))
}

// withRuntime adds ONNX Runtime to entries of which one must be converted.
func withRuntime(table, entries []Entry) []Entry {
	isConverted := func(e Entry) bool { return slices.ContainsFunc(e.Files, File.isConverted) }
	i := slices.IndexFunc(table, func(e Entry) bool { return e.Name == runtimeEntry })
	if i < 0 || !slices.ContainsFunc(entries, isConverted) || entries[0].Name == runtimeEntry {
		return entries
	}
	return append([]Entry{table[i]}, entries...)
}

// isRecorded reports whether all files of an entry were checked and are unchanged.
func (c *Cache) isRecorded(m manifest, e Entry) bool {
	for _, f := range e.Files {
		if !m.isRecorded(c.Path(e.Name, f.Name), e.Name, f) {
			return false
		}
	}
	return true
}

// lock waits until no other process changes the cache.
func (p *puller) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(p.dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for isFirst := true; ; isFirst = false {
		ok, err := tryLock(f)
		if ok {
			return func() { _ = f.Close() }, nil
		}
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		if isFirst {
			p.report("waiting for another process that changes %s", p.dir)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// entry installs the files of an entry that are not installed.
func (p *puller) entry(ctx context.Context, e Entry) error {
	if len(e.Files) == 0 {
		p.report("%s: no file is listed for this system; install it yourself and set the path of the library", e.Name)
		return nil
	}
	if p.isRecorded(p.readManifest(), e) {
		return nil
	}
	for _, f := range e.Files {
		// Read the manifest again, because it is written after each file: what an interrupted
		// run has installed stays installed.
		m, path := p.readManifest(), p.Path(e.Name, f.Name)
		if m.isRecorded(path, e.Name, f) {
			continue
		}
		sum := f.SHA256
		if have, err := sumFile(path); err != nil || have != sum {
			if sum, err = p.install(ctx, e, f); err != nil {
				return fault.Wrap(err, fault.Unavailable, "%s cannot be installed", key(e.Name, f.Name))
			}
		}
		if err := errors.Join(m.add(path, e.Name, f, sum), p.writeManifest(m)); err != nil {
			return err
		}
	}
	p.report("%s: installed", e.Name)
	return nil
}

// install gets a file from the first source that has it, converts it if needed, and moves it
// into place. It returns the sum of the installed file.
func (p *puller) install(ctx context.Context, e Entry, f File) (string, error) {
	ready := f.From
	if f.isConverted() {
		// A source may have the converted file, as the cache of another machine does.
		ready = Published{Name: f.Name, Size: f.Size, SHA256: f.SHA256}
	}
	var problems []string
	for _, s := range p.sources {
		for _, want := range slices.CompactFunc([]Published{ready, f.From}, func(a, b Published) bool { return a.SHA256 == b.SHA256 }) {
			part, err := p.obtain(ctx, s, e.Name, want)
			if err == nil {
				return p.place(e, f, want, part)
			}
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			if want.SHA256 == f.From.SHA256 || !errors.Is(err, errNotThere) {
				problems = append(problems, fmt.Sprintf("%s: %v", s.name(), err))
			}
			if !errors.Is(err, errNotThere) {
				break
			}
		}
	}
	return "", errors.New(strings.Join(problems, "; "))
}

// obtain returns the path of a published file whose sum is right.
func (p *puller) obtain(ctx context.Context, s source, entry string, want Published) (string, error) {
	path := filepath.Join(p.work, want.SHA256+partSuffix)
	if sum, err := sumFile(path); err == nil && sum == want.SHA256 {
		return path, nil // an interrupted run has received all of it
	}
	for {
		isResumed := fileSize(path) > 0
		if err := s.fetch(ctx, entry, want, path); err != nil {
			return "", err
		}
		sum, err := sumFile(path)
		if err != nil || sum == want.SHA256 {
			return path, err
		}
		_ = os.Remove(path)
		if !isResumed { // a resumed file may begin with bytes of another version: download all of it
			return "", fmt.Errorf("%s has SHA-256 %s, want %s", want.Name, sum, want.SHA256)
		}
	}
}

// place moves a checked file to its place, converted if needed, and returns its sum.
func (p *puller) place(e Entry, f File, got Published, part string) (string, error) {
	path := p.Path(e.Name, f.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	if got.SHA256 == f.SHA256 {
		return f.SHA256, os.Rename(part, path)
	}
	p.report("%s: converting %s", e.Name, got.Name)
	named := filepath.Join(p.work, got.Name) // ONNX Runtime knows the format by the extension
	if err := os.Rename(part, named); err != nil {
		return "", err
	}
	converted := filepath.Join(p.work, f.Name)
	library := cmp.Or(p.config.Library, p.installedLibrary())
	if err := convert(library, named, converted, p.work); err != nil {
		_ = os.Rename(named, part) // the next run need not download it
		return "", fmt.Errorf("%s: %w", got.Name, err)
	}
	sum, err := sumFile(converted)
	if err != nil {
		return "", err
	}
	if sum != f.SHA256 {
		p.report("%s: %s differs from the one that this version was tested with, because another ONNX Runtime converted it", e.Name, f.Name)
	}
	return sum, errors.Join(os.Remove(named), os.Rename(converted, path))
}

// installedLibrary returns the path of ONNX Runtime, or "" if it is not installed.
func (c *Cache) installedLibrary() string {
	path := c.Path(runtimeEntry, "libonnxruntime.so")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
