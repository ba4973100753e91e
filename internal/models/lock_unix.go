//go:build linux || darwin

package models

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file. It returns false if another process has locked it. The lock ends
// when the file is closed, also by the end of the process.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
