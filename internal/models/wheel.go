package models

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
)

// maxEntries bounds the table of contents of a wheel. The largest one here has 1,500 entries.
const maxEntries = 20000

// extract writes the file at path in a wheel to w; more than limit bytes are an error. The
// names in the wheel are only compared with path, so it cannot choose where files are written.
func extract(wheel io.ReaderAt, size int64, path string, limit int64, w io.Writer) error {
	z, err := zip.NewReader(wheel, size)
	if err != nil {
		return fmt.Errorf("not a wheel: %w", err)
	}
	if len(z.File) > maxEntries {
		return fmt.Errorf("the wheel has %d files, at most %d are allowed", len(z.File), maxEntries)
	}
	for _, f := range z.File {
		if f.Name != path {
			continue
		}
		if f.UncompressedSize64 > uint64(limit) {
			return fmt.Errorf("%s has %d bytes, want at most %d", path, f.UncompressedSize64, limit)
		}
		r, err := f.Open()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		defer r.Close()
		n, err := io.Copy(w, io.LimitReader(r, limit+1))
		if err == nil && n > limit {
			err = fmt.Errorf("more than %d bytes", limit)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	return fmt.Errorf("the wheel has no file %s", path)
}

// extractFile is extract for a wheel on disk.
func extractFile(wheel, path string, limit int64, w io.Writer) error {
	f, err := os.Open(wheel)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return extract(f, info.Size(), path, limit, w)
}
