package models

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Installed reports whether all files of an entry are there. It compares sizes, not sums;
// see Verify. On a system for which no ONNX Runtime is listed, that entry is not installed.
func (c *Cache) Installed(entry string) bool { return c.installed(Table(), entry) }

func (c *Cache) installed(table []Entry, entry string) bool {
	i := slices.IndexFunc(table, func(e Entry) bool { return e.Name == entry })
	if i < 0 || len(table[i].Files) == 0 {
		return false
	}
	m := c.readManifest()
	for _, f := range table[i].Files {
		path := c.Path(entry, f.Name)
		info, err := os.Stat(path)
		if err != nil || info.Size() != f.Size && !m.isRecorded(path, entry, f) {
			return false
		}
	}
	return true
}

// Verify computes the sums of the installed files of the named entries, or of all entries. It
// returns how many are right. The error names the files that are wrong, and those of named
// entries that are missing.
func (c *Cache) Verify(ctx context.Context, names ...string) (int, error) {
	return c.verify(ctx, Table(), names)
}

func (c *Cache) verify(ctx context.Context, table []Entry, names []string) (right int, err error) {
	entries, err := choose(table, names)
	if err != nil {
		return 0, err
	}
	m := c.readManifest()
	var problems []string
	for _, e := range entries {
		for _, f := range e.Files {
			if ctx.Err() != nil {
				return right, ctx.Err()
			}
			sum, err := sumFile(c.Path(e.Name, f.Name))
			r := m.Files[key(e.Name, f.Name)]
			isConversion := f.isConverted() && r.From == f.From.SHA256 && r.SHA256 == sum
			switch {
			case isMissing(err):
				if len(names) > 0 {
					problems = append(problems, key(e.Name, f.Name)+" is not installed")
				}
			case err != nil:
				problems = append(problems, err.Error())
			case sum != f.SHA256 && !isConversion:
				problems = append(problems, fmt.Sprintf("%s has SHA-256 %s, want %s", key(e.Name, f.Name), sum, f.SHA256))
			default:
				right++
			}
		}
	}
	if len(problems) > 0 {
		return right, errors.New(strings.Join(problems, "; "))
	}
	return right, nil
}

// Remove deletes the named entries, or all entries, and returns the names of those that were
// there. It waits for another process that changes the cache.
func (c *Cache) Remove(ctx context.Context, names ...string) ([]string, error) {
	return c.remove(ctx, Table(), names)
}

func (c *Cache) remove(ctx context.Context, table []Entry, names []string) (removed []string, err error) {
	entries, err := choose(table, names)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	unlock, err := (&puller{Cache: c}).lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	m := c.readManifest()
	for _, e := range entries {
		dir := filepath.Join(c.dir, e.Name)
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return removed, err
		}
		removed = append(removed, e.Name)
		for _, f := range e.Files {
			delete(m.Files, key(e.Name, f.Name))
		}
	}
	return removed, c.writeManifest(m)
}
