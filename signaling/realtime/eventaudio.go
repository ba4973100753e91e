package realtime

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"sync"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

// format is how audio in events is encoded.
type format struct {
	Type string `json:"type"`
	Rate int    `json:"rate,omitempty"`
}

var pcm24 = format{Type: "audio/pcm", Rate: media.MouthRate}

const g711Rate = 8000 // Hz

func (f format) check() error {
	c := f.normalized()
	switch {
	case c == pcm24, c.Type == "audio/pcmu" && c.Rate == 0, c.Type == "audio/pcma" && c.Rate == 0:
		return nil
	}
	return fault.New(fault.Invalid, "unsupported audio format %.40q at %d Hz (want audio/pcm at %d Hz, audio/pcmu or audio/pcma at %d Hz)",
		f.Type, f.Rate, media.MouthRate, g711Rate)
}

// normalized sets the rate of audio/pcm and clears that of the others, as the schema has it.
func (f format) normalized() format {
	switch {
	case f.Type == pcm24.Type && f.Rate == 0:
		f.Rate = pcm24.Rate
	case f.Type != pcm24.Type && f.Rate == g711Rate:
		f.Rate = 0
	}
	return f
}

// hz returns the sampling rate.
func (f format) hz() int {
	if f.Rate == 0 {
		return g711Rate
	}
	return f.Rate
}

// eventAudio is the audio in a WebSocket's events. The caller's audio comes in through
// append and is read from source. The agent's audio, written by the playout, goes to send.
type eventAudio struct {
	source *media.PCMSource

	mu      sync.Mutex // guards what follows
	in, out format
	toEar   *media.Resampler
	toWire  *media.Resampler // nil if out has MouthRate
	send    func(encoded []byte)

	// Buffers, kept from call to call.
	received, encoded         []byte
	receivedPCM, ear, sentPCM []int16
}

func newEventAudio() *eventAudio {
	a := &eventAudio{source: media.NewPCMSource(), send: func([]byte) {}}
	a.setFormats(pcm24, pcm24)
	return a
}

// line returns a line with the events of c and the audio in them.
func (a *eventAudio) line(c eventChannel) line {
	return line{eventChannel: c, source: a.source, sink: a, eventAudio: a}
}

func (a *eventAudio) close() { _ = a.source.Close() }

// setSend sets where encoded frames go. They are valid until send returns.
func (a *eventAudio) setSend(send func(encoded []byte)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.send = send
}

func (a *eventAudio) setFormats(in, out format) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if in != a.in {
		a.in, a.toEar = in, media.NewResampler(in.hz(), media.EarRate)
	}
	if out != a.out {
		a.out, a.toWire = out, nil
		if r := out.hz(); r != media.MouthRate {
			a.toWire = media.NewResampler(media.MouthRate, r)
		}
	}
}

// append adds the caller's audio, base64 of the input format.
func (a *eventAudio) append(audio string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	a.received, err = base64.StdEncoding.AppendDecode(a.received[:0], []byte(audio))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the audio is not valid base64")
	}
	a.receivedPCM = a.receivedPCM[:0]
	switch a.in.Type {
	case "audio/pcmu":
		a.receivedPCM = media.DecodePCMU(a.receivedPCM, a.received)
	case "audio/pcma":
		a.receivedPCM = media.DecodePCMA(a.receivedPCM, a.received)
	default:
		if len(a.received)%2 != 0 {
			return fault.New(fault.Invalid, "the audio has an odd number of bytes (want 16-bit samples)")
		}
		for i := 0; i < len(a.received); i += 2 {
			a.receivedPCM = append(a.receivedPCM, int16(binary.LittleEndian.Uint16(a.received[i:])))
		}
	}
	a.ear = a.toEar.Process(a.ear[:0], a.receivedPCM)
	if a.source.Write(a.ear) < len(a.ear) {
		return fault.New(fault.Limited, "audio arrives faster than real time: some was dropped").Retryable(0)
	}
	return nil
}

// WriteFrame implements media.Sink.
func (a *eventAudio) WriteFrame(frame []int16) error {
	if frame == nil {
		return nil
	}
	a.mu.Lock()
	send, encoded := a.send, a.encode(frame)
	a.mu.Unlock()
	send(encoded)
	return nil
}

// encode returns frame in the output format. The result is valid until the next call. Only
// the playout's goroutine calls it.
func (a *eventAudio) encode(frame []int16) []byte {
	if a.toWire != nil {
		a.sentPCM = a.toWire.Process(a.sentPCM[:0], frame)
		frame = a.sentPCM
	}
	a.encoded = a.encoded[:0]
	switch a.out.Type {
	case "audio/pcmu":
		a.encoded = media.EncodePCMU(a.encoded, frame)
	case "audio/pcma":
		a.encoded = media.EncodePCMA(a.encoded, frame)
	default:
		for _, x := range frame {
			a.encoded = binary.LittleEndian.AppendUint16(a.encoded, uint16(x))
		}
	}
	return a.encoded
}

// sendAudio sends a frame of the agent's audio when it is played.
func (p *protocol) sendAudio(encoded []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.response
	if r == nil {
		return
	}
	p.startMessage()
	// Encoded by hand, because this event is sent fifty times a second.
	b := make([]byte, 0, 256+base64.StdEncoding.EncodedLen(len(encoded)))
	b = append(b, `{"type":"response.output_audio.delta","event_id":"`...)
	b = append(b, newID("event_")...)
	b = append(b, `","response_id":"`...)
	b = append(b, r.id...)
	b = append(b, `","item_id":"`...)
	b = append(b, r.item...)
	b = append(b, `","output_index":`...)
	b = strconv.AppendInt(b, int64(r.index), 10)
	b = append(b, `,"content_index":0,"delta":"`...)
	b = base64.StdEncoding.AppendEncode(b, encoded)
	_ = p.line.Send(append(b, `"}`...))
}
