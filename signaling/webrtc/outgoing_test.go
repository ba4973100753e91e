package webrtc

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"frontdesk/internal/require"
	audio "frontdesk/media"
)

// headerRecorder is a TrackLocalWriter that records the headers of packets.
type headerRecorder struct{ headers []rtp.Header }

func (r *headerRecorder) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	r.headers = append(r.headers, *h)
	return len(payload), nil
}

func (r *headerRecorder) Write([]byte) (int, error) { return 0, nil }

func newBoundAudio(t testing.TB, out webrtc.TrackLocalWriter) *outgoingAudio {
	t.Helper()
	if !audio.CanEncodeOpus {
		t.Skip("this build has no Opus encoder")
	}
	enc, err := newEncoder(webrtc.MimeTypeOpus, audio.NewOpusCache())
	require.NoError(t, err)
	a := newOutgoingAudio(nil)
	a.out, a.encoder, a.ticks = out, enc, 960
	return a
}

func TestSilenceSendsFewPacketsAndAdvancesTheTimestamp(t *testing.T) {
	var s headerRecorder
	a := newBoundAudio(t, &s)
	frame := tone(audio.MouthRate, 440, audio.MouthFrame, 0)
	write := func(frame []int16, times int) {
		for range times {
			require.NoError(t, a.WriteFrame(frame))
		}
	}
	write(frame, 3)
	write(nil, 50) // a second
	write(frame, 2)

	spoken, quiet := 3+2, trailingSilence+2 // 400 and 800 ms into the silence
	if len(s.headers) != spoken+quiet {
		t.Fatalf("sent %d packets, want %d", len(s.headers), spoken+quiet)
	}
	for i, h := range s.headers {
		if h.SequenceNumber != uint16(i) {
			t.Errorf("packet %d has sequence number %d", i, h.SequenceNumber)
		}
		if first := i == 0 || i == len(s.headers)-2; h.Marker != first {
			t.Errorf("marker of packet %d = %t", i, h.Marker)
		}
	}
	first, last := s.headers[0].Timestamp, s.headers[len(s.headers)-1].Timestamp
	if got := (last - first) / 960; got != 54 {
		t.Errorf("the timestamp advanced by %d frames, want 54", got)
	}
}

func TestSpeechAfterAPacketOfSilenceBeginsATalkspurt(t *testing.T) {
	var s headerRecorder
	a := newBoundAudio(t, &s)
	frame := tone(audio.MouthRate, 440, audio.MouthFrame, 0)
	frames := append([][]int16{frame}, make([][]int16, silenceInterval)...) // the last one is sent
	for _, f := range append(frames, frame, frame) {
		require.NoError(t, a.WriteFrame(f))
	}
	n := len(s.headers)
	if gap := s.headers[n-2].Timestamp - s.headers[n-3].Timestamp; gap != 960 {
		t.Fatalf("the packet before speech is %d ticks earlier, want 960", gap)
	}
	if !s.headers[n-2].Marker || s.headers[n-1].Marker || s.headers[n-3].Marker {
		t.Error("want the marker on the first packet of speech only")
	}
}

func TestUnboundTrackDiscardsAudio(t *testing.T) {
	if err := newOutgoingAudio(nil).WriteFrame(tone(audio.MouthRate, 440, audio.MouthFrame, 0)); err != nil {
		t.Error(err)
	}
}

// nullWriter discards packets.
type nullWriter struct{}

func (nullWriter) WriteRTP(*rtp.Header, []byte) (int, error) { return 0, nil }
func (nullWriter) Write([]byte) (int, error)                 { return 0, nil }

func BenchmarkSinkWriteFrame(b *testing.B) {
	a := newBoundAudio(b, nullWriter{})
	frame := tone(audio.MouthRate, 440, audio.MouthFrame, 0)
	b.ReportAllocs()
	for b.Loop() {
		_ = a.WriteFrame(frame)
	}
}

func BenchmarkSinkWriteFrameConnected(b *testing.B) {
	peer := newClient(b, clientOptions{}).connect(b, newTransport(b))
	frame := tone(audio.MouthRate, 440, audio.MouthFrame, 0)
	b.ReportAllocs()
	for b.Loop() {
		_ = peer.Sink().WriteFrame(frame)
	}
}
