package realtime

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
	"frontdesk/session"
)

func TestSoundOverWebSocket(t *testing.T) {
	for _, format := range []string{`{"type":"audio/pcm","rate":24000}`, `{"type":"audio/pcmu"}`, `{"type":"audio/pcma"}`} {
		t.Run(format, func(t *testing.T) {
			heard := make(chan float64, 1)
			f := newFixture(t, &script{run: func(ctx context.Context, line dialog.Line) session.Ending {
				line.Emit(dialog.Event{Kind: dialog.ReplyStarted, Response: "resp_1", Item: "item_1"})
				frame, pcm := make([]int16, media.EarFrame), []int16{}
				for range 20 {
					if line.Source.ReadFrame(frame) != nil {
						break
					}
					_ = line.Sink.WriteFrame(tone(media.MouthRate, 500, media.MouthFrame))
					pcm = append(pcm, frame...)
				}
				heard <- power(pcm, media.EarRate, 500)
				return untilGone(ctx, line)
			}})
			c, _ := f.dial(t, f.token(t, session.Claims{}))
			var kind struct{ Type string }
			_ = json.Unmarshal([]byte(format), &kind)
			c.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":` + format + `},"output":{"format":` + format + `}}}}`)
			c.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(coded(kind.Type, 25*media.FrameTime)) + `"}`)
			if e := c.next("session.updated"); e.at("session", "audio", "input", "format", "type") != kind.Type {
				t.Errorf("session = %v", e)
			}
			if got := <-heard; got < 0.6 {
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
			pcm, rate := decoded(kind.Type, got)
			if got := power(pcm, rate, 500); got < 0.8 {
				t.Errorf("share of the agent's tone = %.2f", got)
			}
		})
	}
}

func tone(rate, hz, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(9000 * math.Sin(2*math.Pi*float64(hz)*float64(i)/float64(rate)))
	}
	return out
}

func power(pcm []int16, rate, hz int) float64 {
	w := 2 * math.Pi * float64(hz) / float64(rate)
	var re, im, all float64
	for i, s := range pcm {
		re += float64(s) * math.Cos(w*float64(i))
		im += float64(s) * math.Sin(w*float64(i))
		all += float64(s) * float64(s)
	}
	if all == 0 {
		return 0
	}
	return 2 * (re*re + im*im) / (all * float64(len(pcm)))
}

func coded(kind string, long time.Duration) []byte {
	switch kind {
	case "audio/pcmu":
		return media.EncodePCMU(nil, tone(8000, 500, int(long.Seconds()*8000)))
	case "audio/pcma":
		return media.EncodePCMA(nil, tone(8000, 500, int(long.Seconds()*8000)))
	}
	var b []byte
	for _, s := range tone(24000, 500, int(long.Seconds()*24000)) {
		b = append(b, byte(s), byte(s>>8))
	}
	return b
}

func decoded(kind string, b []byte) ([]int16, int) {
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
