package realtime

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"sync"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

// format is how sound in events is coded.
type format struct {
	Type string `json:"type"`
	Rate int    `json:"rate,omitempty"`
}

var pcm24 = format{Type: "audio/pcm", Rate: media.MouthRate}

const g711Rate = 8000 // Hz

// check tells what is wrong with a format.
func (f format) check() error {
	c := f.complete()
	switch {
	case c == pcm24, c.Type == "audio/pcmu" && c.Rate == 0, c.Type == "audio/pcma" && c.Rate == 0:
		return nil
	}
	return fault.New(fault.Invalid, "sound is audio/pcm at %d Hz, audio/pcmu or audio/pcma at %d Hz", media.MouthRate, g711Rate)
}

// complete fills in the one rate a type has.
func (f format) complete() format {
	switch {
	case f.Type == pcm24.Type && f.Rate == 0:
		f.Rate = pcm24.Rate
	case f.Type != pcm24.Type && f.Rate == g711Rate:
		f.Rate = 0
	}
	return f
}

// rate in Hz.
func (f format) rate() int {
	if f.Rate == 0 {
		return g711Rate
	}
	return f.Rate
}

// socketSound is the sound in a WebSocket's events, both ways: its source is the
// caller's, and what is written to it goes out as response.output_audio.delta.
type socketSound struct {
	source *media.PCMSource

	mu      sync.Mutex
	in, out format
	toEar   *media.Resampler
	toWire  *media.Resampler // nil when the wire has MouthRate
	bytes   []byte           // of what is being coded; likewise pcm and ear
	pcm     []int16
	ear     []int16
	coded   []byte // of what is going out; likewise wirePCM
	wirePCM []int16
	send    func(coded []byte)
}

func newSocketSound() *socketSound {
	s := &socketSound{source: media.NewPCMSource(), send: func([]byte) {}}
	s.setFormats(pcm24, pcm24)
	return s
}

func (s *socketSound) carriedBy(w wire) carried {
	return carried{
		wire: w, source: s.source, sink: s,
		speaks:  func(send func([]byte)) { s.mu.Lock(); s.send = send; s.mu.Unlock() },
		append:  s.append,
		clear:   s.source.Clear,
		formats: s.setFormats,
	}
}

func (s *socketSound) close() { _ = s.source.Close() }

func (s *socketSound) setFormats(in, out format) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in != s.in {
		s.in, s.toEar = in, media.NewResampler(in.rate(), media.EarRate)
	}
	if out != s.out {
		s.out, s.toWire = out, nil
		if r := out.rate(); r != media.MouthRate {
			s.toWire = media.NewResampler(media.MouthRate, r)
		}
	}
}

// append takes the caller's sound, base64 of the input format.
func (s *socketSound) append(audio string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	s.bytes, err = base64.StdEncoding.AppendDecode(s.bytes[:0], []byte(audio))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the sound is not base64")
	}
	s.pcm = s.pcm[:0]
	switch s.in.Type {
	case "audio/pcmu":
		s.pcm = media.DecodePCMU(s.pcm, s.bytes)
	case "audio/pcma":
		s.pcm = media.DecodePCMA(s.pcm, s.bytes)
	default:
		if len(s.bytes)%2 != 0 {
			return fault.New(fault.Invalid, "the sound is not 16-bit samples: its length is odd")
		}
		for i := 0; i < len(s.bytes); i += 2 {
			s.pcm = append(s.pcm, int16(binary.LittleEndian.Uint16(s.bytes[i:])))
		}
	}
	s.ear = s.toEar.Process(s.ear[:0], s.pcm)
	if s.source.Write(s.ear) < len(s.ear) {
		return fault.New(fault.Limited, "sound comes faster than it is spoken: some was dropped").Retryable(0)
	}
	return nil
}

// WriteFrame implements media.Sink.
func (s *socketSound) WriteFrame(frame []int16) error {
	if frame == nil {
		return nil
	}
	s.mu.Lock()
	send, coded := s.send, s.code(frame)
	s.mu.Unlock()
	send(coded)
	return nil
}

// code is frame in the output format. The result is valid until the next call, which
// the one clock that writes frames makes.
func (s *socketSound) code(frame []int16) []byte {
	if s.toWire != nil {
		s.wirePCM = s.toWire.Process(s.wirePCM[:0], frame)
		frame = s.wirePCM
	}
	s.coded = s.coded[:0]
	switch s.out.Type {
	case "audio/pcmu":
		s.coded = media.EncodePCMU(s.coded, frame)
	case "audio/pcma":
		s.coded = media.EncodePCMA(s.coded, frame)
	default:
		for _, x := range frame {
			s.coded = binary.LittleEndian.AppendUint16(s.coded, uint16(x))
		}
	}
	return s.coded
}

// spoken tells a frame of the agent's voice, as it is played.
func (t *talk) spoken(coded []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.response
	if r == nil {
		return
	}
	t.open()
	// By hand: this is the one event that comes fifty times a second.
	b := make([]byte, 0, 256+base64.StdEncoding.EncodedLen(len(coded)))
	b = append(b, `{"type":"response.output_audio.delta","event_id":"`...)
	b = append(b, newID("event_")...)
	b = append(b, `","response_id":"`...)
	b = append(b, r.id...)
	b = append(b, `","item_id":"`...)
	b = append(b, r.item...)
	b = append(b, `","output_index":`...)
	b = strconv.AppendInt(b, int64(r.index), 10)
	b = append(b, `,"content_index":0,"delta":"`...)
	b = base64.StdEncoding.AppendEncode(b, coded)
	t.send(append(b, `"}`...))
}
