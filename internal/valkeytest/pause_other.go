//go:build !unix

package valkeytest

import "errors"

// Pause returns an error, because this system cannot pause a process.
func (*Server) Pause() error { return errors.ErrUnsupported }

// Resume returns an error, because this system cannot pause a process.
func (*Server) Resume() error { return errors.ErrUnsupported }
