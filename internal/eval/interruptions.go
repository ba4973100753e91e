package eval

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/media"
)

const (
	syntheticSounds = 12   // of each kind that is synthesized
	afterSound      = 4000 // ms that a call continues after the sound
	duckedPower     = 0.25 // of the agent's power before the sound: -6 dB
	levelFrames     = 25   // frames before the sound that give the agent's level
	fullFrames      = 10   // frames at that level after which the voice has resumed
	duckedFrames    = 5    // frames below it after which the voice is ducked, not between phonemes
	silentFrames    = 15   // frames that are longer than the gaps in fluent speech
	audible         = 900  // mean square of an audible frame: -61 dB
)

// announcement is what the agent says when it is interrupted: fluent speech that lasts
// longer than any call here.
const announcement = "Thank you for waiting while I looked at all of the details of your latest order with us and at each of the parcels that belong to it. " +
	"The first of them left our warehouse on Monday morning and should arrive at your house before the end of this week, " +
	"and the second one follows a few days later because one of the lamps had to be sent to us by the manufacturer. " +
	"You will receive a message with the number of the parcel and the name of the driver on the morning of the delivery."

// Interruptions is how a speaking agent reacted to one kind of sound. Times are in
// milliseconds; a quantile of no values is 0.
type Interruptions struct {
	Kind       string  `json:"kind"`
	Cases      int     `json:"cases"`
	Stopped    float64 `json:"stopped_pct"` // the agent stopped its reply
	Resumed    float64 `json:"resumed_pct"` // it continued its reply
	DuckedP50  int     `json:"ducked_ms_p50"`
	DuckedP95  int     `json:"ducked_ms_p95"`
	SilentP50  int     `json:"silent_ms_p50"`
	SilentP95  int     `json:"silent_ms_p95"`
	ResumedP50 int     `json:"resumed_ms_p50"`
	WordsLost  float64 `json:"words_lost_pct"` // of the words that answer or interrupt
}

// Overlap is one sound over the agent's voice, and the agent's reaction.
type Overlap struct {
	*Recording
	Into    int          // ms into the agent's speech at which the recording begins
	Echo    *Loudspeaker // echo of the agent, or nil
	Stopped bool
	Resumed bool
	Ducked  int    // ms from the onset of the sound until the agent was ducked, or -1
	Silent  int    // ms from the onset of the sound until the agent was silent, or -1
	Back    int    // ms from the end of the sound until the agent was back at its level, or -1
	Said    string // transcript of the caller
}

// Interrupts reports whether the agent should stop for the sound.
func (o *Overlap) Interrupts() bool { return o.Category == "interruption" || o.Category == "yes_no" }

// Overlaps returns all kinds of sounds, in the order of RunInterruptions.
func Overlaps() []string {
	return []string{"interruption", "yes_no", "backchannel", "cough", "knock", "echo", "interruption over echo"}
}

// kind returns the kind that o is scored as.
func (o *Overlap) kind() string {
	if o.Echo != nil && o.Category != "echo" {
		return o.Category + " over echo"
	}
	return o.Category
}

