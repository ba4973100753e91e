//go:build !linux

package e2e

import "testing"

func smallDisk(t *testing.T) string {
	t.Skip("only Linux can mount the small disk that this test fills")
	return ""
}
