//go:build !linux

package moonshine

import "time"

var began = time.Now()

func lockThread() (unlock func()) { return func() {} }

// threadCPU returns the time that has passed, because only Linux counts by thread.
func threadCPU() time.Duration { return time.Since(began) }
