package app

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// availableMemory returns how much memory in bytes this process can still use: what the
// system has left, or its control group (Linux, version 2), as in a container. root is the
// root of the file system. ok is false on systems that do not say.
func availableMemory(root fs.FS) (n int64, ok bool) {
	kb, ok := readField(root, "proc/meminfo", "MemAvailable:")
	if !ok {
		return 0, false
	}
	n = kb << 10
	for dir := controlGroup(root); dir != ""; dir = parentGroup(dir) {
		limit, isLimited := readField(root, dir+"/memory.max", "")
		used, isKnown := readField(root, dir+"/memory.current", "")
		cached, _ := readField(root, dir+"/memory.stat", "inactive_file") // can be dropped
		if isLimited && isKnown {
			n = min(n, max(0, limit-used+cached))
		}
	}
	return n, true
}

const groupRoot = "sys/fs/cgroup"

// controlGroup returns the folder of this process's control group, or "".
func controlGroup(root fs.FS) string {
	list, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(list)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path.Join(groupRoot, path.Clean("/"+name))
		}
	}
	return ""
}

// parentGroup returns the folder of the group above, or "".
func parentGroup(dir string) string {
	if dir == groupRoot {
		return ""
	}
	return path.Dir(dir)
}

// readField returns the number behind name at the beginning of a line of a file. An empty
// name means the first line.
func readField(root fs.FS, file, name string) (n int64, ok bool) {
	content, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), name); found {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
