package eval

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"frontdesk/dialog"
	"frontdesk/internal/words"
)

const (
	duckedPower  = 0.25 // of the agent's power before the sound: -6 dB
	levelFrames  = 25   // frames before the sound that give the agent's level
	fullFrames   = 10   // frames at that level after which the voice has resumed
	duckedFrames = 5    // frames below it after which the voice is ducked, not between phonemes
	silentFrames = 15   // frames that are longer than the gaps in fluent speech
	audible      = 900  // mean square of an audible frame: -61 dB
	yieldTime    = 400  // ms within which the agent should be silent for an interruption
)

// Interruptions is how a speaking agent reacted to one kind of sound. Times are in
// milliseconds; a quantile of no values is 0.
type Interruptions struct {
	Kind       string  `json:"kind"`
	Cases      int     `json:"cases"`
	Yielded    float64 `json:"yielded_pct"` // the agent was silent within 400 ms, and stopped its reply
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
	Before  *Recording   // what the caller said before the agent spoke, or nil
	Into    int          // ms into the agent's speech at which the recording begins
	Echo    *Loudspeaker // echo of the agent, or nil
	Void    bool         // the agent did not speak, so that nothing was measured
	CutIn   bool         // the agent began to speak before the caller had finished Before
	Stopped bool
	Resumed bool
	Ducked  int    // ms from the onset of the sound until the agent was ducked, or -1
	Silent  int    // ms from the onset of the sound until the agent was silent, or -1
	Back    int    // ms from the end of the sound until the agent was back at its level, or -1
	Said    string // transcript of the caller
}

// Interrupts reports whether the agent should stop for the sound.
func (o *Overlap) Interrupts() bool { return o.Category == "interruption" || o.Category == "yes_no" }

// Yielded reports whether the agent was silent soon and stopped.
func (o *Overlap) Yielded() bool { return o.Stopped && o.Silent >= 0 && o.Silent <= yieldTime }

// Overlaps returns all kinds of sounds, in the order of RunInterruptions.
func Overlaps() []string {
	return []string{"interruption", "yes_no", "backchannel", "cough", "knock", "sigh", "laugh", "side talk", "television",
		"echo", "interruption over echo"}
}

// kind returns the kind that o is scored as.
func (o *Overlap) kind() string {
	if o.Echo != nil && o.Category != "echo" {
		return o.Category + " over echo"
	}
	return o.Category
}

// InterruptionOptions chooses what is measured.
type InterruptionOptions struct {
	Only  []string // kinds; all if it is empty
	Limit int      // cases of each kind, a random but constant choice; all if it is 0
}

// chosen returns the overlaps that o chooses.
func (o InterruptionOptions) chosen(all []Overlap) ([]Overlap, error) {
	for _, k := range o.Only {
		if !slices.Contains(Overlaps(), k) {
			return nil, fmt.Errorf("unknown kind %q (want %s)", k, strings.Join(Overlaps(), ", "))
		}
	}
	var list []Overlap
	rnd := rand.New(rand.NewPCG(11, 12))
	for _, kind := range Overlaps() {
		var own []Overlap
		for _, c := range all {
			if c.kind() == kind && (len(o.Only) == 0 || slices.Contains(o.Only, kind)) {
				own = append(own, c)
			}
		}
		if o.Limit > 0 && o.Limit < len(own) {
			rnd.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
			own = own[:o.Limit]
		}
		list = append(list, own...)
	}
	if len(list) == 0 {
		return nil, errors.New("the manifest has no such recordings")
	}
	return list, nil
}

// RunInterruptions lets agent speak in real time, plays sounds of the caller to it, early
// and later in its speech, and scores its reaction. The sounds are the recordings of corpus,
// by category, and synthetic ones; side talk and television are mixed from corpus. Before
// the agent speaks, the caller says another recording of the same voice, if there is one.
func RunInterruptions(ctx context.Context, agent *dialog.Agent, corpus []*Recording, options InterruptionOptions) ([]Interruptions, []Overlap, error) {
	all, err := options.chosen(overlaps(corpus))
	if err != nil {
		return nil, nil, err
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

// overlaps returns all calls, without results.
func overlaps(corpus []*Recording) (all []Overlap) {
	turns := firstTurns(corpus)
	voices := sortedVoices(turns)
	count := 0
	first := func(voice string) *Recording { // the turns of the voice in rotation
		if len(voices) == 0 {
			return nil
		}
		if voice == "" {
			voice = voices[count%len(voices)]
		}
		list := turns[voice]
		if len(list) == 0 {
			return nil
		}
		count++
		return list[count%min(len(list), 6)]
	}
	synthetic := slices.Concat(synthesizeSounds(), synthesizeBreaths())
	for i, r := range append(slices.Clone(corpus), synthetic...) {
		if slices.Contains(Overlaps(), r.Category) {
			for _, into := range []int{300, 2000} {
				all = append(all, Overlap{Recording: r, Before: first(r.Voice), Into: into})
			}
		}
		if r.Category == "interruption" {
			all = append(all, Overlap{Recording: r, Before: first(r.Voice), Into: 4000, Echo: newLoudspeaker(i)})
		}
	}
	rnd := rand.New(rand.NewPCG(9, 10))
	for i := range sideTalks {
		if before := first(""); before != nil {
			all = append(all, Overlap{Recording: sideTalk(rnd, corpus, before, i), Before: before, Into: 1000})
		}
	}
	for i := range televisions {
		if before := first(""); before != nil {
			all = append(all, Overlap{Recording: television(rnd, corpus, before, i), Before: before, Into: 1000})
		}
	}
	for i := range syntheticSounds {
		all = append(all, Overlap{Recording: newSound("echo", i, 8000), Before: first(""), Echo: newLoudspeaker(i)})
	}
	return all
}

// CutIn returns the share in percent of the answered calls in which the agent began to speak
// before the caller had finished.
func CutIn(all []Overlap) float64 {
	n, cut := 0, 0
	for _, o := range all {
		if o.Before == nil || o.Void {
			continue
		}
		n++
		if o.CutIn {
			cut++
		}
	}
	return percent(cut, n)
}

// scoreOverlaps scores the overlaps of one kind.
func scoreOverlaps(kind string, all []Overlap) Interruptions {
	s := Interruptions{Kind: kind}
	var ducked, silent, back []int
	yielded, stopped, resumed, lost, words := 0, 0, 0, 0, 0
	for _, o := range all {
		if o.kind() != kind || o.Void {
			continue
		}
		s.Cases++
		if o.Yielded() {
			yielded++
		}
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
	s.Yielded, s.Stopped, s.Resumed = percent(yielded, s.Cases), percent(stopped, s.Cases), percent(resumed, s.Cases)
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
	for _, w := range words.Split(said) {
		there[w]++
	}
	list := words.Split(ref)
	for _, w := range list {
		if there[w]--; there[w] < 0 {
			lost++
		}
	}
	return lost, len(list)
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
