// Package models installs the neural networks that Frontdesk runs, and the library that runs
// them, in a cache folder. It imports internal/fault, internal/onnx and
// internal/models/quantize. Files enter through Cache.Pull, which accepts only those with the
// SHA-256 sums of the table. Callers name an entry and a file, and get a path.
package models

import (
	"os"
	"path/filepath"

	"frontdesk/internal/fault"
)

// Dir returns the folder of installed models: $FRONTDESK_SPEECH_MODELS, or frontdesk/models
// below the user's cache folder ($XDG_CACHE_HOME, else ~/.cache on Linux). The error is
// fault.Invalid if the environment names neither.
func Dir() (string, error) {
	if dir := os.Getenv("FRONTDESK_SPEECH_MODELS"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "set FRONTDESK_SPEECH_MODELS to the folder of the models")
	}
	return filepath.Join(cache, "frontdesk", "models"), nil
}

// Cache is a folder of installed models. It is safe for concurrent use, also by several
// processes.
type Cache struct{ dir string }

// Open returns the cache in dir, which need not exist yet.
func Open(dir string) *Cache { return &Cache{dir: dir} }

// Dir returns the cache's folder.
func (c *Cache) Dir() string { return c.dir }

// Path returns the path of an entry's file, such as Path("silero-vad", "silero_vad.onnx").
// The file need not exist.
func (c *Cache) Path(entry, file string) string { return filepath.Join(c.dir, entry, file) }
