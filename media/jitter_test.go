package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var epoch = time.Unix(1_000_000, 0)

// push pushes packet number n of a stream of 20 ms packets; its payload is the byte n.
func push(j *JitterBuffer, seq uint16, n int, late time.Duration) {
	j.Push(seq, uint32(n*960), []byte{byte(n)}, epoch.Add(time.Duration(n)*FrameTime+late))
}

// drain pops until Nothing and returns the packet numbers, -1 for Missed.
func drain(j *JitterBuffer) (got []int) {
	for {
		p, a := j.Pop(false)
		switch a {
		case Nothing:
			return got
		case Missed:
			got = append(got, -1)
		case Packet:
			got = append(got, int(p[0]))
		}
	}
}

func TestJitterBufferPutsPacketsInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		first uint16
		sent  []int
		want  []int
	}{
		"in order":            {10, []int{0, 1, 2, 3}, []int{0, 1, 2, 3}},
		"reordered":           {10, []int{0, 2, 1, 3}, []int{0, 1, 2, 3}},
		"late first":          {10, []int{1, 0, 2, 3}, []int{0, 1, 2, 3}},
		"duplicates":          {10, []int{0, 1, 1, 2, 0, 3}, []int{0, 1, 2, 3}},
		"loss":                {10, []int{0, 1, 3, 4}, []int{0, 1, -1, 3, 4}},
		"wrap-around":         {65534, []int{0, 1, 2, 3}, []int{0, 1, 2, 3}},
		"loss at wrap-around": {65534, []int{0, 1, 3, 4}, []int{0, 1, -1, 3, 4}},
	} {
		j := NewJitterBuffer(48000)
		for _, n := range c.sent {
			push(j, c.first+uint16(n), n, 0)
		}
		if got := drain(j); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestJitterBufferDropsLatePackets(t *testing.T) {
	j := NewJitterBuffer(48000)
	for _, n := range []int{0, 1, 3, 4} {
		push(j, uint16(n), n, 0)
	}
	for range 3 {
		j.Pop(false)
	}
	push(j, 2, 2, time.Second)
	if s := j.Stats(); s.Late != 1 || s.Lost != 1 || s.Received != 4 {
		t.Errorf("%+v", s)
	}
	if got := drain(j); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("played %v", got)
	}
}

func TestJitterBufferRestartsAfterASequenceJump(t *testing.T) {
	j := NewJitterBuffer(48000)
	for n := range 5 {
		push(j, uint16(n), n, 0)
	}
	for n := 5; n < 10; n++ {
		push(j, uint16(30000+n), n, 0)
	}
	if got := drain(j); !slices.Equal(got, []int{5, 6, 7, 8, 9}) {
		t.Errorf("played %v", got)
	}
}

func TestJitterBufferDropsOversizedPackets(t *testing.T) {
	j := NewJitterBuffer(48000)
	j.Push(1, 0, make([]byte, jitterBytes+1), epoch)
	if s := j.Stats(); s.Dropped != 1 || j.held != 0 {
		t.Errorf("%+v", s)
	}
}

func TestJitterBufferAdaptsItsDelayToTheJitter(t *testing.T) {
	for _, c := range []struct {
		jitter   time.Duration
		lossless float64
		delay    int
	}{{0, 1, 2}, {20 * time.Millisecond, 0.98, 5}, {60 * time.Millisecond, 0.95, 12}} {
		r := rand.New(rand.NewPCG(1, 2))
		const packets = 2000
		type arrival struct {
			at time.Duration
			n  int
		}
		var all []arrival
		for n := range packets {
			all = append(all, arrival{time.Duration(n)*FrameTime + time.Duration(r.Int64N(int64(c.jitter)+1)), n})
		}
		slices.SortFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
		j, played, most := NewJitterBuffer(48000), 0, 0
		for tick := range packets {
			now := time.Duration(tick) * FrameTime
			for len(all) > 0 && all[0].at <= now {
				j.Push(uint16(all[0].n), uint32(all[0].n*960), []byte{1}, epoch.Add(all[0].at))
				all = all[1:]
			}
			if _, a := j.Pop(tick%10 == 0); a == Packet {
				played++
			}
			most = max(most, j.held)
		}
		s := j.Stats()
		if float64(played) < c.lossless*packets-20 || s.Delay > c.delay || most > c.delay+jitterMax {
			t.Errorf("jitter of %v: %d of %d played, %d held at most, %+v", c.jitter, played, packets, most, s)
		}
	}
}

func TestJitterBufferCatchesUpInSilence(t *testing.T) {
	j := NewJitterBuffer(48000)
	for n := range 10 {
		push(j, uint16(n), n, 0)
	}
	for range 3 {
		j.Pop(false)
	}
	if s := j.Stats(); s.Dropped != 0 {
		t.Errorf("dropped %d in speech", s.Dropped)
	}
	j.Pop(true)
	if s := j.Stats(); s.Dropped != 1 {
		t.Errorf("dropped %d in silence", s.Dropped)
	}
}

func FuzzJitterBuffer(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 0, 255, 255, 1, 0, 2, 9})
	f.Fuzz(func(t *testing.T, steps []byte) {
		j, now := NewJitterBuffer(48000), epoch
		for ; len(steps) >= 4; steps = steps[4:] {
			seq := uint16(steps[0])<<8 | uint16(steps[1])
			now = now.Add(time.Duration(int8(steps[2])) * time.Millisecond)
			j.Push(seq, uint32(steps[2])*960, steps[:4], now)
			for range steps[3] % 4 {
				if p, a := j.Pop(steps[3]&4 != 0); (a == Packet) != (len(p) == 4) {
					t.Fatalf("%v with %d bytes", a, len(p))
				}
			}
			full := 0
			for i := range j.slots {
				if j.slots[i].full {
					full++
				}
			}
			if full != j.held || j.held > jitterSlots {
				t.Fatalf("%d slots are full, %d counted", full, j.held)
			}
		}
	})
}

func BenchmarkJitterBuffer(b *testing.B) {
	j, payload := NewJitterBuffer(48000), make([]byte, 80)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		j.Push(uint16(n), uint32(n*960), payload, epoch.Add(time.Duration(n)*FrameTime))
		j.Pop(false)
	}
}
