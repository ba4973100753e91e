//go:build !linux

package cputime

import "time"

var began = time.Now()

// LockThread does nothing here.
func LockThread() (unlock func()) { return func() {} }

// Thread returns the time that has passed, because only Linux counts by thread.
func Thread() time.Duration { return time.Since(began) }
