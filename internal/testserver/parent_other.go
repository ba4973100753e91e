//go:build !linux

package testserver

import "os/exec"

// dieWithParent does nothing on systems without such a signal.
func dieWithParent(*exec.Cmd) {}
