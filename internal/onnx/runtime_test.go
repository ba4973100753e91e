//go:build cgo

package onnx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
)

func TestMissingLibraryIsNamed(t *testing.T) {
	_, err := onnx.Load(onnx.Config{Library: filepath.Join(t.TempDir(), "libnone.so")})
	if err == nil || !strings.Contains(err.Error(), "1.24") || !strings.Contains(err.Error(), "libnone.so") {
		t.Errorf("got %v, want an error that names the file and the version", err)
	}
}

// TestDamagedLibraryIsAnError: the dynamic linker would end the process with SIGBUS.
func TestDamagedLibraryIsAnError(t *testing.T) {
	whole, err := os.ReadFile(modelstest.Library(t))
	require.NoError(t, err)
	for _, length := range []int{0, 100, 1 << 20, len(whole) / 2, len(whole) - 10_000} {
		cut := filepath.Join(t.TempDir(), "libonnxruntime.so")
		require.NoError(t, os.WriteFile(cut, whole[:length], 0o600))
		if _, err := onnx.Load(onnx.Config{Library: cut}); err == nil || !strings.Contains(err.Error(), cut+": it is damaged") {
			t.Errorf("%d bytes: got %v", length, err)
		}
	}
}
