package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"frontdesk/dialog"
	"frontdesk/dialog/ear"
	"frontdesk/internal/desktest"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/signaling/realtime"
	"frontdesk/signaling/sip"
	"frontdesk/signaling/webrtc"
)

// server is wired like the real one, with an agent that has fake providers.
type server struct {
	url   string
	tap   *packetTap
	turns *turnObserver
	desk  *session.Desk
}

// serve starts a server. The end of the test or benchmark stops it.
func serve(tb testing.TB, p providers) *server {
	tb.Helper()
	observer := &turnObserver{ended: make(chan struct{}, 64)}
	agent := &dialog.Agent{
		Name: "desk", Title: "The desk", Language: "en-US",
		Silence: dialog.Silence{Wait: time.Hour}, Speculation: dialog.Speculation{Disabled: p.noSpeculation},
		Model: p, Recognizer: p, Synthesizer: p,
		Detector:   func() dialog.VoiceDetector { return media.NewDetector() },
		Endpointer: func() dialog.Endpointer { return &timedEndpointer{Endpointer: ear.NewEndpointer(""), turns: observer} },
	}
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.InfoLevel))
	desk := desktest.New(tb, agent, func(o *session.Options) { o.Observer, o.Log = observer, log })
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(tb, err)
	out := &packetTap{UDPConn: udp}
	transport, err := webrtc.New(webrtc.Options{UDP: out, Log: log})
	require.NoError(tb, err)
	calls := realtime.New(realtime.Options{Desk: desk.Desk, Tokens: desk.Tokens, Transport: transport, Log: log})
	front := httptest.NewServer(calls)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		desk.Drain(ctx)
		calls.Shutdown(ctx)
		_ = transport.Close()
		front.Close()
	})
	return &server{url: front.URL, tap: out, turns: observer, desk: desk.Desk}
}

// serveSIP makes the server answer telephone calls in a codec, at the address it returns.
func (s *server) serveSIP(tb testing.TB, codec string) string {
	tb.Helper()
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(tb, err)
	address := free.LocalAddr().String()
	free.Close()
	t, err := sip.New(sip.Options{
		Listen: []string{"udp://" + address}, MinPort: 20000, MaxPort: 22999, Log: zap.NewNop(),
		Trunks: []sip.Trunk{{Name: "callers", Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Agent: "desk", Codecs: []string{codec}}},
	})
	require.NoError(tb, err)
	go t.Serve(context.Background(), s.desk.Admit) // Close waits for it
	tb.Cleanup(t.Close)
	return address
}

// timedEndpointer records how long an Endpointer waited before it ended a turn.
type timedEndpointer struct {
	dialog.Endpointer
	turns *turnObserver
}

// Judge implements dialog.Endpointer.
func (p *timedEndpointer) Judge(e dialog.Evidence) dialog.Verdict {
	v := p.Endpointer.Judge(e)
	if v.Finished {
		p.turns.mu.Lock()
		p.turns.waits = append(p.turns.waits, e.Silence)
		p.turns.judged = append(p.turns.judged, time.Now())
		p.turns.mu.Unlock()
	}
	return v
}

// turnObserver records when the turns of all calls ended. It implements session.Observer.
type turnObserver struct {
	mu     sync.Mutex
	waits  []time.Duration // from the last frame of speech to the end of the turn
	judged []time.Time     // when the Endpointer ended the turn
	ended  chan struct{}   // receives a value for each ended turn, if somebody reads it
}

// CallStarted implements session.Observer.
func (*turnObserver) CallStarted(string) {}

// CallEnded implements session.Observer.
func (*turnObserver) CallEnded(string, session.Ending, time.Duration) {}

// Event implements session.Observer.
func (t *turnObserver) Event(_ string, e dialog.Event) {
	if e.Kind != dialog.TurnEnded {
		return
	}
	select {
	case t.ended <- struct{}{}:
	default:
	}
}

// startCalls starts callers and returns when all of them are connected.
func (s *server) startCalls(tb testing.TB, p plan) *callerProcess {
	tb.Helper()
	p.URL = s.url
	c, err := startCallers(tb.Context(), p)
	if err != nil {
		tb.Fatal(fmt.Errorf("%d callers: %w", p.Callers, err))
	}
	return c
}
