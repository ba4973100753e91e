package conversation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/ear"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

// moody is a model that is slow, uses tools, fails and talks, as chance has it. Its words
// and calls bear the number of the question they answer, so that one can tell which of
// its answers showed.
type moody struct {
	seed uint64
	mu   sync.Mutex
	asks []string // the caller's last words in each question
}

// stamp is the number of a question as letters, which no other text ends with.
func stamp(n int) string { return string([]byte{'Z', byte('a' + n/26), byte('a' + n%26)}) }

// stamps are the questions text answers.
func stamps(text string) []int {
	var found []int
	for _, w := range strings.Fields(text) {
		w = strings.TrimRight(w, ".,?")
		if i := strings.IndexByte(w, 'Z'); i >= 0 && i == len(w)-3 {
			found = append(found, int(w[i+1]-'a')*26+int(w[i+2]-'a'))
		}
	}
	return found
}

func (m *moody) ask(p dialog.Prompt) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asks = append(m.asks, strings.Join(words.Split(lastUser(p.Messages)), " "))
	return len(m.asks) - 1
}

func (m *moody) reply(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	text := strings.Fields("well yes the lamp, is here. You can return it, I think, within thirty days. Is that alright?")
	n := m.ask(p)
	rnd := rand.New(rand.NewPCG(m.seed, uint64(n)))
	pace := 400
	if rnd.IntN(6) == 0 {
		pace = 2500 // and a filler is due
	}
	for range rnd.IntN(25) {
		select {
		case <-time.After(time.Duration(rnd.IntN(pace)) * time.Millisecond):
		case <-ctx.Done():
			return
		}
		pace = 400
		w := text[rnd.IntN(len(text))]
		stem := strings.TrimRight(w, ".,?")
		if !yield(dialog.Chunk{Text: stem + stamp(n) + w[len(stem):] + " "}, nil) {
			return
		}
	}
	switch rnd.IntN(8) {
	case 0:
		yield(dialog.Chunk{}, fault.New(fault.Provider, "broken").Retryable(0))
	case 1, 2:
		if len(p.Tools) > 1 {
			yield(dialog.Chunk{Call: &tools.Call{ID: "call" + stamp(n), Name: p.Tools[rnd.IntN(len(p.Tools)-1)].Name}}, nil)
		}
	}
}

// effects notes when a tool with an effect ran, and whether it was stopped.
type effects struct {
	mu      sync.Mutex
	runs    []time.Time
	stopped int
}

func (e *effects) refund(ctx context.Context) (string, error) {
	e.mu.Lock()
	e.runs = append(e.runs, time.Now())
	e.mu.Unlock()
	out, err := lookUp(ctx)
	if err != nil {
		e.mu.Lock()
		e.stopped++
		e.mu.Unlock()
	}
	return out, err
}

