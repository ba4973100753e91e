package knowledge

import (
	"context"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"frontdesk/internal/fault"
)

const (
	maxPage       = 1 << 20  // bytes of a page whose format sets no other limit
	maxPages      = 20_000   // per knowledge base
	maxTotal      = 64 << 20 // bytes of all pages together; a file counts as maxPage at most, because only PDF and Word are larger
	checkInterval = time.Second
	checkShare    = 100 // checks for changes take at most 1/checkShare of the time
)

// pageFolder reads the pages of a knowledge base from the disk.
type pageFolder struct {
	dir     string
	formats map[string]Format // by extension
}

// newPageFolder returns a folder with the built-in formats and others, which may replace them.
func newPageFolder(dir string, others map[string]Format) *pageFolder {
	formats := maps.Clone(builtInFormats)
	maps.Copy(formats, others)
	return &pageFolder{dir, formats}
}

// format returns the format of a file; its Read is nil if there is none.
func (f *pageFolder) format(name string) Format {
	format := f.formats[strings.ToLower(filepath.Ext(name))]
	if format.MaxSize == 0 {
		format.MaxSize = maxPage
	}
	return format
}

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
		format := f.format(name)
		if entry.IsDir() {
			return nil
		}
		if format.Read == nil {
			if format.Remedy != "" {
				problems = append(problems, Problem{File: name, Err: fault.New(fault.Media, "cannot read files of this type; %s", format.Remedy)})
			}
			return nil
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			problems = append(problems, Problem{File: name, Err: fault.Wrap(err, fault.Storage, "cannot read the file")})
		case !info.Mode().IsRegular():
		case info.Size() > format.MaxSize:
			problems = append(problems, Problem{File: name, Err: tooLarge(format)})
		case len(found) >= maxPages || total+min(info.Size(), maxPage) > maxTotal:
			problems = append(problems, Problem{File: name, Err: fault.New(fault.TooLarge,
				"the knowledge base is larger than %d pages or %d MB; this page and all after it are ignored", maxPages, maxTotal>>20)})
			return filepath.SkipAll
		default:
			total += min(info.Size(), maxPage)
			found[name] = fileVersion{size: info.Size(), modified: info.ModTime()}
		}
		return nil
	})
	return found, problems, err
}

// read reads one page. Its title is never empty.
func (f *pageFolder) read(ctx context.Context, name string) (*Page, error) {
	file, err := os.Open(filepath.Join(f.dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "cannot read the file")
	}
	defer file.Close()
	format := f.format(name)
	source, err := io.ReadAll(io.LimitReader(file, format.MaxSize+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "cannot read the file")
	}
	if int64(len(source)) > format.MaxSize {
		return nil, tooLarge(format)
	}
	p, err := format.Read(ctx, name, source)
	if err != nil {
		return nil, err
	}
	if p.Title == "" {
		p.Title = titleOf(name)
	}
	return p, nil
}

func tooLarge(format Format) error {
	return fault.New(fault.TooLarge, "the file is larger than %d MB; split it", format.MaxSize>>20)
}

// titleOf returns the title of a page that has none: the name of its file.
func titleOf(name string) string {
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	return strings.TrimSpace(strings.NewReplacer("-", " ", "_", " ").Replace(base))
}
