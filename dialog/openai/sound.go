package openai

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strconv"

	"frontdesk/fault"
	"frontdesk/media"
)

const (
	wavPCM        = 1
	wavExtensible = 0xFFFE  // its subformat is taken to be PCM, as its width says 16 bits
	maxWAVHeader  = 1 << 20 // bytes before the sound: a server may send tags
	maxChannels   = 8
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
	left     int64 // bytes of sound to come, -1 when the server does not tell
	begun    bool
	carry    []byte // of a frame that is not complete
	convert  *media.Resampler
}

func newSoundReader(r io.Reader, kind string, params map[string]string) *soundReader {
	s := &soundReader{r: bufio.NewReaderSize(r, 16<<10), kind: kind, rate: media.MouthRate, channels: 1, left: -1}
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
	if s.left == 0 {
		return s.end(io.EOF)
	}
	buf := make([]byte, len(s.carry), len(s.carry)+s.r.Size())
	copy(buf, s.carry)
	room := buf[len(buf):cap(buf)]
	if s.left > 0 && s.left < int64(len(room)) {
		room = room[:s.left]
	}
	n, err := s.r.Read(room)
	if n == 0 && err != nil { // an error that comes with sound comes again without
		return s.end(err)
	}
	if s.left > 0 {
		s.left -= int64(n)
	}
	buf = buf[:len(buf)+n]
	whole := len(buf) - len(buf)%(2*s.channels)
	s.carry = append(s.carry[:0], buf[whole:]...)
	return s.resample(mono(buf[:whole], s.channels)), nil
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
		if err := s.readWAVHeader(); err != nil {
			return err
		}
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

var errWAV = fault.New(fault.Provider, "the voice sent a WAV file that cannot be read")

// readWAVHeader reads up to the sound. A streamed file does not know its length: it
// then tells 0 or close to the largest number, which means to the end.
func (s *soundReader) readWAVHeader() error {
	var riff [12]byte
	if _, err := io.ReadFull(s.r, riff[:]); err != nil || string(riff[8:]) != "WAVE" {
		return wavError(err)
	}
	formatted := false
	for read := int64(0); read < maxWAVHeader; {
		var head [8]byte
		if _, err := io.ReadFull(s.r, head[:]); err != nil {
			return wavError(err)
		}
		id, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		if id == "data" {
			if !formatted {
				return errWAV
			}
			if s.left = size; size == 0 || size >= 0x7FFFFF00 {
				s.left = -1
			}
			return nil
		}
		if id == "fmt " {
			n, err := s.readFormat(size)
			if err != nil {
				return err
			}
			size, formatted = size-n, true
		}
		size += (size & 1) // chunks are padded to even length
		if read += size + 8; read > maxWAVHeader {
			break
		}
		if _, err := io.CopyN(io.Discard, s.r, size); err != nil {
			return wavError(err)
		}
	}
	return errWAV
}

// readFormat reads the fixed part of a format chunk and returns its length.
func (s *soundReader) readFormat(size int64) (int64, error) {
	var f [16]byte
	if size < int64(len(f)) {
		return 0, errWAV
	}
	if _, err := io.ReadFull(s.r, f[:]); err != nil {
		return 0, wavError(err)
	}
	format, bits := binary.LittleEndian.Uint16(f[0:]), binary.LittleEndian.Uint16(f[14:])
	if (format != wavPCM && format != wavExtensible) || bits != 16 {
		return 0, fault.New(fault.Provider, "the voice sent a WAV file of format %d with %d bits; 16-bit PCM is understood", format, bits)
	}
	s.channels = int(binary.LittleEndian.Uint16(f[2:]))
	s.rate = int(min(binary.LittleEndian.Uint32(f[4:]), 1<<20))
	return int64(len(f)), nil
}

// wavError keeps a failure to read apart from a file that is short.
func wavError(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errWAV
	}
	return err
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
