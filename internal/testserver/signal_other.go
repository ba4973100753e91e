//go:build !unix

package testserver

import "errors"

// Pause returns an error, because this system cannot pause a process.
func (*Process) Pause() error { return errors.ErrUnsupported }

// Resume returns an error, because this system cannot pause a process.
func (*Process) Resume() error { return errors.ErrUnsupported }
