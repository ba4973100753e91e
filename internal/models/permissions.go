package models

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// WorldWritable returns a folder or file of installed models, or of the library that runs them,
// that every user of this machine can change; "" if there is none.
func (c *Cache) WorldWritable() string {
	if runtime.GOOS == "windows" { // it has access lists instead of permission bits
		return ""
	}
	found := ""
	_ = filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil { // it cannot be read, so it is not used either
			return nil
		}
		const others = 0o002
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&others != 0 { // of what a link points to
			found = path
			return fs.SkipAll
		}
		return nil
	})
	return found
}