// RunInterruptions lets agent speak in real time, plays sounds of the caller to it, early
// and later in its speech, and scores its reaction. The sounds are the recordings of corpus,
// by category, and synthetic coughs and knocks.
func RunInterruptions(ctx context.Context, agent *dialog.Agent, corpus []*Recording) ([]Interruptions, []Overlap, error) {
	var all []Overlap
	for i, r := range append(slices.Clone(corpus), synthesizeSounds()...) {
		if slices.Contains(Overlaps(), r.Category) {
			for _, into := range []int{300, 2000} {
				all = append(all, Overlap{Recording: r, Into: into})
			}
		}
		if r.Category == "interruption" {
			all = append(all, Overlap{Recording: r, Into: 4000, Echo: newLoudspeaker(i)})
		}
	}
	for i := range syntheticSounds {
		all = append(all, Overlap{Recording: newSound("echo", i, 8000), Echo: newLoudspeaker(i)})
	}
	var work errgroup.Group
	work.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range all {
		work.Go(func() error {
			if err := all[i].run(ctx, agent); err != nil {
				return fmt.Errorf("%s: %w", all[i].File, err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, nil, err
	}
	var list []Interruptions
	for _, kind := range Overlaps() {
		if s := scoreOverlaps(kind, all); s.Cases > 0 {
			list = append(list, s)
		}
	}
	return list, all, nil
}

// scoreOverlaps scores the overlaps of one kind.
func scoreOverlaps(kind string, all []Overlap) Interruptions {
	s := Interruptions{Kind: kind}
	var ducked, silent, back []int
	stopped, resumed, lost, words := 0, 0, 0, 0
	for _, o := range all {
		if o.kind() != kind {
			continue
		}
		s.Cases++
		if o.Stopped {
			stopped++
		}
		if o.Resumed {
			resumed++
		}
		ducked, silent = addTime(ducked, o.Ducked), addTime(silent, o.Silent)
		back = addTime(back, o.Back)
		if o.Interrupts() {
			n, total := missing(o.Words, o.Said)
			lost, words = lost+n, words+total
		}
	}
	s.Stopped, s.Resumed = percent(stopped, s.Cases), percent(resumed, s.Cases)
	s.DuckedP50, s.DuckedP95 = quantile(ducked, 0.5), quantile(ducked, 0.95)
	s.SilentP50, s.SilentP95 = quantile(silent, 0.5), quantile(silent, 0.95)
	s.ResumedP50, s.WordsLost = quantile(back, 0.5), percent(lost, words)
	return s
}

func addTime(list []int, ms int) []int {
	if ms < 0 {
		return list
	}
	return append(list, ms)
}

// missing returns how many words of ref are not in said, and how many words ref has.
func missing(ref, said string) (lost, total int) {
	there := make(map[string]int)
	for _, w := range strings.Fields(strings.ToLower(said)) {
		there[strings.Trim(w, ".,?!")]++
	}
	words := strings.Fields(ref)
	for _, w := range words {
		if there[w]--; there[w] < 0 {
			lost++
		}
	}
	return lost, len(words)
}

// run makes one call.
func (o *Overlap) run(ctx context.Context, agent *dialog.Agent) error {
	a := *agent
	a.Greeting, a.Model = announcement, oneSentence{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &overlapCall{overlap: o, clock: time.NewTicker(media.FrameTime), ctx: ctx, done: cancel,
		down: media.NewResampler(media.MouthRate, media.EarRate)}
	defer c.clock.Stop()
	line := dialog.Line{Inputs: make(chan dialog.Heard), Source: c, Sink: c, Emit: c.tell}
	if _, err := conversation.Run(ctx, &a, line, conversation.Options{}); err != nil && !c.ended {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o.judge(c.level, c.sound)
	return nil
}

// judge finds when the agent's level changed. level is the mean square of each frame that
// it sent since it began to speak; sound is the frame in which the recording begins.
func (o *Overlap) judge(level []float64, sound int) {
	begin, end := sound+o.Start/20, sound+o.End/20
	o.Ducked, o.Silent, o.Back = -1, -1, -1
	if sound <= 0 || begin >= len(level) {
		return
	}
	full := mean(level[max(0, sound-levelFrames):sound]) // the agent may react already to the room noise of a recording
	for i := begin; i < len(level); i++ {
		if o.Ducked < 0 && i+duckedFrames <= len(level) && loudest(level, i, duckedFrames) < duckedPower*full {
			o.Ducked = (i - begin) * 20
		}
		if o.Silent < 0 && i+silentFrames <= len(level) && loudest(level, i, silentFrames) < audible {
			o.Silent = (i - begin) * 20
		}
	}
	for i := max(end, begin+max(o.Ducked, o.Silent, 0)/20); !o.Stopped && i+fullFrames <= len(level); i++ {
		if level[i] > max(audible, duckedPower*full) && mean(level[i:i+fullFrames]) > duckedPower*full {
			o.Back = (i - end) * 20
			break
		}
	}
	o.Resumed = !o.Stopped && o.Back >= 0
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}

// loudest returns the level of the loudest of n frames from i on.
func loudest(level []float64, i, n int) float64 { return slices.Max(level[i : i+n]) }

// overlapCall is the caller's side of a call, as media.Source and media.Sink.
type overlapCall struct {
	overlap *Overlap
	clock   *time.Ticker
	ctx     context.Context
	done    func()
	random  uint32

	mu    sync.Mutex
	level []float64 // mean square per frame since the agent began to speak
	sound int       // len(level) when the recording began; 0 before
	at    int       // samples of the recording that were read
	after int       // frames read since its speech ended
	reply string    // ID of the announcement
	ended bool      // the measurement is complete
	voice []int16   // all audio of the agent at media.EarRate
	down  *media.Resampler
}

// ReadFrame implements media.Source: a quiet room and the recording in it.
func (c *overlapCall) ReadFrame(frame []int16) error {
	select {
	case <-c.clock.C:
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	for i := range frame {
		c.random = c.random*1664525 + 1013904223
		frame[i] = int16(c.random>>29) - 4
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.overlap
	if o.Echo != nil {
		o.Echo.add(frame, c.voice)
	}
	if len(c.level)*20 < o.Into {
		return nil
	}
	if c.sound == 0 {
		c.sound = max(len(c.level), 1)
	}
	for i := range frame {
		if c.at < len(o.PCM) {
			frame[i] = clip(float64(frame[i]) + float64(o.PCM[c.at]))
			c.at++
		}
	}
	if c.at >= samples(o.End) {
		c.after++
	}
	if c.after*20 >= afterSound {
		c.ended = true
		c.done()
	}
	return nil
}

// WriteFrame implements media.Sink.
func (c *overlapCall) WriteFrame(frame []int16) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	level := math.Pow(media.RMS(frame), 2)
	if c.overlap.Echo != nil {
		if frame == nil {
			frame = make([]int16, media.MouthFrame)
		}
		c.voice = c.down.Process(c.voice, frame)
	}
	if len(c.level) > 0 || level >= audible {
		c.level = append(c.level, level)
	}
	return nil
}

// tell receives the events of the conversation.
func (c *overlapCall) tell(e dialog.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.overlap
	switch {
	case c.ended:
	case e.Kind == dialog.ReplyStarted && c.reply == "":
		c.reply = e.Response
	case e.Kind == dialog.ReplyEnded && e.Response == c.reply && e.Interrupted:
		o.Stopped = true
	case e.Kind == dialog.CallerSaid:
		o.Said = strings.TrimSpace(o.Said + " " + e.Text)
	}
}

// oneSentence is a Model that always gives the same answer.
type oneSentence struct{}

func (oneSentence) Reply(context.Context, dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		yield(dialog.Chunk{Text: "I see what you mean."}, nil)
	}
}

// synthesizeSounds returns coughs and knocks. A cough is a burst of noise that decays in
// 60 to 300 ms; a knock is one or a few strikes with low resonances of a plate, which decay
// in 20 to 60 ms.
func synthesizeSounds() []*Recording {
	rnd := rand.New(rand.NewPCG(5, 6))
	var list []*Recording
	for i := range syntheticSounds {
		part := float64(i) / (syntheticSounds - 1)
		length := 60 + int(240*part)
		cough := newSound("cough", i, length)
		addCough(rnd, cough.PCM, samples(cough.Start), samples(length))
		times := 1 + i%3
		knock := newSound("knock", i, times*180-80)
		for n := range times {
			addKnock(rnd, knock.PCM, samples(knock.Start+180*n), 0.005+0.01*part)
		}
		list = append(list, cough, knock)
	}
	return list
}

// newSound returns a silent recording whose labelled sound is length ms long.
func newSound(kind string, i, length int) *Recording {
	const start = 300
	return &Recording{File: fmt.Sprintf("%s %d", kind, i+1), Category: kind, Start: start, End: start + length,
		Segments: [][2]int{{start, start + length}}, PCM: make([]int16, samples(start+length+300))}
}

// addCough adds low-passed noise that rises for 20 ms and then decays.
func addCough(rnd *rand.Rand, pcm []int16, at, n int) {
	low := 0.0
	for i := range n {
		low = 0.6*low + rnd.NormFloat64()
		rise := min(float64(i)/float64(samples(20)), 1)
		pcm[at+i] = clip(2500 * low * rise * math.Exp(-3*float64(i)/float64(n)))
	}
}

// addKnock adds a strike that decays by a factor of e within the given seconds.
func addKnock(rnd *rand.Rand, pcm []int16, at int, seconds float64) {
	for i := range min(samples(100), len(pcm)-at) {
		t := float64(i) / media.EarRate
		x := 0.3 * rnd.NormFloat64() * math.Exp(-t/0.002)
		for _, hz := range []float64{180, 430, 950} {
			x += math.Sin(2*math.Pi*hz*t) * 200 / hz
		}
		pcm[at+i] = clip(9000 * x * math.Exp(-t/seconds))
	}
}
