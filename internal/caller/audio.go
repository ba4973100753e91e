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
	audibleLevel = 60 // RMS of 5 ms, about -55 dBFS; a decoder of silence gives 0
)

// audio is the caller's end of the media: a microphone that sends without pause, a
// speaker that measures when audio is audible, and a recorder of both.
type audio struct {
	microphone *microphone
	speaker    *speaker
	recorder   *recorder
}

func newAudio(send func(frame []int16) error) *audio {
	r := newRecorder()
	return &audio{recorder: r, microphone: &microphone{send: send, recorder: r}, speaker: &speaker{recorder: r}}
}

// microphone sends the caller's audio. It is the sink of a Playout that plays nothing and
// only serves as the 20 ms clock.
type microphone struct {
	send     func(frame []int16) error
	recorder *recorder

	mu        sync.Mutex
	pcm       []int16 // still to send
	end       int     // sample of pcm after the last one with speech; negative once it was sent
	speechEnd time.Time
}

// say starts to send pcm, whose speech ends before sample end.
func (m *microphone) say(pcm []int16, end int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pcm, m.end, m.speechEnd = pcm, end, time.Time{}
}

// progress returns when the last sample with speech was spoken (zero before that) and
// whether everything has been sent.
func (m *microphone) progress() (speechEnd time.Time, isSent bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.speechEnd, len(m.pcm) == 0
}

// WriteFrame implements media.Sink. It ignores its argument and sends the next 20 ms.
func (m *microphone) WriteFrame([]int16) error {
	var frame [media.MouthFrame]int16
	now := time.Now()
	m.fill(frame[:], now)
	m.recorder.addCaller(frame[:], now)
	return m.send(frame[:])
}

// trackSender returns a function that sends frames over a track.
func trackSender(track *webrtc.TrackLocalStaticSample, enc encoder) func([]int16) error {
	packet := make([]byte, maxPacket)
	return func(frame []int16) error {
		payload, err := enc.Encode(packet, frame)
		if err != nil {
			return err
		}
		err = track.WriteSample(wavefile.Sample{Data: payload, Duration: media.FrameTime})
		if errors.Is(err, io.ErrClosedPipe) {
			return nil // the connection is closing, and its own events report that
		}
		return err
	}
}

// fill fills frame with the next audio, or silence. A frame sent now was spoken during
// the 20 ms before now.
func (m *microphone) fill(frame []int16, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := copy(frame, m.pcm)
	m.pcm = m.pcm[n:]
	if m.end > 0 {
		if m.end <= n {
			m.speechEnd = now.Add(-duration(media.MouthFrame-m.end, media.MouthRate))
		}
		m.end -= n
	}
}

// duration of n samples.
func duration(n, rate int) time.Duration { return time.Duration(n) * time.Second / time.Duration(rate) }

// speaker decodes packets as they arrive, without a jitter buffer: a sample counts as
// audible from the arrival of its packet.
type speaker struct {
	recorder *recorder

	mu         sync.Mutex
	talkspurts []talkspurt
}

// talkspurt is a stretch of audible audio, with gaps of at most talkspurtGap.
type talkspurt struct {
	first, last time.Time
	audible     time.Duration // sum of its audible blocks
}

const talkspurtGap = 150 * time.Millisecond

// playTrack reads a track until it ends.
func (s *speaker) playTrack(track *webrtc.TrackRemote) {
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
		s.play(pcm, duration(int(p.Timestamp), int(track.Codec().ClockRate)), now)
	}
}

// play records pcm (at EarRate), which is heard from now on, and measures which part of it
// is audible. position is its RTP timestamp.
func (s *speaker) play(pcm []int16, position time.Duration, now time.Time) {
	s.measure(pcm, now)
	s.recorder.addAgent(pcm, position, now)
}

func (s *speaker) measure(pcm []int16, now time.Time) {
	const size = media.EarRate / 200
	audible, first := time.Duration(0), -1
	for at := 0; at < len(pcm); at += size {
		block := pcm[at:min(at+size, len(pcm))]
		if media.RMS(block) >= audibleLevel {
			audible += duration(len(block), media.EarRate)
			if first < 0 {
				first = at
			}
		}
	}
	if first < 0 {
		return
	}
	start, end := now.Add(duration(first, media.EarRate)), now.Add(duration(len(pcm), media.EarRate))
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.talkspurts); n > 0 && start.Sub(s.talkspurts[n-1].last) <= talkspurtGap {
		s.talkspurts[n-1].last = end
		s.talkspurts[n-1].audible += audible
		return
	}
	s.talkspurts = append(s.talkspurts, talkspurt{first: start, last: end, audible: audible})
}

// between adds up the talkspurts that began in [from, to); a zero to means now.
func (s *speaker) between(from, to time.Time) talkspurt {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all talkspurt
	for _, next := range s.talkspurts {
		if !next.beganBetween(from, to) {
			continue
		}
		if all.first.IsZero() {
			all.first = next.first
		}
		all.last = next.last
		all.audible += next.audible
	}
	return all
}

// lastBetween returns the last talkspurt that began in [from, to); a zero to means now.
func (s *speaker) lastBetween(from, to time.Time) talkspurt {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, next := range slices.Backward(s.talkspurts) {
		if next.beganBetween(from, to) {
			return next
		}
	}
	return talkspurt{}
}

func (s talkspurt) beganBetween(from, to time.Time) bool {
	return !s.first.Before(from) && (to.IsZero() || s.first.Before(to))
}

// quietSince returns when the last talkspurt ended; zero if there was none.
func (s *speaker) quietSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.talkspurts) == 0 {
		return time.Time{}
	}
	return s.talkspurts[len(s.talkspurts)-1].last
}
