package caller

import (
	"context"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/openai"
	"frontdesk/internal/audiotest"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fakeai"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/signaling/realtime"
	"frontdesk/signaling/webrtc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a real server with one agent, "shop", whose providers are ai.
func serve(t *testing.T, ai *fakeai.Server) string {
	t.Helper()
	model, err1 := openai.NewModel(openai.Config{URL: ai.URL, Model: "fake"})
	ear, err2 := openai.NewTranscriber(openai.Config{URL: ai.URL, Model: "fake"})
	voice, err3 := openai.NewSpeech(openai.Config{URL: ai.URL, Model: "fake"})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	t.Cleanup(func() { _, _, _ = model.Close(), ear.Close(), voice.Close() })
	desk := desktest.New(t, &dialog.Agent{
		Name: "shop", Title: "The shop", Greeting: "Hello, this is the shop.", Language: "en-US",
		Model: model, Recognizer: ear, Synthesizer: voice,
		Detector: desktest.NewLoudnessDetector,
	})
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	transport, err := webrtc.New(webrtc.Options{UDP: udp, Log: zap.NewNop()})
	require.NoError(t, err)
	rt := realtime.New(realtime.Options{Desk: desk.Desk, Tokens: desk.Tokens, Transport: transport, Log: zap.NewNop()})
	front := httptest.NewServer(rt)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // ends the remaining calls at once
		desk.Drain(ctx)
		rt.Shutdown(ctx)
		_ = transport.Close()
		front.Close()
	})
	return front.URL
}

// shortTone returns 20 ms of a tone for each character of text.
func shortTone(text string) []int16 {
	return tone(media.MouthRate, time.Duration(len(text))*20*time.Millisecond)
}

// tone returns a tone of 300 Hz.
func tone(rate int, d time.Duration) []int16 {
	return audiotest.Tone(300, rate, int(d*time.Duration(rate)/time.Second), 8000)
}
