package app

import (
	"testing"
	"testing/fstest"
)

func TestMemoryOfAContainerIsItsLimit(t *testing.T) {
	const system = "MemTotal:       24000000 kB\nMemAvailable:   8000000 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no groups": {map[string]string{}, 8_000_000 << 10},
		"no limit":  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 8_000_000 << 10},
		"container": {map[string]string{
			"proc/self/cgroup": "1:name=systemd:/\n0::/\n", "sys/fs/cgroup/memory.max": "512000000\n", "sys/fs/cgroup/memory.current": "200000000\n",
			"sys/fs/cgroup/memory.stat": "anon 100000000\ninactive_file 50000000\n",
		}, 362_000_000},
		"group above": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "5\n",
			"sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/memory.current": "1001\n",
		}, 0},
	} {
		root := fstest.MapFS{"proc/meminfo": {Data: []byte(system)}}
		for file, content := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(content)}
		}
		if got, ok := availableMemory(root); got != c.want || !ok {
			t.Errorf("%s: %d bytes, %t, want %d", name, got, ok, c.want)
		}
	}
	if _, ok := availableMemory(fstest.MapFS{}); ok {
		t.Error("an amount for a system that does not say how much memory it has")
	}
}
