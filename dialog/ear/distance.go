package ear

import "math"

// Between the turns of one caller the level varies by a few dB: of 8 synthetic voices at -30
// to -22 dB of full scale and one human voice, no turn was taken for another voice at its end,
// and 0.5 % after 0.85 s. Of people 8, 9, 10 dB below the caller in a reverberant room, 73,
// 97 and 100 % were told apart after 0.85 s.
const (
	distantLevel  = 6.5 // dB below the caller's usual level: a mean below it is another voice
	onsetLevel    = 7   // dB below it that the first audio of the caller exceeds, p95 after 140 ms
	closeLevel    = 2   // dB below it: a voice that exceeds this over a softer one is the caller's
	onsetVoice    = 5   // frames that are compared with onsetLevel
	closeVoice    = 8   // frames that are compared with closeLevel
	distanceVoice = 25  // frames of voice that give a mean
)

// distance tells the caller from softer voices, such as a television or people near the
// telephone, by the level of the caller's last two turns. The softer of the two counts, so
// that a caller who moves away or whispers is known from the next turn on.
type distance struct {
	turns [2]float64 // mean squares of the latest two turns; 0 is unknown
	last  [closeVoice]float64

	sum, total     float64 // of the mean squares since the voice last became the caller's, and of all
	frames, voiced int     // in them
	isDistant      bool
}

// usual returns the mean square of the caller's voice, or 0 if it is unknown.
func (d *distance) usual() float64 {
	if d.turns[1] == 0 {
		return d.turns[0]
	}
	return min(d.turns[0], d.turns[1])
}

// begin begins an utterance.
func (d *distance) begin() {
	d.sum, d.total, d.frames, d.voiced = 0, 0, 0, 0
	d.isDistant = d.usual() > 0
}

// add adds a frame with speech, of the given mean square, and reports whether isDistant has
// changed.
func (d *distance) add(level float64) bool {
	d.last[d.voiced%closeVoice] = level
	d.sum, d.total = d.sum+level, d.total+level
	d.frames, d.voiced = d.frames+1, d.voiced+1
	usual, was := d.usual(), d.isDistant
	switch {
	case usual == 0:
	case d.frames < distanceVoice:
		if d.frames >= onsetFrames && d.recent(onsetVoice) >= below(usual, onsetLevel) {
			d.isDistant = false
		}
	case d.sum/float64(d.frames) >= below(usual, distantLevel):
		d.isDistant = false
	case d.isDistant && d.recent(closeVoice) >= below(usual, closeLevel):
		d.isDistant, d.frames, d.sum = false, closeVoice, closeVoice*d.recent(closeVoice)
	default:
		d.isDistant = true
	}
	return d.isDistant != was
}

// recent returns the mean of the last n levels of the utterance.
func (d *distance) recent(n int) float64 {
	n = min(n, d.voiced)
	sum := 0.0
	for i := range n {
		sum += d.last[(d.voiced-1-i)%closeVoice]
	}
	return sum / float64(max(n, 1))
}

// end ends an utterance, and learns from it unless it was another voice over the agent's.
func (d *distance) end(isOverAgent bool) {
	if d.voiced >= distanceVoice && !(d.isDistant && isOverAgent) {
		d.turns[1], d.turns[0] = d.turns[0], d.total/float64(d.voiced)
	}
}

// below returns a mean square the given number of dB below level.
func below(level, db float64) float64 { return level * math.Pow(10, -db/10) }
