//go:build cgo

package onnx

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingLibraryIsNamed(t *testing.T) {
	_, err := Load(Config{Library: filepath.Join(t.TempDir(), "libnone.so")})
	if err == nil || !strings.Contains(err.Error(), "1.24") || !strings.Contains(err.Error(), "libnone.so") {
		t.Errorf("got %v, want an error that names the file and the version", err)
	}
}
