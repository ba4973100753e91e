package bench

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var talkTime = flag.Duration("talk", 20*time.Second, "how long the callers of a benchmark talk")

const (
	utteranceTime = 2260 * time.Millisecond
	warmUpTime    = 3 * time.Second       // between the last connection and the measurement
	rampTime      = 25 * time.Millisecond // between the beginnings of two calls
)

// BenchmarkCalls measures what calls cost and how late their packets are, by the number of
// calls, for new clauses and for clauses that all agents repeat.
func BenchmarkCalls(b *testing.B) {
	for _, said := range []string{"new", "again"} {
		for _, callers := range []int{1, 20, 100, 200} {
			b.Run("said="+said+"/"+strconv.Itoa(callers), func(b *testing.B) {
				for b.Loop() {
					load(b, plan{Callers: callers}, providers{perLetter: letterTime, sameAudio: said == "again"})
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkTelephones measures the same for telephone calls, whose packets are timed where they arrive.
func BenchmarkTelephones(b *testing.B) {
	for _, codec := range []string{"pcmu", "g722"} {
		for _, callers := range []int{20, 100, 200} {
			b.Run(codec+"/"+strconv.Itoa(callers), func(b *testing.B) {
				for b.Loop() {
					load(b, plan{Callers: callers, Phone: codec}, providers{perLetter: letterTime})
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// load runs calls for -talk and reports their cost.
func load(b *testing.B, what plan, p providers) {
	s := serve(b, p)
	if what.Phone != "" {
		what.SIP = s.serveSIP(b, what.Phone)
	}
	s.tap.reset()
	debug.FreeOSMemory()
	before := measureMemory()
	what.Ramp, what.Speech = time.Duration(what.Callers)*rampTime, utteranceTime
	c := s.startCalls(b, what)
	pause(b.Context(), warmUpTime)
	s.tap.mu.Lock()
	s.tap.sent = s.tap.sent[:0]
	s.tap.mu.Unlock()
	began, spent := time.Now(), cpuTime()
	pause(b.Context(), *talkTime)
	lasted, spent := time.Since(began), cpuTime()-spent
	late, packets := s.tap.lateness()
	after := measureMemory()
	found := s.finish(b, c)
	calls := float64(what.Callers)
	b.ReportMetric(spent.Seconds()/(calls*lasted.Minutes()), "cpu-s/call-min")
	if packets > 0 { // telephones also get packets of silence
		b.ReportMetric(float64(packets)/50/(calls*lasted.Seconds())*100, "%speaking")
		report(b, "late", late, 50, 99)
	}
	b.ReportMetric((after.heap-before.heap)/calls/1024, "heap-KB/call")
	b.ReportMetric((after.stacks-before.stacks)/calls/1024, "stack-KB/call")
	b.ReportMetric((after.resident-before.resident)/calls/1024, "rss-KB/call")
	report(b, "client-late", found.Late, 99)
	report(b, "reply", found.Replies, 50, 99)
}

// BenchmarkReply measures the time from the end of a caller's speech to the first audible
// packet of the reply, how much of it the Endpointer waited, and the rest.
func BenchmarkReply(b *testing.B) {
	fixed := providers{firstToken: 200 * time.Millisecond, token: 20 * time.Millisecond, firstAudio: 100 * time.Millisecond, perLetter: letterTime}
	streaming := fixed
	streaming.word = 260 * time.Millisecond
	waiting := streaming
	waiting.noSpeculation = true
	for _, bb := range []struct {
		name string
		fake providers
	}{
		{"providers=instant", providers{perLetter: letterTime}},
		{"providers=fixed,words=final", fixed},
		{"providers=fixed,words=streamed", streaming},
		{"providers=fixed,words=streamed,speculation=off", waiting},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				reply(b, bb.fake)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// reply reports the times of the replies to 20 callers.
func reply(b *testing.B, p providers) {
	s := serve(b, p)
	s.tap.reset()
	c := s.startCalls(b, plan{Callers: 20, Ramp: 3 * time.Second, Speech: utteranceTime})
	pause(b.Context(), 2**talkTime)
	found := s.finish(b, c)
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	report(b, "reply", found.Replies, 50, 95, 99)
	report(b, "endpointer", s.turns.waits, 50)
	report(b, "turn-end-to-packet", s.tap.responseTimes(s.turns.judged), 50, 99)
	wait := percentile(s.turns.waits, 50)
	added := make([]time.Duration, len(found.Replies))
	for i, r := range found.Replies {
		added[i] = r - wait
	}
	report(b, "added", added, 50, 99)
}

// BenchmarkInterruption measures the time from when a caller begins to speak over a reply
// until the agent's voice is ducked, and until it is silent, in the audio the caller gets.
func BenchmarkInterruption(b *testing.B) {
	for _, bb := range []struct {
		name string
		word time.Duration
	}{
		{"words=final", 0},
		{"words=streamed", 260 * time.Millisecond},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				s := serve(b, providers{perLetter: letterTime, word: bb.word})
				c := s.startCalls(b, plan{Callers: 20, Ramp: 3 * time.Second, Speech: utteranceTime, Interrupt: true})
				pause(b.Context(), 2**talkTime)
				found := s.finish(b, c)
				report(b, "ducked", found.Ducked, 50, 95)
				report(b, "silent", found.Silent, 50, 95)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkSetUp measures how many telephone calls a second are answered, confirmed and hung
// up, twenty at a time, and how long each takes to be answered. Callers and server share the
// process.
func BenchmarkSetUp(b *testing.B) {
	s := serve(b, providers{perLetter: letterTime})
	at := s.serveSIP(b, "pcmu")
	var mu sync.Mutex
	var took []time.Duration
	b.SetParallelism(10) // on each core
	began := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
			dialled := time.Now()
			p, err := callDesk(ctx, at, "pcmu")
			cancel()
			if err != nil {
				b.Error(err)
				return
			}
			answered := time.Since(dialled)
			p.hangUp()
			mu.Lock()
			took = append(took, answered)
			mu.Unlock()
		}
	})
	b.ReportMetric(float64(len(took))/time.Since(began).Seconds(), "calls/s")
	report(b, "answered", took, 50, 99)
}

// finish ends the calls of c, and fails the test when a caller had a problem.
func (s *server) finish(tb testing.TB, c *callerProcess) measurements {
	tb.Helper()
	found, err := c.finish()
	if err != nil {
		tb.Fatal(err)
	}
	if n := len(found.Problems); n > 0 {
		tb.Errorf("the callers had %d problems, such as: %s", n, found.Problems[0])
	}
	return found
}

// report reports percentiles of d as metrics in milliseconds.
func report(b *testing.B, name string, d []time.Duration, percents ...int) {
	for _, p := range percents {
		b.ReportMetric(float64(percentile(d, p).Microseconds())/1000, fmt.Sprintf("%s-p%d-ms", name, p))
	}
}

// percentile returns the nearest-rank percentile of d, 0 if d is empty.
func percentile(d []time.Duration, p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min((len(d)*p+99)/100, len(d))-1]
}

// memory is the memory that this process uses, in bytes.
type memory struct{ heap, stacks, resident float64 }

// measureMemory reads the resident set, and then the heap after a garbage collection.
func measureMemory() memory {
	m := memory{resident: resident()}
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m.heap, m.stacks = float64(s.HeapInuse), float64(s.StackInuse)
	return m
}

// resident is the resident set of the process (proc(5), statm), 0 on systems without /proc.
func resident() float64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	pages, _ := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize())
}
