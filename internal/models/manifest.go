package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// manifestName is the file that records which files were checked, so that the next check
// needs only their size and time.
const manifestName = "manifest.json"

// maxManifest bounds the manifest, which holds some 200 bytes for each file.
const maxManifest = 1 << 20

// manifest records checked files by ENTRY/FILE.
type manifest struct {
	Files map[string]record `json:"files"`
}

// record describes a file when its sum was computed. It is valid as long as the file has this
// size and time.
type record struct {
	Size    int64  `json:"size"`
	ModTime int64  `json:"mtime"` // Unix time in ns
	SHA256  string `json:"sha256"`
	From    string `json:"from,omitempty"` // SHA-256 of the published file, if this one is converted
}

func key(entry, file string) string { return entry + "/" + file }

// readManifest returns an empty manifest if there is none, or if it is damaged: then files are
// checked again.
func (c *Cache) readManifest() manifest {
	m := manifest{}
	if f, err := os.Open(filepath.Join(c.dir, manifestName)); err == nil {
		defer f.Close()
		if b, err := io.ReadAll(io.LimitReader(f, maxManifest)); err == nil {
			m = parseManifest(b)
		}
	}
	if m.Files == nil {
		m.Files = make(map[string]record)
	}
	return m
}

func parseManifest(b []byte) manifest {
	var m manifest
	if json.Unmarshal(b, &m) != nil {
		return manifest{}
	}
	return m
}

func (c *Cache) writeManifest(m manifest) error {
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	temp := filepath.Join(c.dir, manifestName+".new")
	if err := os.WriteFile(temp, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(c.dir, manifestName))
}

// isRecorded reports whether m says that the file at path is f.
func (m manifest) isRecorded(path, entry string, f File) bool {
	r, ok := m.Files[key(entry, f.Name)]
	if !ok || r.SHA256 != f.SHA256 && (!f.isConverted() || r.From != f.From.SHA256) {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.Size() == r.Size && info.ModTime().UnixNano() == r.ModTime
}

// add records the file at path, whose sum was checked.
func (m manifest) add(path, entry string, f File, sum string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	r := record{Size: info.Size(), ModTime: info.ModTime().UnixNano(), SHA256: sum}
	if f.isConverted() {
		r.From = f.From.SHA256
	}
	m.Files[key(entry, f.Name)] = r
	return nil
}

// sumFile returns the SHA-256 sum of a file, in hexadecimal.
func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// isMissing reports whether err says that there is no such file.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
