package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	wavSkip     = 16 << 20 // most bytes of other chunks before the audio
	wavFormat   = 64       // bytes of a format chunk that are read
	wavChannels = 8
	wavPCM      = 1
	wavFloat    = 3
	wavALaw     = 6
	wavMuLaw    = 7
	wavExtended = 0xfffe
	wavStreamed = 0xffffffff // stands for a size that was unknown when the header was written
)

// ErrWAV reports a file that is not WAV, or a kind of WAV that WAVReader does not read.
var ErrWAV = errors.New("not a usable WAV file")

// WAVReader reads a RIFF WAVE file (Microsoft and IBM, Multimedia Programming
// Interface and Data Specifications 1.0, chapter 3) as mono PCM: 8, 16, 24 or 32 bits,
// 32-bit float or G.711, with up to eight channels, which it mixes. It does not seek, and
// its memory does not depend on the sizes in the file, so it is safe for foreign files.
type WAVReader struct {
	// Rate is in Hz, 4,000 to 192,000.
	Rate int
	// Channels is the number of channels in the file; Read returns their mean.
	Channels int

	r      io.Reader
	sample func([]byte) float32
	width  int // bytes of one sample of one channel
	buf    [4096]byte
}

// NewWAVReader reads the header. A size of 0 or 0xFFFFFFFF, as streaming programs write
// it, means that the audio lasts to the end of the file. Format errors are ErrWAV; other
// errors are those of r.
func NewWAVReader(r io.Reader) (*WAVReader, error) {
	w := &WAVReader{r: r}
	var head [12]byte
	if err := w.fill(head[:]); err != nil {
		return nil, err
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, fmt.Errorf("%w: no RIFF WAVE header", ErrWAV)
	}
	for skipped := int64(0); ; {
		if err := w.fill(head[:8]); err != nil {
			return nil, err
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		switch id := string(head[:4]); {
		case id == "data" && w.width == 0:
			return nil, fmt.Errorf("%w: no fmt chunk before the audio", ErrWAV)
		case id == "data":
			if size != 0 && size != wavStreamed {
				w.r = io.LimitReader(r, size)
			}
			return w, nil
		case id == "fmt ":
			if err := w.format(size); err != nil {
				return nil, err
			}
			size = max(size-wavFormat, 0)
		}
		size += int64(head[4] & 1) // chunks are padded to even lengths
		if skipped += size; skipped > wavSkip {
			return nil, fmt.Errorf("%w: more than %d MB before the audio", ErrWAV, wavSkip>>20)
		}
		if _, err := io.CopyN(io.Discard, r, size); err != nil {
			return nil, cutShort(err)
		}
	}
}

// fill reads all of b.
func (w *WAVReader) fill(b []byte) error {
	_, err := io.ReadFull(w.r, b)
	return cutShort(err)
}

func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it ends before the audio", ErrWAV)
	}
	return err
}

// format reads the first wavFormat bytes of a format chunk.
func (w *WAVReader) format(size int64) error {
	var b [wavFormat]byte
	if size < 16 {
		return fmt.Errorf("%w: its fmt chunk has %d bytes", ErrWAV, size)
	}
	if err := w.fill(b[:min(size, wavFormat)]); err != nil {
		return err
	}
	code := binary.LittleEndian.Uint16(b[0:])
	w.Channels = int(binary.LittleEndian.Uint16(b[2:]))
	w.Rate = int(binary.LittleEndian.Uint32(b[4:]))
	block := int(binary.LittleEndian.Uint16(b[12:]))
	bits := int(binary.LittleEndian.Uint16(b[14:]))
	if code == wavExtended && size >= 26 {
		code = binary.LittleEndian.Uint16(b[24:]) // the first bytes of the sub-format's GUID
	}
	switch {
	case w.Channels < 1 || w.Channels > wavChannels:
		return fmt.Errorf("%w: %d channels (want 1 to 8)", ErrWAV, w.Channels)
	case w.Rate < 4000 || w.Rate > 192000:
		return fmt.Errorf("%w: %d Hz (want 4000 to 192000)", ErrWAV, w.Rate)
	case block != w.Channels*bits/8:
		return fmt.Errorf("%w: blocks of %d bytes for %d channels of %d bits", ErrWAV, block, w.Channels, bits)
	}
	switch w.width = bits / 8; {
	case code == wavPCM && bits == 8:
		w.sample = func(b []byte) float32 { return float32(int(b[0])-128) * 256 }
	case code == wavPCM && bits == 16:
		w.sample = func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) }
	case code == wavPCM && bits == 24:
		w.sample = func(b []byte) float32 {
			return float32(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 16)
		}
	case code == wavPCM && bits == 32:
		w.sample = func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 16) }
	case code == wavFloat && bits == 32:
		w.sample = func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) * 32768 }
	case code == wavALaw && bits == 8:
		w.sample = func(b []byte) float32 { return float32(pcmaDecode[b[0]]) }
	case code == wavMuLaw && bits == 8:
		w.sample = func(b []byte) float32 { return float32(pcmuDecode[b[0]]) }
	default:
		return fmt.Errorf("%w: format %d with %d bits", ErrWAV, code, bits)
	}
	return nil
}

// Read fills dst with mono samples and returns how many it read; at the end of the audio
// it returns 0 and io.EOF. A truncated file is not an error.
func (w *WAVReader) Read(dst []int16) (int, error) {
	if len(dst) == 0 {
		return 0, nil
	}
	block := w.width * w.Channels
	b := w.buf[:min(len(dst), len(w.buf)/block)*block]
	got, err := io.ReadFull(w.r, b)
	n := got / block
	for i := range n {
		sum := float32(0)
		for c := range w.Channels {
			sum += w.sample(b[i*block+c*w.width:])
		}
		if sum != sum { // NaN
			sum = 0
		}
		dst[i] = clip(sum / float32(w.Channels))
	}
	switch {
	case n > 0:
		return n, nil // r returns its error again
	case err == nil || err == io.ErrUnexpectedEOF:
		return 0, io.EOF
	}
	return 0, err
}

// ReadWAV reads a whole file as mono PCM. More than limit samples are ErrWAV.
func ReadWAV(r io.Reader, limit int) (pcm []int16, rate int, err error) {
	w, err := NewWAVReader(r)
	if err != nil {
		return nil, 0, err
	}
	var piece [2048]int16
	for {
		n, err := w.Read(piece[:])
		switch {
		case err == io.EOF:
			return pcm, w.Rate, nil
		case err != nil:
			return nil, 0, fmt.Errorf("read WAV: %w", err)
		case len(pcm)+n > limit:
			return nil, 0, fmt.Errorf("%w: longer than %d samples", ErrWAV, limit)
		}
		pcm = append(pcm, piece[:n]...)
	}
}
