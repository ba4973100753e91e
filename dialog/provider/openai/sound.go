package openai

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strconv"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	maxChannels = 8
	wavPiece    = 2048 // samples of a WAV file that are read at once
)

// rates are those that sound comes at; a resampler for any other could be huge.
var rates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

// soundReader turns the body of a speech answer into mono PCM at MouthRate. Servers
// were asked for bare s16le at 24 kHz; some send a WAV file all the same, some another
// rate, which they tell in the content type.
type soundReader struct {
	r        *bufio.Reader
	kind     string
	rate     int
	channels int
	wav      *media.WAVReader // nil for bare PCM
	begun    bool
	carry    []byte // of a frame that is not complete
	convert  *media.Resampler
}

func newSoundReader(r io.Reader, kind string, params map[string]string) *soundReader {
	s := &soundReader{r: bufio.NewReaderSize(r, 16<<10), kind: kind, rate: media.MouthRate, channels: 1}
	if n, err := strconv.Atoi(params["rate"]); err == nil {
		s.rate = n
	}
	if n, err := strconv.Atoi(params["channels"]); err == nil {
		s.channels = n
	}
	return s
}

// next returns the sound that is there, or waits for some. It may be empty. A
// fault.Error says that the answer is not sound of a known kind.
func (s *soundReader) next() ([]int16, error) {
	if !s.begun {
		if err := s.begin(); err != nil {
			return nil, err
		}
		s.begun = true
	}
	if s.wav != nil {
		return s.nextOfWAV()
	}
	buf := make([]byte, len(s.carry), len(s.carry)+s.r.Size())
	copy(buf, s.carry)
	n, err := s.r.Read(buf[len(buf):cap(buf)])
	if n == 0 && err != nil { // an error that comes with sound comes again without
		return s.end(err)
	}
	buf = buf[:len(buf)+n]
	whole := len(buf) - len(buf)%(2*s.channels)
	s.carry = append(s.carry[:0], buf[whole:]...)
	return s.resample(mono(buf[:whole], s.channels)), nil
}

func (s *soundReader) nextOfWAV() ([]int16, error) {
	pcm := make([]int16, wavPiece)
	n, err := s.wav.Read(pcm)
	if err != nil {
		return s.end(err)
	}
	return s.resample(pcm[:n]), nil
}

func (s *soundReader) resample(pcm []int16) []int16 {
	if s.convert == nil {
		return pcm
	}
	return s.convert.Process(nil, pcm)
}

// end gives what the resampler still holds, and then err.
func (s *soundReader) end(err error) ([]int16, error) {
	if s.convert == nil || !errors.Is(err, io.EOF) {
		return nil, err
	}
	tail := s.convert.Flush(nil)
	s.convert = nil
	return tail, nil
}

// begin finds out what the server sent.
func (s *soundReader) begin() error {
	head, err := s.r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.Equal(head, []byte("RIFF")):
		if s.wav, err = media.NewWAVReader(s.r); errors.Is(err, media.ErrWAV) {
			return fault.Wrap(err, fault.Provider, "the voice sent a WAV file that cannot be read")
		} else if err != nil {
			return err
		}
		s.rate, s.channels = s.wav.Rate, s.wav.Channels
	case notSound(s.kind, head):
		return fault.New(fault.Provider, "the voice sent %s instead of PCM or WAV", orUnknown(s.kind))
	}
	if !slices.Contains(rates, s.rate) || s.channels < 1 || s.channels > maxChannels {
		return fault.New(fault.Provider, "the voice sent sound of %d Hz with %d channels", s.rate, s.channels)
	}
	if s.rate != media.MouthRate {
		s.convert = media.NewResampler(s.rate, media.MouthRate)
	}
	return nil
}

// notSound reports compressed sound and anything else that would be noise if played.
func notSound(kind string, head []byte) bool {
	switch kind {
	case "application/json", "text/html", "text/plain", "text/event-stream", "audio/mpeg", "audio/mp3", "audio/ogg", "audio/opus", "audio/aac", "audio/flac", "audio/mp4", "audio/webm":
		return true
	}
	return slices.Contains([]string{"OggS", "fLaC"}, string(head)) || bytes.HasPrefix(head, []byte("ID3"))
}

func orUnknown(kind string) string {
	if kind == "" {
		return "something"
	}
	return kind
}

// mono is s16le of so many channels as one.
func mono(b []byte, channels int) []int16 {
	out := make([]int16, len(b)/2/channels)
	for i := range out {
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(b[2*(i*channels+c):])))
		}
		out[i] = int16(sum / channels)
	}
	return out
}
