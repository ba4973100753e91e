package moonshine

import (
	"runtime"
	"syscall"
	"time"
)

// lockThread keeps the goroutine on one thread, so that threadCPU is its own CPU time.
func lockThread() (unlock func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// threadCPU returns the CPU time of the thread so far.
func threadCPU() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_THREAD, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
