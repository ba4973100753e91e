package realtime

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/desktest"
	"frontdesk/media"
)

func TestAudioOverWebSocket(t *testing.T) {
	for _, format := range []string{`{"type":"audio/pcm","rate":24000}`, `{"type":"audio/pcmu"}`, `{"type":"audio/pcma"}`} {
		t.Run(format, func(t *testing.T) {
			shares := make(chan float64, 1)
			agent := demoAgent()
			agent.Recognizer, agent.Detector = desktest.ToneRecognizer{Hz: 500, Shares: shares}, desktest.NewLoudnessDetector
			c, _ := newFixture(t, agent).dialWebSocket(t, "")
			var kind struct{ Type string }
			_ = json.Unmarshal([]byte(format), &kind)
			c.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":` + format + `},"output":{"format":` + format + `}}}}`)
			c.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(encode(kind.Type, 25*media.FrameTime)) + `"}`)
			if e := c.next("session.updated"); e.at("session", "audio", "input", "format", "type") != kind.Type {
				t.Errorf("session = %v", e)
			}
			if got := <-shares; got < 0.6 {
				t.Errorf("share of the caller's tone = %.2f", got)
			}
			var got []byte
			for range 10 {
				b, err := base64.StdEncoding.DecodeString(c.next("response.output_audio.delta")["delta"].(string))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, b...)
			}
			pcm, rate := decode(kind.Type, got)
			if got := audiotest.ToneShare(pcm, 500, rate); got < 0.8 {
				t.Errorf("share of the agent's tone = %.2f", got)
			}
		})
	}
}

// encode returns a tone of 500 Hz in an audio format.
func encode(kind string, d time.Duration) []byte {
	switch kind {
	case "audio/pcmu":
		return media.EncodePCMU(nil, audiotest.Tone(500, 8000, int(d.Seconds()*8000), 9000))
	case "audio/pcma":
		return media.EncodePCMA(nil, audiotest.Tone(500, 8000, int(d.Seconds()*8000), 9000))
	}
	var b []byte
	for _, s := range audiotest.Tone(500, 24000, int(d.Seconds()*24000), 9000) {
		b = append(b, byte(s), byte(s>>8))
	}
	return b
}

func decode(kind string, b []byte) ([]int16, int) {
	switch kind {
	case "audio/pcmu":
		return media.DecodePCMU(nil, b), 8000
	case "audio/pcma":
		return media.DecodePCMA(nil, b), 8000
	}
	var pcm []int16
	for i := 0; i+1 < len(b); i += 2 {
		pcm = append(pcm, int16(uint16(b[i])|uint16(b[i+1])<<8))
	}
	return pcm, 24000
}
