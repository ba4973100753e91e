package session_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/desktest"
	"frontdesk/internal/require"
	"frontdesk/internal/valkeytest"
	"frontdesk/session"
	"frontdesk/session/valkey"
)

// stores are the stores that the benchmarks compare. size returns the bytes that the store
// uses.
var stores = []struct {
	name string
	open func(b *testing.B) (store session.Store, size func() int)
}{
	{"SQLite", func(b *testing.B) (session.Store, func() int) {
		store, conn := desktest.OpenStore(b)
		return store, func() int {
			var pages, pageSize int
			require.NoError(b, conn.QueryRow(`PRAGMA page_count`).Scan(&pages))
			require.NoError(b, conn.QueryRow(`PRAGMA page_size`).Scan(&pageSize))
			return pages * pageSize
		}
	}},
	{"Valkey", func(b *testing.B) (session.Store, func() int) {
		server := valkeytest.Start(b)
		return openValkey(b, valkey.Options{Addresses: []string{server.Addr}}), memoryOf(b, server)
	}},
	{"ValkeyOnDisk", func(b *testing.B) (session.Store, func() int) {
		server := valkeytest.Start(b, "--appendonly", "yes", "--appendfsync", "always")
		return openValkey(b, valkey.Options{Addresses: []string{server.Addr}}), memoryOf(b, server)
	}},
	{"ValkeyReplicated", func(b *testing.B) (session.Store, func() int) {
		server := valkeytest.Start(b)
		server.Replica(b, server.Addr)
		return openValkey(b, valkey.Options{
			Addresses: []string{server.Addr}, Replicas: 1, ReplicaWait: time.Second, RequireReplicas: true,
		}), memoryOf(b, server)
	}},
}

// memoryOf returns a function that returns how many bytes the server uses.
func memoryOf(b *testing.B, server *valkeytest.Server) func() int {
	return func() int {
		for line := range strings.Lines(server.Must(b, "INFO", "memory")) {
			if n, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
				bytes, err := strconv.Atoi(n)
				require.NoError(b, err)
				return bytes
			}
		}
		b.Fatal("INFO memory has no used_memory")
		return 0
	}
}

// typicalEntry returns an entry of a typical size.
func typicalEntry(turn, seq int) session.Entry {
	const words = "Your order is on its way and will be with you on Thursday between nine and noon. "
	body := fmt.Sprintf(`{"id":"item_%026d","role":"assistant","text":%q}`, seq, strings.Repeat(words, 5))
	return session.Entry{ID: fmt.Sprintf("%d-%d", turn, seq), Kind: "message", At: time.Now(), Body: []byte(body)}
}

// commitEach commits n entries of a session one at a time, and returns how long each took.
func commitEach(ctx context.Context, store session.Store, name string, n int) ([]time.Duration, error) {
	l, err := store.Acquire(ctx, name, "bench", time.Hour, true)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for seq := 1; seq <= n; seq++ {
		started := time.Now()
		if err := store.Commit(ctx, l, []session.Entry{typicalEntry(seq/4, seq)}, session.State{Agent: "demo", Seq: seq}, time.Hour); err != nil {
			return nil, err
		}
		took = append(took, time.Since(started))
	}
	return took, nil
}

// BenchmarkStoreCommit writes entries of 500 bytes, 50 in each session, in one or several
// sessions at once.
func BenchmarkStoreCommit(b *testing.B) {
	for _, s := range stores {
		for _, sessions := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/sessions=%d", s.name, sessions), func(b *testing.B) {
				store, _ := s.open(b)
				var mu sync.Mutex
				var took []time.Duration
				var all sync.WaitGroup
				per := (b.N + sessions - 1) / sessions
				b.ResetTimer()
				for i := range sessions {
					all.Go(func() {
						for left, n := per, 0; left > 0; left, n = left-50, n+1 {
							d, err := commitEach(b.Context(), store, fmt.Sprintf("sess_%d_%d", i, n), min(left, 50))
							if err != nil {
								b.Error(err)
								return
							}
							mu.Lock()
							took = append(took, d...)
							mu.Unlock()
						}
					})
				}
				all.Wait()
				b.StopTimer()
				if len(took) == 0 {
					return
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
				b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "commits/s")
			})
		}
	}
}

// BenchmarkStoreLoad reads a session of 50 entries.
func BenchmarkStoreLoad(b *testing.B) {
	for _, s := range stores[:2] {
		b.Run(s.name, func(b *testing.B) {
			store, _ := s.open(b)
			if _, err := commitEach(b.Context(), store, "sess_1", 50); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, entries, err := store.Load(b.Context(), "sess_1"); err != nil || len(entries) != 50 {
					b.Fatal(len(entries), err)
				}
			}
		})
	}
}

// BenchmarkStoreSession measures how much memory or disk a session of 50 entries uses.
func BenchmarkStoreSession(b *testing.B) {
	for _, s := range stores[:2] {
		b.Run(s.name, func(b *testing.B) {
			store, size := s.open(b)
			if _, err := commitEach(b.Context(), store, "first", 1); err != nil { // for what is stored once and not for each session
				b.Fatal(err)
			}
			before, n := size(), 0
			for b.Loop() {
				n++
				if _, err := commitEach(b.Context(), store, fmt.Sprintf("sess_%026d", n), 50); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size()-before)/float64(n)/1024, "KB/session")
		})
	}
}
