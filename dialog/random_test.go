package dialog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk/fault"
	"frontdesk/media"
	"frontdesk/tools"
)

// moody is a model that is slow, uses tools, fails and talks, as chance has it.
func moody(seed uint64) modelFunc {
	var asked atomic.Uint64 // a step that was cut may still be ending
	words := strings.Fields("well yes the lamp, is here. You can return it, I think, within thirty days. Is that alright?")
	return func(ctx context.Context, p Prompt, yield func(Chunk, error) bool) {
		rnd := rand.New(rand.NewPCG(seed, asked.Add(1)))
		pause := func() bool {
			select {
			case <-time.After(time.Duration(rnd.IntN(400)) * time.Millisecond):
				return true
			case <-ctx.Done():
				return false
			}
		}
		for n := rnd.IntN(25); n > 0; n-- {
			if !pause() || !yield(Chunk{Text: words[rnd.IntN(len(words))] + " "}, nil) {
				return
			}
		}
		switch rnd.IntN(8) {
		case 0:
			yield(Chunk{}, fault.New(fault.Provider, "broken").Retryable(0))
		case 1, 2:
			if len(p.Tools) > 1 {
				yield(Chunk{Call: &tools.Call{ID: "c", Name: p.Tools[rnd.IntN(len(p.Tools)-1)].Name}}, nil)
			}
		}
	}
}

// acts is a random caller. It returns every word it spoke and text it typed.
func acts(p *phone, rnd *rand.Rand) (spoken, typed []string) {
	for i := range 12 {
		p.wait(time.Duration(rnd.IntN(4000)) * time.Millisecond)
		switch rnd.IntN(8) {
		case 0:
			p.says("uh huh")
			spoken = append(spoken, "uh", "huh")
		case 1:
			p.says(strings.Repeat("! ", 1+rnd.IntN(5)))
		case 2:
			text := fmt.Sprintf("typed%d", i)
			p.types(text)
			typed = append(typed, text)
		case 3:
			p.send(Heard{Kind: Stop})
		default:
			var words []string
			for j := range 1 + rnd.IntN(5) {
				words = append(words, fmt.Sprintf("word%d", 100*i+j))
				if rnd.IntN(4) == 0 {
					words = append(words, "-")
				}
			}
			p.says(strings.Join(words, " "))
			for _, w := range words {
				if w != "-" {
					spoken = append(spoken, w)
				}
			}
		}
	}
	p.wait(20 * time.Second)
	return spoken, typed
}

func TestRandomConversationsLoseNothingAndSayOneThingAtATime(t *testing.T) {
	seeds := uint64(40)
	if n, err := strconv.ParseUint(os.Getenv("FRONTDESK_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			slow := func(ctx context.Context) (string, error) {
				select {
				case <-time.After(700 * time.Millisecond):
					return `{}`, nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}
			agent := &Agent{Greeting: "Hello, how can I help you today?", Model: moody(seed),
				Silence: Silence{Wait: time.Minute},
				Tools:   registry(t, map[string]func(context.Context) (string, error){"look": slow, "refund_write": slow})}
			var spoken, typed []string
			p, _ := telephone(t, agent, Options{}, func(p *phone) {
				p.partials = seed%2 == 0
				spoken, typed = acts(p, rnd)
			})
			checkEvents(t, p)
			checkUtterances(t, p, spoken, typed)
			checkSound(t, p)
		})
	}
}

// checkEvents checks that replies come one after the other, that what was heard is a
// beginning of what was written, and that it is what the history holds.
func checkEvents(t *testing.T, p *phone) {
	t.Helper()
	open, written, heard := "", "", ""
	var texts []string
	for _, e := range p.all() {
		switch e.Kind {
		case ReplyStarted:
			if open != "" {
				t.Fatalf("%s began before %s had ended", e.Response, open)
			}
			open, written, heard = e.Response, "", ""
		case ReplyText:
			written += e.Text
		case ReplyHeard:
			heard += e.Text
		case ReplyEnded:
			if e.Response != open || strings.TrimSpace(heard) != e.Text || !strings.HasPrefix(written, heard) {
				t.Fatalf("%s: heard %q, in the end %q, of %q", e.Response, heard, e.Text, written)
			}
			if e.Interrupted == (e.Status == Completed) && e.Status != Failed {
				t.Fatalf("%s: %+v", e.Response, e)
			}
			if e.Text != "" {
				texts = append(texts, e.Text)
			}
			open = ""
		}
		if e.Response != "" && open != e.Response && (e.Kind == ReplyText || e.Kind == ReplyHeard || e.Kind == SpeakingStarted) {
			t.Fatalf("event %d of %s outside of it", e.Kind, e.Response)
		}
	}
	if open != "" {
		t.Fatalf("%s did not end", open)
	}
	var kept []string
	for _, m := range p.journal.messages {
		if m.Role == Assistant && m.Text != "" {
			kept = append(kept, m.Text)
		}
	}
	if strings.Join(kept, "|") != strings.Join(texts, "|") {
		t.Errorf("the history holds %q, the caller heard %q", kept, texts)
	}
	ended := map[int]bool{}
	for _, turn := range p.turns() {
		if ended[turn.Number] {
			t.Errorf("turn %d ended twice", turn.Number)
		}
		ended[turn.Number] = true
	}
	for n := 1; n <= len(ended); n++ {
		if !ended[n] {
			t.Errorf("turn %d of %d did not end", n, len(ended))
		}
	}
}

// checkUtterances checks that every word was understood and all but back-channels, and
// what may be one over the agent's voice, answered.
func checkUtterances(t *testing.T, p *phone, spoken, typed []string) {
	t.Helper()
	var said []string
	brief, speaking := map[string]bool{}, false
	for _, e := range p.all() {
		switch e.Kind {
		case SpeakingStarted:
			speaking = true
		case ReplyEnded:
			speaking = false
		}
		if e.Kind == CallerSaid && !e.Typed {
			if speaking && isBrief(e.Text) {
				for _, w := range strings.Fields(e.Text) {
					brief[w] = true
				}
			}
			said = append(said, strings.Fields(e.Text)...)
		}
	}
	if strings.Join(said, " ") != strings.Join(spoken, " ") {
		t.Errorf("understood %q, spoken %q", said, spoken)
	}
	kept := map[string]int{}
	for _, m := range p.journal.messages {
		if m.Role == User {
			for _, w := range strings.Fields(m.Text) {
				kept[w]++
			}
		}
	}
	for _, w := range append(spoken, typed...) {
		if w != "uh" && w != "huh" && kept[w] != 1 && !(brief[w] && kept[w] == 0) {
			t.Errorf("%q is %d times in the history", w, kept[w])
		}
	}
	answered := ""
	for _, turn := range p.turns() {
		answered += turn.Caller + " "
	}
	for w := range kept {
		if !strings.Contains(answered, w) {
			t.Errorf("%q was not answered", w)
		}
	}
}

// checkSound compares what was played with what was heard, which is counted in words.
func checkSound(t *testing.T, p *phone) {
	t.Helper()
	played := 0
	for _, f := range p.speaker.frames {
		if f > 0 {
			played += media.MouthFrame
		}
	}
	least, most := 0, 0
	for _, e := range p.all(ReplyEnded) {
		n := letters(e.Text) * perLetter
		least += n
		most += n + 2*media.MouthFrame
		if e.Interrupted {
			most += 12 * perLetter // the word that was cut
		}
	}
	if played < least || played > most {
		t.Errorf("%d samples were played; what was heard is %d to %d", played, least, most)
	}
}
