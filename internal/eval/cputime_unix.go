//go:build unix

package eval

import (
	"syscall"
	"time"
)

// cpuTime returns the CPU time of this process and of its children, user and system; of
// children that run, only on Linux.
func cpuTime() time.Duration {
	sum := runningChildren()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return 0
		}
		sum += time.Duration(syscall.TimevalToNsec(u.Utime) + syscall.TimevalToNsec(u.Stime))
	}
	return sum
}
