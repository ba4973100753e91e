package bench

import (
	"testing"
	"time"
)

func TestCallersAreAnsweredAndMeasured(t *testing.T) {
	s := serve(t, pace{letter: 2 * time.Millisecond})
	s.tap.listen()
	spent := cpuTime()
	const callers = 2
	c := s.called(t, plan{Callers: callers, Speech: 600 * time.Millisecond})
	for range callers {
		select {
		case <-s.turns.ended:
		case <-time.After(30 * time.Second):
			t.Fatal("a turn did not end")
		}
	}
	found := s.dismissed(t, c)
	if len(found.Replies) < callers {
		t.Errorf("%d replies to %d callers", len(found.Replies), callers)
	}
	s.turns.mu.Lock()
	wait, judged := percentile(s.turns.waits, 50), s.turns.judged
	s.turns.mu.Unlock()
	if took := s.tap.answered(judged); len(took) < callers {
		t.Errorf("of %d turns %d were answered", len(judged), len(took))
	}
	for _, r := range found.Replies {
		if r < wait {
			t.Errorf("a reply after %v, although the Endpointer waited %v", r, wait)
		}
	}
	if late, packets := s.tap.lateness(); packets == 0 || len(late) == 0 {
		t.Errorf("%d packets were noted and %d timed", packets, len(late))
	}
	if cpuTime() <= spent {
		t.Error("it took no CPU time")
	}
}

func TestClockworkTellsLatePackets(t *testing.T) {
	began := time.Now()
	packet := func(number, ms int) sending {
		return sending{at: began.Add(time.Duration(ms) * time.Millisecond), number: uint16(number), stamp: uint32(number) * opusFrame}
	}
	var c clockwork
	for _, p := range []sending{packet(0, 3), packet(1, 20), packet(2, 47), packet(10, 500), packet(11, 520)} {
		c.add(p)
	}
	want := []time.Duration{3 * time.Millisecond, 0, 7 * time.Millisecond, 0, 0}
	got := c.end()
	if len(got) != len(want) {
		t.Fatalf("%v, not %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v, not %v", got, want)
		}
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	d := make([]time.Duration, 100)
	for i := range d {
		d[i] = time.Duration(100 - i)
	}
	for p, want := range map[int]time.Duration{50: 50, 95: 95, 99: 99, 100: 100} {
		if got := percentile(d, p); got != want {
			t.Errorf("p%d is %d, not %d", p, got, want)
		}
	}
	if got := percentile(d[:1], 99); got != 100 {
		t.Errorf("of one value it is %d", got)
	}
}
