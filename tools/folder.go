package tools

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"frontdesk/internal/fault"
)

const (
	maxPage       = 1 << 20  // bytes
	maxPages      = 20_000   // per knowledge base
	maxTotal      = 64 << 20 // bytes of all pages together
	checkInterval = time.Second
	checkShare    = 100 // checks for changes take at most 1/checkShare of the time
)

// pageFolder reads the pages of a knowledge base from the disk.
type pageFolder struct{ dir string }

// fileVersion tells whether a file has changed.
type fileVersion struct {
	size     int64
	modified time.Time
}

func (v fileVersion) equal(other fileVersion) bool {
	return v.size == other.size && v.modified.Equal(other.modified)
}

// list returns the pages by their paths in the folder, and the problems it met. It skips
// names that begin with a dot. It follows links to files, because Kubernetes mounts a
// ConfigMap with such links, but not links to folders.
func (f *pageFolder) list(ctx context.Context) (map[string]fileVersion, []Problem, error) {
	found := make(map[string]fileVersion)
	var problems []Problem
	var total int64
	err := filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if path == f.dir {
			if os.IsNotExist(err) {
				return filepath.SkipAll
			}
			if err != nil {
				problems = append(problems, Problem{File: ".", Err: fault.Wrap(err, fault.Storage, "cannot read the folder")})
			}
			return nil
		}
		name, _ := filepath.Rel(f.dir, path)
		name = filepath.ToSlash(name)
		if err != nil {
			problems = append(problems, Problem{File: name, Err: fault.Wrap(err, fault.Storage, "cannot read the file")})
			return nil
		}
		if strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !isPage(name) || entry.IsDir() {
			return nil
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			problems = append(problems, Problem{File: name, Err: fault.Wrap(err, fault.Storage, "cannot read the file")})
		case !info.Mode().IsRegular():
		case info.Size() > maxPage:
			problems = append(problems, Problem{File: name, Err: fault.New(fault.TooLarge, "the page is larger than %d bytes", maxPage)})
		case len(found) >= maxPages || total+info.Size() > maxTotal:
			problems = append(problems, Problem{File: name, Err: fault.New(fault.TooLarge,
				"the knowledge base is larger than %d pages or %d bytes; this page and all after it are ignored", maxPages, maxTotal)})
			return filepath.SkipAll
		default:
			total += info.Size()
			found[name] = fileVersion{size: info.Size(), modified: info.ModTime()}
		}
		return nil
	})
	return found, problems, err
}

func isPage(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".md", ".markdown", ".html", ".htm", ".txt":
		return true
	}
	return false
}

// read parses one page.
func (f *pageFolder) read(name string) (*page, error) {
	file, err := os.Open(filepath.Join(f.dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "cannot read the file")
	}
	defer file.Close()
	source, err := io.ReadAll(io.LimitReader(file, maxPage+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "cannot read the file")
	}
	if len(source) > maxPage {
		return nil, fault.New(fault.TooLarge, "the page is larger than %d bytes", maxPage)
	}
	return parsePage(name, source)
}
