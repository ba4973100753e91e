package rtp

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/require"
	"frontdesk/media"
)

const toneHz = 440

// relay is a bad network between two legs: it loses packets and delays the others by up to
// jitter.
type relay struct {
	conn    *net.UDPConn
	a, b    netip.AddrPort // of the two legs
	loss    float64
	jitter  time.Duration
	random  [2]*rand.Rand // one for each direction, so that the loss does not depend on their timing
	delayed sync.WaitGroup
}

// connectLegs connects two legs through a relay and returns them. The first leg offers, the
// second answers.
func connectLegs(t *testing.T, codec string, loss float64, jitter time.Duration) (a, b *Leg) {
	t.Helper()
	ports := NewPorts(46000, 47999)
	codecs := findCodec(t, codec)
	loopback := netip.MustParseAddr("127.0.0.1")
	r := &relay{conn: listenUDP(t, "127.0.0.1"), loss: loss, jitter: jitter}
	var legs [2]*Leg
	for i := range legs {
		r.random[i] = rand.New(rand.NewPCG(10, 7)) // of the next 100 numbers, 5 are below 0.05 and 20 below 0.2
		l, err := NewLeg(ports, loopback)
		require.NoError(t, err)
		t.Cleanup(l.Close)
		legs[i] = l
	}
	a, b = legs[0], legs[1]
	r.a, r.b = a.local.addr, b.local.addr
	offer, err := ParseOffer(r.redirect(a.Offer(codecs), r.a), codecs)
	require.NoError(t, err)
	require.NoError(t, b.Start(offer, loopback))
	answer, err := ParseAnswer(r.redirect(b.Answer(), r.b), codecs)
	require.NoError(t, err)
	require.NoError(t, a.Start(answer, loopback))
	var running sync.WaitGroup
	running.Go(r.run)
	running.Go(func() { _ = a.Run() })
	running.Go(func() { _ = b.Run() })
	t.Cleanup(func() {
		a.Close()
		b.Close()
		r.conn.Close()
		running.Wait()
		r.delayed.Wait()
	})
	return a, b
}

// redirect replaces the port of a leg in SDP with the relay's.
func (r *relay) redirect(sdp []byte, leg netip.AddrPort) []byte {
	port := func(p uint16) []byte { return fmt.Appendf(nil, "m=audio %d ", p) }
	return bytes.Replace(sdp, port(leg.Port()), port(addrOf(r.conn).Port()), 1)
}

func (r *relay) run() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := r.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		to, random := r.b, r.random[0]
		if from.Port() == r.b.Port() {
			to, random = r.a, r.random[1]
		}
		if random.Float64() < r.loss {
			continue
		}
		packet := slices.Clone(buf[:n])
		r.delayed.Add(1)
		time.AfterFunc(time.Duration(random.Int64N(int64(r.jitter)+1)), func() {
			defer r.delayed.Done()
			_, _ = r.conn.WriteToUDPAddrPort(packet, to)
		})
	}
}

// countToneFrames returns in how many of the next frames nearly all energy is the tone.
func countToneFrames(t *testing.T, l *Leg, frames int) (count int) {
	t.Helper()
	frame := make([]int16, media.EarFrame)
	for range frames {
		require.NoError(t, l.Receiver().ReadFrame(frame))
		if audiotest.RMS(frame) > 1000 && audiotest.ToneShare(frame, toneHz, media.EarRate) > 0.9 {
			count++
		}
	}
	return count
}

func TestToneIsHeardOverBadNetwork(t *testing.T) {
	for name, tt := range map[string]struct {
		codec          string
		loss           float64
		jitter         time.Duration
		frames         int // of 90; the tone is in about 85 of them
		minMOS, maxMOS float64
	}{
		"none lost, PCMU":       {"pcmu", 0, 0, 75, 4.2, 4.5},
		"5 % lost, PCMU":        {"pcmu", 0.05, 10 * time.Millisecond, 65, 2.5, 4.3},
		"5 % lost, G.722":       {"g722", 0.05, 10 * time.Millisecond, 55, 2.5, 4.3},
		"5 % lost, Opus":        {"opus", 0.05, 10 * time.Millisecond, 65, 2.5, 4.3},
		"60 ms of jitter, PCMU": {"pcmu", 0, 60 * time.Millisecond, 55, 2.5, 4.4},
		"20 % lost, PCMU":       {"pcmu", 0.2, 10 * time.Millisecond, 40, 1.5, 3.7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, callee := connectLegs(t, tt.codec, tt.loss, tt.jitter)
			tone := audiotest.Tone(toneHz, media.MouthRate, 2*media.MouthRate, 8000)
			ctx, cancel := context.WithCancel(t.Context())
			var playing sync.WaitGroup
			playout := media.NewPlayout(callee)
			playing.Go(func() { _ = playout.Run(ctx) })
			playing.Go(func() { _ = media.NewPlayout(caller).Run(ctx) }) // both sides send, as in a call
			playing.Go(func() { _ = playout.Write(ctx, tone) })
			got := countToneFrames(t, caller, 90)
			q := caller.Quality()
			cancel()
			playing.Wait()
			t.Logf("the tone is in %d of 90 frames; MOS %.1f, loss %.0f %%", got, q.MOS, 100*q.Loss)
			if got < tt.frames || q.MOS < tt.minMOS || q.MOS > tt.maxMOS || math.Abs(q.Loss-tt.loss) > 0.05+tt.loss/2 {
				t.Errorf("the tone is in %d of 90 frames; quality %+v", got, q)
			}
		})
	}
}

// BenchmarkMouthToEar measures the delay from the end of the audio in a packet to its frame
// from the receiver. Packets come every 20 ms, over a network without jitter.
func BenchmarkMouthToEar(b *testing.B) {
	phone := listenUDP(b, "127.0.0.1")
	l := startTestLeg(b, phone, "pcmu")
	var running sync.WaitGroup
	running.Go(func() { _ = l.Run() })
	to := l.conn.LocalAddr().(*net.UDPAddr)
	to.IP = net.IPv4(127, 0, 0, 1)
	click := audiotest.Tone(1000, 8000, 160, 12000)
	loud, quiet := media.EncodePCMU(nil, click), media.EncodePCMU(nil, make([]int16, 160))
	sent := make(chan time.Time, 1)
	ctx, stop := context.WithCancel(b.Context())
	running.Go(func() {
		tick := time.NewTicker(media.FrameTime)
		defer tick.Stop()
		for n := 0; ; n++ {
			payload := quiet
			if n%25 == 24 {
				payload = loud
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if n%25 == 24 {
				select {
				case sent <- time.Now():
				default:
				}
			}
			_, _ = phone.WriteTo(marshalPacket(b, 0, n, payload), to)
		}
	})
	frame := make([]int16, media.EarFrame)
	var delays []time.Duration
	for b.Loop() {
		for {
			require.NoError(b, l.receiver.ReadFrame(frame))
			if slices.Max(frame) > 6000 {
				delays = append(delays, time.Since(<-sent))
				break
			}
		}
		for slices.Max(frame) > 6000 {
			_ = l.receiver.ReadFrame(frame)
		}
	}
	stop()
	l.Close()
	running.Wait()
	slices.Sort(delays)
	b.ReportMetric(float64(delays[len(delays)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(delays[len(delays)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(0, "ns/op")
}
