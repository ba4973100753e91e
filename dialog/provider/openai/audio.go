package openai

import (
	"bufio"
	"bytes"
	"cmp"
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
	wavReadLen  = 2048 // samples read from a WAV file at once
)

// sampleRates lists the accepted rates. A resampler for an arbitrary rate could be huge.
var sampleRates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

// audioReader converts the body of a speech response to mono PCM at MouthRate. The request
// asks for raw s16le at 24 kHz. Some servers send a WAV file anyway, and some another rate,
// which they name in the content type.
type audioReader struct {
	r           *bufio.Reader
	contentType string
	rate        int
	channels    int
	wav         *media.WAVReader // nil for raw PCM
	hasFormat   bool
	rest        []byte // an incomplete sample
	resampler   *media.Resampler
}

func newAudioReader(r io.Reader, contentType string, params map[string]string) *audioReader {
	a := &audioReader{r: bufio.NewReaderSize(r, 16<<10), contentType: contentType, rate: media.MouthRate, channels: 1}
	if n, err := strconv.Atoi(params["rate"]); err == nil {
		a.rate = n
	}
	if n, err := strconv.Atoi(params["channels"]); err == nil {
		a.channels = n
	}
	return a
}

// next returns the audio that has arrived, or waits for some. The slice may be empty. A
// fault.Error means that the body is not audio of a supported format.
func (a *audioReader) next() ([]int16, error) {
	if !a.hasFormat {
		if err := a.detectFormat(); err != nil {
			return nil, err
		}
		a.hasFormat = true
	}
	if a.wav != nil {
		return a.nextWAV()
	}
	buf := make([]byte, len(a.rest), len(a.rest)+a.r.Size())
	copy(buf, a.rest)
	n, err := a.r.Read(buf[len(buf):cap(buf)])
	if n == 0 && err != nil { // bufio returns an error that came with data again
		return a.flush(err)
	}
	buf = buf[:len(buf)+n]
	whole := len(buf) - len(buf)%(2*a.channels)
	a.rest = append(a.rest[:0], buf[whole:]...)
	return a.resample(mixdown(buf[:whole], a.channels)), nil
}

func (a *audioReader) nextWAV() ([]int16, error) {
	pcm := make([]int16, wavReadLen)
	n, err := a.wav.Read(pcm)
	if err != nil {
		return a.flush(err)
	}
	return a.resample(pcm[:n]), nil
}

func (a *audioReader) resample(pcm []int16) []int16 {
	if a.resampler == nil {
		return pcm
	}
	return a.resampler.Process(nil, pcm)
}

// flush returns the end of the resampler's output once, and err after that.
func (a *audioReader) flush(err error) ([]int16, error) {
	if a.resampler == nil || !errors.Is(err, io.EOF) {
		return nil, err
	}
	tail := a.resampler.Flush(nil)
	a.resampler = nil
	return tail, nil
}

func (a *audioReader) detectFormat() error {
	head, err := a.r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.Equal(head, []byte("RIFF")):
		if a.wav, err = media.NewWAVReader(a.r); errors.Is(err, media.ErrWAV) {
			return fault.Wrap(err, fault.Provider, "the voice sent an unreadable WAV file")
		} else if err != nil {
			return err
		}
		a.rate, a.channels = a.wav.Rate, a.wav.Channels
	case isUnsupported(a.contentType, head):
		return fault.New(fault.Provider, "the voice sent %s (want PCM or WAV)", cmp.Or(a.contentType, "an unknown format"))
	}
	if !slices.Contains(sampleRates, a.rate) || a.channels < 1 || a.channels > maxChannels {
		return fault.New(fault.Provider, "the voice sent audio of %d Hz with %d channels (want one of %v Hz and at most %d channels)",
			a.rate, a.channels, sampleRates, maxChannels)
	}
	if a.rate != media.MouthRate {
		a.resampler = media.NewResampler(a.rate, media.MouthRate)
	}
	return nil
}

// isUnsupported reports compressed audio and other content that would be noise if played as
// PCM.
func isUnsupported(contentType string, head []byte) bool {
	switch contentType {
	case "application/json", "text/html", "text/plain", "text/event-stream", "audio/mpeg", "audio/mp3", "audio/ogg", "audio/opus", "audio/aac", "audio/flac", "audio/mp4", "audio/webm":
		return true
	}
	return slices.Contains([]string{"OggS", "fLaC"}, string(head)) || bytes.HasPrefix(head, []byte("ID3"))
}

// mixdown converts s16le with the given number of channels to mono.
func mixdown(b []byte, channels int) []int16 {
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
