package models

import (
	"os"
	"path/filepath"
	"testing"

	"frontdesk/internal/require"
)

func TestWorldWritable(t *testing.T) {
	dir := folderWith(t, body)
	link := filepath.Join(dir, "ears", "link")
	require.NoError(t, os.Symlink(filepath.Join(dir, "ears", "a.bin"), link))
	for _, path := range []string{dir, filepath.Join(dir, "ears"), filepath.Join(dir, "ears", "a.bin")} {
		if got := Open(dir).WorldWritable(); got != "" {
			t.Fatalf("got %s before anything can be changed", got)
		}
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(path, info.Mode().Perm()|0o002))
		if got := Open(dir).WorldWritable(); got != path {
			t.Errorf("got %q, want %s", got, path)
		}
		require.NoError(t, os.Chmod(path, info.Mode().Perm()))
	}
	if got := Open(filepath.Join(dir, "none")).WorldWritable(); got != "" {
		t.Errorf("got %q for a folder that does not exist", got)
	}
}
