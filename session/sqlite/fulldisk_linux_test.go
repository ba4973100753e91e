package sqlite_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"frontdesk/internal/require"
)

func TestFullDiskIsAStorageFault(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 512<<10), 0o600))
	store, _ := open(t, filepath.Join(dir, "x.db"))
	checkFull(t, store, func() {
		require.NoError(t, os.Remove(ballast))
	})
}
