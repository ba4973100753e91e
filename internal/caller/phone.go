package caller

import (
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	wavefile "github.com/pion/webrtc/v4/pkg/media"

	"frontdesk/media"
)

const (
	maxPacket    = 1500
	audibleLevel = 60 // RMS of 5 ms, about -55 dB of full scale; a silent decoder gives 0
)

// phone is the caller's end of the sound: a mouthpiece that never stops sending, as a
// real one, an earpiece that notes what was audible, and a tape of both.
type phone struct {
	began time.Time
	mouth *mouthpiece
	ear   *earpiece
	tape  *tape
}

func newPhone(send func(frame []int16) error) *phone {
	t := newTape()
	return &phone{began: t.began, tape: t, mouth: &mouthpiece{send: send, tape: t}, ear: &earpiece{tape: t}}
}

// mouthpiece sends the caller's sound: it is the sink of a playout clock to which
// nothing is written, so that it is asked for a frame every 20 ms.
type mouthpiece struct {
	send func(frame []int16) error
	tape *tape

	mu    sync.Mutex
	pcm   []int16 // still to send
	end   int     // sample of pcm behind the last one with speech; less than 0 once it was sent
	ended time.Time
}

// say begins to send pcm, whose speech ends before the sample end.
func (m *mouthpiece) say(pcm []int16, end int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pcm, m.end, m.ended = pcm, end, time.Time{}
}

// said tells when the last sample with speech was spoken, zero before that, and
// whether everything has been sent.
func (m *mouthpiece) said() (speechEnd time.Time, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended, len(m.pcm) == 0
}

// WriteFrame implements media.Sink: it sends the next 20 ms.
func (m *mouthpiece) WriteFrame([]int16) error {
	var frame [media.MouthFrame]int16
	now := time.Now()
	m.take(frame[:], now)
	m.tape.left(frame[:], now)
	return m.send(frame[:])
}

// sender sends frames over a track.
func sender(track *webrtc.TrackLocalStaticSample, enc encoder) func([]int16) error {
	packet := make([]byte, maxPacket)
	return func(frame []int16) error {
		payload, err := enc.Encode(packet, frame)
		if err != nil {
			return err
		}
		err = track.WriteSample(wavefile.Sample{Data: payload, Duration: media.FrameTime})
		if errors.Is(err, io.ErrClosedPipe) {
			return nil // the connection is going down, which the events tell
		}
		return err
	}
}

// take fills frame with what is to be said and silence behind it. A frame that leaves
// now was spoken in the 20 ms before.
func (m *mouthpiece) take(frame []int16, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := copy(frame, m.pcm)
	m.pcm = m.pcm[n:]
	if m.end > 0 {
		if m.end <= n {
			m.ended = now.Add(-samples(media.MouthFrame-m.end, media.MouthRate))
		}
		m.end -= n
	}
}

func samples(n, rate int) time.Duration { return time.Duration(n) * time.Second / time.Duration(rate) }

// earpiece decodes what arrives, at once: an audible sample counts from when its packet came.
type earpiece struct {
	tape *tape

	mu     sync.Mutex
	sounds []sound
}

// sound is a stretch of audible sound, with gaps of no more than soundGap.
type sound struct {
	first, last time.Time
	lasted      time.Duration // of its audible frames
}

const soundGap = 150 * time.Millisecond

// listen reads a track until it ends.
func (e *earpiece) listen(track *webrtc.TrackRemote) {
	decoder, err := newDecoder(track.Codec().MimeType)
	if err != nil {
		return
	}
	buf := make([]byte, maxPacket)
	pcm := make([]int16, 0, media.EarRate)
	var p rtp.Packet
	for {
		n, _, err := track.Read(buf)
		if err != nil {
			return
		}
		if p.Unmarshal(buf[:n]) != nil {
			continue
		}
		now := time.Now()
		if pcm, err = decoder.Decode(pcm[:0], p.Payload); err != nil {
			continue
		}
		e.heard(pcm, now)
		e.tape.right(pcm, samples(int(p.Timestamp), int(track.Codec().ClockRate)), now)
	}
}

// heard notes what is audible in pcm (at EarRate), which begins to sound at now.
func (e *earpiece) heard(pcm []int16, now time.Time) {
	const size = media.EarRate / 200
	audible, first := time.Duration(0), -1
	for at := 0; at < len(pcm); at += size {
		block := pcm[at:min(at+size, len(pcm))]
		if rms(block) >= audibleLevel {
			audible += samples(len(block), media.EarRate)
			if first < 0 {
				first = at
			}
		}
	}
	if first < 0 {
		return
	}
	start, end := now.Add(samples(first, media.EarRate)), now.Add(samples(len(pcm), media.EarRate))
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.sounds); n > 0 && start.Sub(e.sounds[n-1].last) <= soundGap {
		e.sounds[n-1].last = end
		e.sounds[n-1].lasted += audible
		return
	}
	e.sounds = append(e.sounds, sound{first: start, last: end, lasted: audible})
}

// between sums up what was audible of the sounds that began in [from, to); a zero to
// is now.
func (e *earpiece) between(from, to time.Time) sound {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all sound
	for _, s := range e.sounds {
		if s.first.Before(from) || (!to.IsZero() && !s.first.Before(to)) {
			continue
		}
		if all.first.IsZero() {
			all.first = s.first
		}
		all.last = s.last
		all.lasted += s.lasted
	}
	return all
}

// last is the last of the sounds that began in [from, to).
func (e *earpiece) last(from, to time.Time) sound {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range slices.Backward(e.sounds) {
		if !s.first.Before(from) && (to.IsZero() || s.first.Before(to)) {
			return s
		}
	}
	return sound{}
}

// quietSince is when the last sound so far ended; zero when there was none.
func (e *earpiece) quietSince() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.sounds) == 0 {
		return time.Time{}
	}
	return e.sounds[len(e.sounds)-1].last
}