func lookUp(ctx context.Context) (string, error) {
	select {
	case <-time.After(700 * time.Millisecond):
		return `{}`, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// hasty is an Endpointer that takes the turn for maybe finished at any moment.
type hasty struct {
	dialog.Endpointer
	rnd *rand.Rand
}

func (h hasty) Judge(e dialog.Evidence) dialog.Verdict {
	v := h.Endpointer.Judge(e)
	v.MaybeFinished = v.MaybeFinished || h.rnd.IntN(25) == 0
	return v
}

// randomConversation is a random one: who takes part, and what was said.
type randomConversation struct {
	*phone
	ended
	seed          uint64
	model         *moody
	effects       *effects
	spoken, typed []string // every word
	hangsUp       bool     // in the middle
	silentVoice   bool     // the voice fails at times
	cautious      bool     // no reply is prepared
}

const filling = "Filling in."

// hold runs the randomConversation of a seed.
func hold(t *testing.T, seed uint64) *randomConversation {
	rnd := rand.New(rand.NewPCG(seed, 1))
	c := &randomConversation{seed: seed, model: &moody{seed: seed}, effects: &effects{},
		hangsUp: seed%10 == 9, silentVoice: seed%5 == 3, cautious: seed%8 == 5}
	agent := &dialog.Agent{
		Greeting: "Hello, how can I help you today?", Model: modelFunc(c.model.reply),
		Silence: dialog.Silence{Wait: time.Minute}, Filler: dialog.Filler{Texts: []string{filling}}, Speculation: dialog.Speculation{Disabled: c.cautious},
		Tools: registry(t, map[string]func(context.Context) (string, error){"look": lookUp, "refund_write": c.effects.refund}),
		Endpointer: func() dialog.Endpointer {
			return hasty{ear.NewEndpointer(""), rand.New(rand.NewPCG(seed, 2))}
		},
		Synthesizer: reader{fail: unreliable(seed, c.silentVoice)},
	}
	if seed%4 == 1 {
		agent.Recognizer = &wholes{takes: 150 * time.Millisecond}
	}
	c.phone, c.ended = telephone(t, agent, Options{}, func(p *phone) {
		p.partials = seed%4 != 2 && seed%4 != 1
		p.drafts = seed%3 == 0
		if seed%4 == 3 {
			p.fail = func(try int) error {
				if try%4 == 0 {
					return fault.New(fault.Provider, "broken").Retryable(0)
				}
				return nil
			}
		}
		c.act(p, rnd)
	})
	return c
}

// unreliable is a voice that takes up to 300 ms before it speaks, and may fail to.
func unreliable(seed uint64, fails bool) func(string) error {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, 3))
	return func(string) error {
		mu.Lock()
		wait, broken := time.Duration(rnd.IntN(300))*time.Millisecond, fails && rnd.IntN(8) == 0
		mu.Unlock()
		time.Sleep(wait) // a program that nothing hurries
		if broken {
			return fault.New(fault.Provider, "broken").Retryable(0)
		}
		return nil
	}
}

// act is the caller, who in the end waits for the answer or hangs up.
func (c *randomConversation) act(p *phone, rnd *rand.Rand) {
	for i := range 12 {
		p.wait(time.Duration(rnd.IntN(4000)) * time.Millisecond)
		switch rnd.IntN(9) {
		case 0:
			p.says("uh huh")
			c.spoken = append(c.spoken, "uh", "huh")
		case 1:
			p.says(strings.Repeat("! ", 1+rnd.IntN(5)))
		case 2:
			text := fmt.Sprintf("typed%d", i)
			p.types(text)
			c.typed = append(c.typed, text)
		case 3:
			p.send(dialog.Heard{Kind: dialog.CancelReply})
		case 4:
			text := fmt.Sprintf("Be brief, %d.", i)
			p.send(dialog.Heard{Kind: dialog.Update, Update: &dialog.AgentUpdate{Instructions: &text}})
		default:
			c.talk(p, rnd, i)
		}
		if c.hangsUp && rnd.IntN(6) == 0 {
			return
		}
	}
	if !c.hangsUp {
		p.wait(30 * time.Second)
	}
}

// talk says a few words, at times with pauses, and types into them.
func (c *randomConversation) talk(p *phone, rnd *rand.Rand, i int) {
	var words []string
	for j := range 1 + rnd.IntN(5) {
		w := fmt.Sprintf("word%d", 100*i+j)
		words, c.spoken = append(words, w), append(c.spoken, w)
		for rnd.IntN(3) == 0 {
			words = append(words, "-")
		}
	}
	took := p.microphone.says(strings.Join(words, " "), 200*time.Millisecond)
	if rnd.IntN(8) == 0 {
		at := time.Duration(rnd.Int64N(int64(took)))
		p.wait(at)
		text := fmt.Sprintf("typed%d", 100+i)
		p.types(text)
		c.typed = append(c.typed, text)
		took -= at
	}
	p.wait(took)
}

func TestRandomConversationsLoseNothingAndSayOneThingAtATime(t *testing.T) {
	seeds := uint64(60)
	if n, err := strconv.ParseUint(os.Getenv("FRONTDESK_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	seen := map[string]int{}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := hold(t, seed)
			c.checkReplies(t)
			c.checkTurns(t)
			c.checkHistory(t)
			c.checkUtterances(t)
			c.checkSound(t)
			c.checkGuesses(t)
			c.checkEffects(t)
			c.count(seen)
		})
	}
	t.Logf("%d conversations: %v", seeds, seen)
	for _, what := range []string{"guesses kept", "guesses thrown away", "effects", "fillers", "interruptions", "failures"} {
		if seeds >= 60 && seen[what] == 0 {
			t.Errorf("there were no %s", what)
		}
	}
}
