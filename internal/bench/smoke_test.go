package bench

import (
	"slices"
	"testing"
	"time"
)

func TestBenchmarkMeasuresRepliesAndLateness(t *testing.T) {
	s := serve(t, providers{perLetter: 2 * time.Millisecond})
	s.tap.reset()
	const callers = 2
	c := s.startCalls(t, plan{Callers: callers, Speech: 600 * time.Millisecond})
	for range callers {
		select {
		case <-s.turns.ended:
		case <-time.After(30 * time.Second):
			t.Fatal("a turn did not end")
		}
	}
	found := s.finish(t, c)
	if len(found.Replies) < callers {
		t.Errorf("%d callers got %d replies", callers, len(found.Replies))
	}
	s.turns.mu.Lock()
	wait, judged := percentile(s.turns.waits, 50), s.turns.judged
	s.turns.mu.Unlock()
	if took := s.tap.responseTimes(judged); len(took) < callers {
		t.Errorf("of %d turns, %d were answered", len(judged), len(took))
	}
	for _, r := range found.Replies {
		if r < wait {
			t.Errorf("a reply came after %v, before the Endpointer's wait of %v was over", r, wait)
		}
	}
	if late, packets := s.tap.lateness(); packets == 0 || len(late) == 0 {
		t.Errorf("%d packets were recorded and %d were timed", packets, len(late))
	}
}

func TestLatenessIsMeasuredAgainstTheClockOfEachTalkspurt(t *testing.T) {
	began := time.Now()
	packet := func(number, ms int) sentPacket {
		return sentPacket{at: began.Add(time.Duration(ms) * time.Millisecond), sequence: uint16(number), timestamp: uint32(number) * opusFrame}
	}
	var m latenessMeter
	for _, p := range []sentPacket{packet(0, 3), packet(1, 20), packet(2, 47), packet(10, 500), packet(11, 520)} {
		m.add(p)
	}
	want := []time.Duration{3 * time.Millisecond, 0, 7 * time.Millisecond, 0, 0}
	got := m.endTalkspurt()
	if !slices.Equal(got, want) {
		t.Fatalf("lateness is %v, want %v", got, want)
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	d := make([]time.Duration, 100)
	for i := range d {
		d[i] = time.Duration(100 - i)
	}
	for p, want := range map[int]time.Duration{50: 50, 95: 95, 99: 99, 100: 100} {
		if got := percentile(d, p); got != want {
			t.Errorf("p%d is %d, want %d", p, got, want)
		}
	}
	if got := percentile(d[:1], 99); got != 100 {
		t.Errorf("p99 of one value is %d, want that value, 100", got)
	}
}
