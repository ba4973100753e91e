package media

import "time"

// Answered is who took a call.
type Answered int

const (
	Unknown Answered = iota // it cannot be said yet
	Person
	Machine
	Nobody // nothing was heard at all
)

// What tells a person from a machine, in the way of the field: a person says a word or two
// and waits; a machine talks on.
const (
	screenSilence = 5 * time.Second         // without a sound: nobody
	shortGreeting = 1800 * time.Millisecond // of speech, and
	shortWait     = 600 * time.Millisecond  // of silence behind it: a person
	longGreeting  = 3400 * time.Millisecond // a person at work says as much, and
	longWait      = 1200 * time.Millisecond // waits; a machine goes on, or beeps
	screenTime    = 12 * time.Second        // after which it is what it looks like
	speechLevel   = 0.5                     // probability from which a frame counts as speech
	cough         = 100 * time.Millisecond  // of sound that is no word
)

// Screener tells answering machines from people by how the first seconds sound. Not safe
// for concurrent use.
type Screener struct {
	beep    Beep
	at      time.Duration
	onset   time.Duration // of the first word
	last    time.Duration // the end of the last word
	word    time.Duration // that is being said
	speech  time.Duration
	beeped  bool
	verdict Answered
	why     string
}

// Hear takes the next frame (EarFrame samples at EarRate) with the probability that it
// holds speech. Once the verdict is known it stays, except that a beep makes a person a
// machine.
func (s *Screener) Hear(frame []int16, speech float32) (Answered, string) {
	s.at += FrameTime
	if s.beep.Hear(frame) {
		s.beeped = true
		return s.decide(Machine, "a beep")
	}
	switch {
	case speech >= speechLevel && !s.beep.Sounds():
		s.word += FrameTime
		if s.word > cough {
			if s.speech == 0 {
				s.onset = s.at - s.word
			}
			s.last = s.at
			s.speech += FrameTime
		}
	default:
		s.word = 0
	}
	if s.verdict != Unknown {
		return s.verdict, s.why
	}
	greeting, silence := s.last-s.onset, s.at-s.last
	switch {
	case s.speech == 0 && s.at >= screenSilence:
		return s.decide(Nobody, "no sound")
	case s.speech == 0:
	case greeting <= shortGreeting && silence >= shortWait:
		return s.decide(Person, "a short greeting")
	case greeting <= longGreeting && silence >= longWait:
		return s.decide(Person, "a greeting, and silence")
	case greeting > longGreeting:
		return s.decide(Machine, "a long greeting")
	case s.at >= screenTime:
		return s.decide(Person, "no sign of a machine")
	}
	return Unknown, ""
}

// Words takes what a recogniser says was said: some things only machines say.
func (s *Screener) Words(machine bool) {
	if machine {
		s.decide(Machine, "its words")
	}
}

func (s *Screener) decide(a Answered, why string) (Answered, string) {
	s.verdict, s.why = a, why
	return a, why
}

// Verdict is what is known so far.
func (s *Screener) Verdict() (Answered, string) { return s.verdict, s.why }

// Beeped reports whether the machine's beep has ended.
func (s *Screener) Beeped() bool { return s.beeped }

// Silence is for how long nothing was said.
func (s *Screener) Silence() time.Duration { return s.at - s.last }

const (
	beepLowest  = 370  // Hz; below are voices
	beepHighest = 2600 // what a telephone carries well
	beepPure    = 0.85 // of the power is at one frequency
	beepLoud    = 100  // RMS, about -50 dB of full scale
	beepShort   = 6    // frames at least: 120 ms
	beepLong    = 125  // and at most: 2.5 s; what lasts is a fax or a dial tone
	beepDrift   = 16   // Hz from frame to frame
	ringingLow  = 418  // the tones of networks: 425 Hz, and 440 with 480
	ringingHigh = 432
)

// Beep finds the tone after which answering machines record: a pure one that stays where
// it is for 0.12 to 2.5 s. Keys are two tones and voices have harmonics. Not safe for
// concurrent use; it does not allocate.
type Beep struct {
	fft    spectrum
	power  [fftHalf]float32
	window [fftSize]float32
	frames int     // of the tone so far
	gap    int     // frames since
	hz     float32 // of its last frame
}

// Sounds reports whether a tone sounds now that may become a beep.
func (b *Beep) Sounds() bool { return b.frames >= 3 }

// Hear takes the next frame (EarFrame samples at EarRate) and reports whether a beep has
// just ended.
func (b *Beep) Hear(frame []int16) bool {
	copy(b.window[:], b.window[EarFrame:])
	for i, x := range frame[:EarFrame] {
		b.window[fftSize-EarFrame+i] = float32(x)
	}
	hz, ok := b.tone()
	switch {
	case ok && (b.frames == 0 || hz-b.hz < beepDrift && b.hz-hz < beepDrift):
		b.frames, b.gap, b.hz = b.frames+1, 0, hz
		return false
	case ok:
		b.frames, b.gap, b.hz = 1, 0, hz
		return false
	case b.frames == 0:
		return false
	case b.gap == 0: // one frame may be lost
		b.gap++
		return false
	}
	ended := b.frames >= beepShort && b.frames <= beepLong && (b.hz < ringingLow || b.hz > ringingHigh)
	b.frames, b.gap = 0, 0
	return ended
}

// tone is the frequency that has nearly all the power of the window.
func (b *Beep) tone() (hz float32, ok bool) {
	b.fft.power(&b.power, &b.window)
	const bin = float32(EarRate) / fftSize
	var all float32
	peak := 1
	for k := 2; k < fftHalf-1; k++ {
		all += b.power[k]
		if b.power[k] > b.power[peak] {
			peak = k
		}
	}
	if peak < 2 || peak > fftHalf-3 {
		return 0, false
	}
	l, c, r := b.power[peak-1], b.power[peak], b.power[peak+1]
	near := b.power[peak-2] + l + c + r + b.power[peak+2]
	hz = (float32(peak) + (r-l)/(l+c+r+1)) * bin // the centre of gravity of a Hann window's peak
	var energy float32
	for _, x := range b.window[fftSize-EarFrame:] {
		energy += x * x
	}
	return hz, near > beepPure*all && energy > beepLoud*beepLoud*EarFrame && hz > beepLowest && hz < beepHighest
}
