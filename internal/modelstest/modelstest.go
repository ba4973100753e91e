// Package modelstest finds installed neural networks for tests. It imports internal/models
// and internal/require; only tests import it. A test names an entry and a file, and gets the
// path of the installed file, which it must not change.
package modelstest

import (
	"os"
	"slices"
	"testing"

	"frontdesk/internal/models"
	"frontdesk/internal/require"
)

// File returns the path of a file of an entry, such as "silero-vad" and "silero_vad.onnx".
// Without the file it skips the test, or fails it if the environment variable
// FRONTDESK_TEST_MODELS is "required", as "make test" sets it, unless the entry is optional.
func File(t testing.TB, entry, file string) string {
	t.Helper()
	dir, err := models.Dir()
	require.NoError(t, err)
	path := models.Open(dir).Path(entry, file)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	isOptional := slices.ContainsFunc(models.Table(), func(e models.Entry) bool { return e.Name == entry && e.Optional })
	if os.Getenv("FRONTDESK_TEST_MODELS") == "required" && !isOptional {
		t.Fatalf("%s is not installed: run frontdesk models pull", path)
	}
	t.Skipf("%s is not installed: run frontdesk models pull %s to run this test", path, entry)
	return ""
}

// Library returns the path of ONNX Runtime. It skips or fails the test as File does.
func Library(t testing.TB) string {
	t.Helper()
	return File(t, "onnxruntime", "libonnxruntime.so")
}
