package webrtc

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	sound "frontdesk/media"
)

// sent is a track's way out that keeps the headers of what leaves.
type sent struct{ headers []rtp.Header }

func (s *sent) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	s.headers = append(s.headers, *h)
	return len(payload), nil
}

func (s *sent) Write([]byte) (int, error) { return 0, nil }

func boundVoice(t testing.TB, out webrtc.TrackLocalWriter) *voice {
	t.Helper()
	enc, err := newEncoder(webrtc.MimeTypeOpus, sound.NewOpusCache())
	if err != nil {
		t.Fatal(err)
	}
	v := newVoice(nil)
	v.out, v.encoder, v.step = out, enc, 960
	return v
}

func TestSilenceIsHardlySentButItsTimePasses(t *testing.T) {
	var s sent
	v := boundVoice(t, &s)
	frame := tone(sound.MouthRate, 440, sound.MouthFrame, 0)
	write := func(frame []int16, times int) {
		for range times {
			if err := v.WriteFrame(frame); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(frame, 3)
	write(nil, 50) // a second
	write(frame, 2)

	spoken, quiet := 3+2, trailing+2 // 400 and 800 ms into the silence
	if len(s.headers) != spoken+quiet {
		t.Fatalf("%d packets were sent, want %d", len(s.headers), spoken+quiet)
	}
	for i, h := range s.headers {
		if h.SequenceNumber != uint16(i) {
			t.Errorf("packet %d has number %d", i, h.SequenceNumber)
		}
		if first := i == 0 || i == len(s.headers)-2; h.Marker != first {
			t.Errorf("marker of packet %d = %t", i, h.Marker)
		}
	}
	first, last := s.headers[0].Timestamp, s.headers[len(s.headers)-1].Timestamp
	if got := (last - first) / 960; got != 54 {
		t.Errorf("%d frames of time passed, want 54", got)
	}
}

func TestSpeechRightBehindAPacketOfSilenceBeginsATalkspurt(t *testing.T) {
	var s sent
	v := boundVoice(t, &s)
	frame := tone(sound.MouthRate, 440, sound.MouthFrame, 0)
	frames := append([][]int16{frame}, make([][]int16, silenceEvery)...) // the last one is sent
	for _, f := range append(frames, frame, frame) {
		if err := v.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	n := len(s.headers)
	if gap := s.headers[n-2].Timestamp - s.headers[n-3].Timestamp; gap != 960 {
		t.Fatalf("the packet before speech is %d ticks away", gap)
	}
	if !s.headers[n-2].Marker || s.headers[n-1].Marker || s.headers[n-3].Marker {
		t.Error("not the first packet of speech, and only that one, has the marker")
	}
}

func TestUnboundVoiceIsSilent(t *testing.T) {
	if err := newVoice(nil).WriteFrame(tone(sound.MouthRate, 440, sound.MouthFrame, 0)); err != nil {
		t.Error(err)
	}
}

type nowhere struct{}

func (nowhere) WriteRTP(*rtp.Header, []byte) (int, error) { return 0, nil }
func (nowhere) Write([]byte) (int, error)                 { return 0, nil }

func BenchmarkSinkWriteFrame(b *testing.B) {
	v := boundVoice(b, nowhere{})
	frame := tone(sound.MouthRate, 440, sound.MouthFrame, 0)
	b.ReportAllocs()
	for b.Loop() {
		_ = v.WriteFrame(frame)
	}
}

func BenchmarkSinkWriteFrameConnected(b *testing.B) {
	peer := newClient(b, clientOptions{}).connect(b, newTransport(b))
	frame := tone(sound.MouthRate, 440, sound.MouthFrame, 0)
	b.ReportAllocs()
	for b.Loop() {
		_ = peer.Sink().WriteFrame(frame)
	}
}
