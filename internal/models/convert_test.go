//go:build cgo

package models_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"frontdesk/internal/models"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
)

// TestConversionIsDeterministic converts a small network twice. Pulling Moonshine, which is
// larger and published in another format, compares the result with a known sum.
func TestConversionIsDeterministic(t *testing.T) {
	library, network := modelstest.Library(t), modelstest.File(t, "silero-vad", "silero_vad.onnx")
	dir := t.TempDir()
	var results [2][]byte
	for i := range results {
		to := filepath.Join(dir, "converted.onnx")
		require.NoError(t, models.Convert(library, network, to, dir))
		b, err := os.ReadFile(to)
		require.NoError(t, err)
		results[i] = b
	}
	if !bytes.Equal(results[0], results[1]) {
		t.Error("two conversions differ")
	}
	rt, err := onnx.Load(onnx.Config{Library: library})
	require.NoError(t, err)
	s, err := rt.Open(onnx.Network{File: filepath.Join(dir, "converted.onnx"), Inputs: []string{"input", "state", "sr"}, Outputs: []string{"output", "stateN"}})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("temporary files are left: %v", left)
	}
}
