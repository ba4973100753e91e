package eval

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc, the same on all systems that Go runs on.
const clockTick = 10 * time.Millisecond

// runningChildren returns the CPU time of this process's children that still run.
func runningChildren() time.Duration {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	var sum time.Duration
	for _, file := range files {
		if stat, err := os.ReadFile(file); err == nil {
			sum += childTime(string(stat), os.Getpid())
		}
	}
	return sum
}

// childTime reads the CPU time in a line of /proc/PID/stat (proc(5)): 0 if the process is
// no child of parent.
func childTime(stat string, parent int) time.Duration {
	i := strings.LastIndexByte(stat, ')') // the name before it may hold anything
	if i < 0 {
		return 0
	}
	fields := strings.Fields(stat[i+1:])
	if len(fields) < 15 || fields[1] != strconv.Itoa(parent) {
		return 0
	}
	ticks := 0
	for _, f := range fields[11:15] { // utime, stime, and those of its finished children
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}
