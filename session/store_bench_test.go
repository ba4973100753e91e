package session_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/valkeytest"
	"frontdesk/session"
)

// stores are what benchmarks compare. measure is the bytes that the store takes.
var stores = []struct {
	name string
	open func(b *testing.B) (store session.Store, measure func() int)
}{
	{"SQLite", func(b *testing.B) (session.Store, func() int) {
		path := filepath.Join(b.TempDir(), "frontdesk.db")
		store, db := openFile(b, path)
		return store, func() int {
			if _, err := db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			return int(info.Size())
		}
	}},
	{"Valkey", func(b *testing.B) (session.Store, func() int) {
		server := valkeytest.Start(b)
		return openValkey(b, session.ValkeyOptions{Addresses: []string{server.Addr}}), memory(b, server)
	}},
	{"ValkeyOnDisk", func(b *testing.B) (session.Store, func() int) {
		server := valkeytest.Start(b, "--appendonly", "yes", "--appendfsync", "always")
		return openValkey(b, session.ValkeyOptions{Addresses: []string{server.Addr}}), memory(b, server)
	}},
	{"ValkeyReplicated", func(b *testing.B) (session.Store, func() int) {
		server := valkeytest.Start(b)
		server.Replica(b, server.Addr)
		return openValkey(b, session.ValkeyOptions{
			Addresses: []string{server.Addr}, Replicas: 1, ReplicaWait: time.Second, RequireReplicas: true,
		}), memory(b, server)
	}},
}

func memory(b *testing.B, server *valkeytest.Server) func() int {
	return func() int {
		for line := range strings.Lines(server.Must(b, "INFO", "memory")) {
			if n, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
				bytes, err := strconv.Atoi(n)
				if err != nil {
					b.Fatal(err)
				}
				return bytes
			}
		}
		b.Fatal("the server does not tell its memory")
		return 0
	}
}

// spoken is an entry of the usual size.
func spoken(turn, seq int) session.Entry {
	const words = "Your order is on its way and will be with you on Thursday between nine and noon. "
	body := fmt.Sprintf(`{"id":"item_%026d","role":"assistant","text":%q}`, seq, strings.Repeat(words, 5))
	return session.Entry{ID: fmt.Sprintf("%d-%d", turn, seq), Kind: "message", At: time.Now(), Body: []byte(body)}
}

// commit writes n entries of a session, one at a time, and returns how long each took.
func commit(ctx context.Context, store session.Store, name string, n int) ([]time.Duration, error) {
	l, err := store.Acquire(ctx, name, "bench", time.Hour, true)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for seq := 1; seq <= n; seq++ {
		began := time.Now()
		if err := store.Commit(ctx, l, []session.Entry{spoken(seq/4, seq)}, session.State{Agent: "demo", Seq: seq}, time.Hour); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// BenchmarkStoreCommit writes entries of 500 bytes in sessions of 50, in so many
// sessions at a time.
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
							d, err := commit(b.Context(), store, fmt.Sprintf("sess_%d_%d", i, n), min(left, 50))
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
			if _, err := commit(b.Context(), store, "sess_1", 50); err != nil {
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

// BenchmarkStoreSession tells what a session of 50 entries takes in the store.
func BenchmarkStoreSession(b *testing.B) {
	for _, s := range stores[:2] {
		b.Run(s.name, func(b *testing.B) {
			store, measure := s.open(b)
			if _, err := commit(b.Context(), store, "first", 1); err != nil { // what there is only once
				b.Fatal(err)
			}
			before, n := measure(), 0
			for b.Loop() {
				n++
				if _, err := commit(b.Context(), store, fmt.Sprintf("sess_%026d", n), 50); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(measure()-before)/float64(n)/1024, "KB/session")
		})
	}
}
