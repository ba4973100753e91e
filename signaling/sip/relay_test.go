package sip

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"frontdesk/media"
)

// relay is a bad network between the sound of two legs: it loses packets, and delays the
// others by up to jitter.
type relay struct {
	conn   *net.UDPConn
	a, b   netip.AddrPort // the two sides
	loss   float64
	jitter time.Duration
	random [2]*rand.Rand // one each way, so that what is lost does not hang on how they alternate
	late   sync.WaitGroup
}

// badly calls t over a server whose sound goes through a relay.
func badly(t *testing.T, s *Server, loss float64, jitter time.Duration) *call {
	t.Helper()
	l, err := newLeg(s.ports, netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	port := addrOf(l.conn).Port()
	conn := loopback(t, "127.0.0.1")
	l.local = newLocal(addrOf(conn)) // where the other side sends to
	trunk := &s.o.Trunks[0]
	at, err := s.findServer(t.Context(), trunk)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.invited(t.Context(), trunk, at, l, "100", "", free)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{conn: conn, a: netip.AddrPortFrom(l.local.address.Addr(), port), b: l.to, loss: loss, jitter: jitter}
	for i := range r.random {
		r.random[i] = rand.New(rand.NewPCG(10, 7)) // of the next 100, 5 are below 0.05 and 20 below 0.2
	}
	l.to = l.local.address
	running := make(chan struct{})
	go func() {
		defer close(running)
		r.run()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-running
		r.late.Wait()
	})
	return c
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
		r.late.Add(1)
		time.AfterFunc(time.Duration(random.Int64N(int64(r.jitter)+1)), func() {
			defer r.late.Done()
			_, _ = r.conn.WriteToUDPAddrPort(packet, to)
		})
	}
}

func TestACallIsHeardOverABadNetwork(t *testing.T) {
	for name, tt := range map[string]struct {
		codec    string
		loss     float64
		jitter   time.Duration
		hears    int     // of 90 frames, of which the hum is about 85
		mos, top float64 // that it is rated between
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
			callee, ended := newTestServer(t, func(o *Options) {
				o.Trunks = []Trunk{{Name: "callers", Allow: loop, Agent: "hums", Codecs: []string{tt.codec}}}
			})
			caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunkFor(callee, "udp")} })
			c := badly(t, caller, tt.loss, tt.jitter)
			c.begin(func(error) {})
			ctx, cancel := context.WithCancel(t.Context())
			var speaking sync.WaitGroup
			speaking.Go(func() { _ = media.NewPlayout(c.leg).Run(ctx) }) // so that the other side is told where to send to
			got := hears(t, c, 90)
			q := c.leg.quality()
			cancel()
			speaking.Wait()
			c.finish()
			<-ended.ended
			t.Logf("%d of 90 frames hum; rated %.1f, %.0f %% lost", got, q.MOS, 100*q.Loss)
			if got < tt.hears || q.MOS < tt.mos || q.MOS > tt.top || math.Abs(q.Loss-tt.loss) > 0.05+tt.loss/2 {
				t.Errorf("%d of 90 frames hum; rated %+v", got, q)
			}
		})
	}
}

// BenchmarkMouthToEar is how much later sound is heard here than it was sent, and how much
// later a person hears it whom the caller is connected with: packets come every 20 ms, over
// a network without jitter, and what is counted is from the end of a packet's sound.
func BenchmarkMouthToEar(b *testing.B) {
	phone := loopback(b, "127.0.0.1")
	l := newTestLeg(b, phone, "pcmu")
	var reading sync.WaitGroup
	reading.Go(func() { _ = l.read() })
	to := l.conn.LocalAddr().(*net.UDPAddr)
	to.IP = net.IPv4(127, 0, 0, 1)
	click := make([]int16, 160)
	for i := range click {
		click[i] = int16(12000 * math.Sin(2*math.Pi*1000*float64(i)/8000))
	}
	loud, quiet := media.EncodePCMU(nil, click), media.EncodePCMU(nil, make([]int16, 160))
	sent := make(chan time.Time, 1)
	ctx, stop := context.WithCancel(b.Context())
	reading.Go(func() {
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
			_, _ = phone.WriteTo(packet(b, 0, n, payload), to)
		}
	})
	frame := make([]int16, media.EarFrame)
	var took []time.Duration
	for b.Loop() {
		for {
			if err := l.receiver.ReadFrame(frame); err != nil {
				b.Fatal(err)
			}
			if slices.Max(frame) > 6000 {
				took = append(took, time.Since(<-sent))
				break
			}
		}
		for slices.Max(frame) > 6000 {
			_ = l.receiver.ReadFrame(frame)
		}
	}
	stop()
	l.close()
	reading.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(0, "ns/op")
}
