package caller

import (
	"context"
	"database/sql"
	"iter"
	"math"
	"net"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/openai"
	"frontdesk/internal/db"
	"frontdesk/internal/fakeai"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/session/sqlite"
	"frontdesk/signaling/realtime"
	"frontdesk/signaling/webrtc"
	"frontdesk/tools"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a real server with one agent, "shop", whose providers are ai.
func serve(t *testing.T, ai *fakeai.Server, change ...func(*dialog.Agent)) string {
	t.Helper()
	registry, err := tools.NewRegistry()
	require.NoError(t, err)
	model, err1 := openai.NewModel(openai.Config{URL: ai.URL, Model: "fake"})
	ear, err2 := openai.NewTranscriber(openai.Config{URL: ai.URL, Model: "fake"})
	voice, err3 := openai.NewSpeech(openai.Config{URL: ai.URL, Model: "fake"})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	t.Cleanup(func() { _, _, _ = model.Close(), ear.Close(), voice.Close() })
	agent := &dialog.Agent{
		Name: "shop", Title: "The shop", Greeting: "Hello, this is the shop.", Language: "en-US",
		Model: model, Recognizer: ear, Synthesizer: voice, Tools: registry,
		Detector: func() dialog.VoiceDetector { return loudnessDetector{} },
	}
	for _, f := range change {
		f(agent)
	}
	return serveAgent(t, agent)
}

func serveAgent(t *testing.T, agent *dialog.Agent) string {
	t.Helper()
	db, err := db.Open(filepath.Join(t.TempDir(), "calls.db"))
	require.NoError(t, err)
	store := openStore(t, db)
	tokens := session.NewTokens([]byte("0123456789abcdef0123456789abcdef"))
	desk := session.NewDesk(session.Options{
		Store: store, Tokens: tokens, Node: "test", ResumeWindow: time.Hour, Observer: noObserver{}, Log: zap.NewNop(),
		Agent: func(name string) (*dialog.Agent, error) {
			if name != "" && name != agent.Name {
				return nil, fault.New(fault.NotFound, "unknown agent %q", name)
			}
			return agent, nil
		},
	})
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	transport, err := webrtc.New(webrtc.Options{UDP: udp, Log: zap.NewNop()})
	require.NoError(t, err)
	rt := realtime.New(realtime.Options{Desk: desk, Tokens: tokens, Transport: transport, Log: zap.NewNop()})
	front := httptest.NewServer(rt)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // ends the remaining calls at once
		desk.Drain(ctx)
		rt.Shutdown(ctx)
		_ = transport.Close()
		front.Close()
		_ = db.Close()
	})
	return front.URL
}

func openStore(t *testing.T, db *sql.DB) session.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), db)
	require.NoError(t, err)
	return store
}

// loudnessDetector treats loud audio as speech.
type loudnessDetector struct{}

func (loudnessDetector) Detect(frame []int16) float32 {
	if rms(frame) > 300 {
		return 1
	}
	return 0
}

// noObserver ignores everything.
type noObserver struct{}

func (noObserver) CallStarted(string)                              {}
func (noObserver) CallEnded(string, session.Ending, time.Duration) {}
func (noObserver) Event(dialog.Event)                              {}

// hummingVoice speaks 40 ms of a tone for each character.
type hummingVoice struct{}

func (hummingVoice) Speak(_ context.Context, text string, v dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		yield(hum(media.MouthRate, time.Duration(len(text))*40*time.Millisecond), nil)
	}
}

// brief speaks 20 ms of a tone for each character.
func brief(text string) []int16 {
	return hum(media.MouthRate, time.Duration(len(text))*20*time.Millisecond)
}

// hum returns a tone.
func hum(rate int, d time.Duration) []int16 {
	pcm := make([]int16, int(d*time.Duration(rate)/time.Second))
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*300*float64(i)/float64(rate)))
	}
	return pcm
}
