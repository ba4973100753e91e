//go:build !linux

package postgrestest

import "os/exec"

// asServer does nothing on systems where tests do not run as root.
func asServer(*exec.Cmd) error { return nil }

// giveToServer does nothing on systems where tests do not run as root.
func giveToServer(string, *exec.Cmd) error { return nil }
