package caller

import (
	"encoding/binary"
	"math"
	"slices"

	"frontdesk/fault"
	"frontdesk/media"
)

// Formats of WAV files (RFC 2361).
const (
	wavPCM        = 1
	wavFloat      = 3
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xFFFE // the format is in the extension
)

const maxChannels = 8

// wavRates are those that recordings come at; a resampler for any other could be huge.
var wavRates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

// wavFormat is what a WAV file says of its samples.
type wavFormat struct {
	kind, channels, rate, bits int
}

// decodeWAV reads a WAV file of any usual format as mono. A file that ends early, or
// does not know its length, gives what is there. The error is a fault.Error.
func decodeWAV(b []byte) (pcm []int16, rate int, err error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, 0, fault.New(fault.Invalid, "it is not a WAV file")
	}
	var f wavFormat
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), uint64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		body := b[:min(size, uint64(len(b)))]
		switch {
		case id == "fmt ":
			if f, err = readFormat(body); err != nil {
				return nil, 0, err
			}
		case id == "data" && f.rate == 0:
			return nil, 0, fault.New(fault.Invalid, "the WAV file has sound before its format")
		case id == "data":
			if size == 0 { // a stream's
				body = b
			}
			pcm, err = f.mono(body)
			return pcm, f.rate, err
		}
		b = b[min(size+size&1, uint64(len(b))):] // chunks are padded to even length
	}
	return nil, 0, fault.New(fault.Invalid, "the WAV file has no sound")
}

func readFormat(b []byte) (wavFormat, error) {
	if len(b) < 16 {
		return wavFormat{}, fault.New(fault.Invalid, "the WAV file's format is cut short")
	}
	at := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	f := wavFormat{kind: at(0), channels: at(2), rate: int(binary.LittleEndian.Uint32(b[4:])), bits: at(14)}
	if f.kind == wavExtensible && len(b) >= 26 {
		f.kind = at(24)
	}
	if f.channels < 1 || f.channels > maxChannels || !slices.Contains(wavRates, f.rate) {
		return f, fault.New(fault.Invalid, "%d channels at %d Hz are not supported", f.channels, f.rate)
	}
	return f, nil
}

// mono mixes the channels of b.
func (f wavFormat) mono(b []byte) ([]int16, error) {
	read, ok := map[wavFormat]func([]byte) int16{
		{kind: wavPCM, bits: 8}:    func(b []byte) int16 { return int16(int(b[0])-128) << 8 },
		{kind: wavPCM, bits: 16}:   func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b)) },
		{kind: wavPCM, bits: 24}:   func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b[1:])) },
		{kind: wavPCM, bits: 32}:   func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b[2:])) },
		{kind: wavFloat, bits: 32}: func(b []byte) int16 { return fromFloat(math.Float32frombits(binary.LittleEndian.Uint32(b))) },
		{kind: wavALaw, bits: 8}:   func(b []byte) int16 { return media.DecodePCMA(nil, b[:1])[0] },
		{kind: wavMuLaw, bits: 8}:  func(b []byte) int16 { return media.DecodePCMU(nil, b[:1])[0] },
	}[wavFormat{kind: f.kind, bits: f.bits}]
	if !ok {
		return nil, fault.New(fault.Invalid, "the WAV file's format %d with %d bits is not supported", f.kind, f.bits)
	}
	width := f.bits / 8
	pcm := make([]int16, len(b)/width/f.channels)
	for i := range pcm {
		sum := 0
		for c := range f.channels {
			sum += int(read(b[(i*f.channels+c)*width:]))
		}
		pcm[i] = int16(sum / f.channels)
	}
	return pcm, nil
}

// fromFloat takes full scale as 1; what is beyond it, and what is no number, is cut.
func fromFloat(v float32) int16 {
	switch {
	case v >= 1:
		return math.MaxInt16
	case v <= -1:
		return math.MinInt16
	case v != v:
		return 0
	}
	return int16(v * math.MaxInt16)
}
