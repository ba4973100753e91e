//go:build cgo && measure

package piper

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/workers"
	"frontdesk/internal/eval"
	"frontdesk/media"
)

// TestMeasureOverload lets more and more callers hear the voice half of the time, for 10 s
// each, with refusals and without:
//
//	go test -tags measure -run MeasureOverload -v ./dialog/provider/piper
func TestMeasureOverload(t *testing.T) {
	s := open(t)
	for _, n := range []int{20, 40, 60} {
		for _, wait := range []time.Duration{workers.TurnTimeout, workers.Patience} {
			s.workers.Patience = wait
			overload(t, s, n)
		}
	}
}

func overload(t *testing.T, s *Synthesizer, n int) {
	sentences := slices.Concat(supportSentences, eval.VoiceSentences())
	var mu sync.Mutex
	var first, gaps []time.Duration
	refused, failed := 0, 0
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	var callers sync.WaitGroup
	for i := range n {
		callers.Go(func() {
			pause := time.Duration(i) * 3 * time.Second / time.Duration(n) // callers do not begin together
			for k := i; ; k++ {
				select {
				case <-time.After(pause):
				case <-ctx.Done():
					return
				}
				began, samples, gap := time.Now(), 0, time.Duration(0)
				var started, heard time.Time
				for pcm, err := range s.Speak(ctx, sentences[k%len(sentences)], dialog.Voice{}) {
					if ctx.Err() != nil {
						return
					}
					if err != nil {
						mu.Lock()
						if failed++; samples == 0 && err == workers.ErrLate {
							refused, failed = refused+1, failed-1
						}
						mu.Unlock()
						break
					}
					if now := time.Now(); samples == 0 {
						started, heard = now, now
					} else if now.After(heard) {
						gap, heard = gap+now.Sub(heard), now
					}
					samples += len(pcm)
					heard = heard.Add(time.Duration(len(pcm)) * time.Second / media.MouthRate)
				}
				pause = 2 * time.Second // another voice speaks, then the caller
				if samples > 0 {
					mu.Lock()
					first, gaps = append(first, started.Sub(began)), append(gaps, gap)
					mu.Unlock()
					pause = 2 * time.Until(heard)
				}
			}
		})
	}
	callers.Wait()
	slices.Sort(first)
	slices.Sort(gaps)
	at := func(d []time.Duration, share float64) int64 { return d[int(share*float64(len(d)-1))].Milliseconds() }
	t.Logf("%d callers, refusal after %v: %d clauses, first audio %d, %d ms (median, 95th of 100), gaps %d, %d ms, %d refused, %d failed",
		n, s.workers.Patience, len(first), at(first, 0.5), at(first, 0.95), at(gaps, 0.5), at(gaps, 0.95), refused, failed)
}
