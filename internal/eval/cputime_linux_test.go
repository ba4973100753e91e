package eval

import (
	"io"
	"os/exec"
	"testing"
	"time"

	"frontdesk/internal/require"
)

func TestCPUTimeIncludesChildren(t *testing.T) {
	before := cpuTime()
	busy := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; cat")
	in, err := busy.StdinPipe()
	require.NoError(t, err)
	out, err := busy.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, busy.Start())
	_, err = io.ReadFull(out, make([]byte, 5))
	require.NoError(t, err)
	running := cpuTime() - before
	require.NoError(t, in.Close())
	require.NoError(t, busy.Wait())
	if finished := cpuTime() - before; running < 20*time.Millisecond || finished < running-20*time.Millisecond {
		t.Errorf("%v while the child runs, %v in the end", running, finished)
	}
}

func TestChildTimeIgnoresOtherProcesses(t *testing.T) {
	const stat = "7 (a) b (c) S 5 7 7 0 -1 4194304 100 200 0 0 30 4 2 1 20 0 1 0 100 1000 10 18446744073709551615\n"
	for _, tt := range []struct {
		stat   string
		parent int
		want   time.Duration
	}{{stat, 5, 370 * time.Millisecond}, {stat, 6, 0}, {"", 5, 0}, {"7 (a) S 5", 5, 0}, {"7 (a) S 5 7 7 0 -1 4194304 100 200 0 0 x 4 2 1", 5, 0}} {
		if got := childTime(tt.stat, tt.parent); got != tt.want {
			t.Errorf("%q: %v, want %v", tt.stat, got, tt.want)
		}
	}
}
