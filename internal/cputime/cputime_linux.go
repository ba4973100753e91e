// Package cputime says how much CPU time a thread has used. It imports nothing of Frontdesk.
package cputime

import (
	"runtime"
	"syscall"
	"time"
)

// LockThread keeps the goroutine on one thread, so that Thread is its own CPU time.
func LockThread() (unlock func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// Thread returns the CPU time of the thread so far.
func Thread() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_THREAD, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
