package conversation

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
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

// The long run is: go test -run Random ./dialog/conversation -seeds 10000
var seeds = flag.Uint64("seeds", 60, "number of random conversations")

// randomModel is slow, calls tools, fails and talks at random. Its words and calls end with
// the stamp of the prompt they answer.
type randomModel struct {
	seed      uint64
	mu        sync.Mutex
	questions []string // the caller's last words in each prompt
}

// stamp returns number n as letters. No other text ends with a stamp.
func stamp(n int) string { return string([]byte{'Z', byte('a' + n/26), byte('a' + n%26)}) }

// stamps returns the numbers of the prompts that text answers.
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

// record records a prompt and returns its number.
func (m *randomModel) record(p dialog.Prompt) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.questions = append(m.questions, strings.Join(words.Split(lastUser(p.Messages)), " "))
	return len(m.questions) - 1
}

func (m *randomModel) reply(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	text := strings.Fields("well yes the lamp, is here. You can return it, I think, within thirty days. Is that alright?")
	n := m.record(p)
	rnd := rand.New(rand.NewPCG(m.seed, uint64(n)))
	pause := 400
	if rnd.IntN(6) == 0 {
		pause = 2500 // long enough for a filler
	}
	for range rnd.IntN(25) {
		select {
		case <-time.After(time.Duration(rnd.IntN(pause)) * time.Millisecond):
		case <-ctx.Done():
			return
		}
		pause = 400
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

// refunds records when a tool with an effect ran, and how often it was cancelled.
type refunds struct {
	mu        sync.Mutex
	runs      []time.Time
	cancelled int
}

func (r *refunds) run(ctx context.Context) (string, error) {
	r.mu.Lock()
	r.runs = append(r.runs, time.Now())
	r.mu.Unlock()
	out, err := slowLookup(ctx)
	if err != nil {
		r.mu.Lock()
		r.cancelled++
		r.mu.Unlock()
	}
	return out, err
}

func slowLookup(ctx context.Context) (string, error) {
	select {
	case <-time.After(700 * time.Millisecond):
		return `{}`, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// eagerEndpointer says at random moments that the turn may be finished.
type eagerEndpointer struct {
	dialog.Endpointer
	rnd *rand.Rand
}

func (e eagerEndpointer) Judge(evidence dialog.Evidence) dialog.Verdict {
	v := e.Endpointer.Judge(evidence)
	v.MaybeFinished = v.MaybeFinished || e.rnd.IntN(25) == 0
	return v
}

// unreliableSynthesizer needs up to 300 ms before it speaks. If mayFail is set, it fails at
// random.
func unreliableSynthesizer(seed uint64, mayFail bool) fakeSynthesizer {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, 3))
	return fakeSynthesizer{fail: func(string) error {
		mu.Lock()
		delay, fails := time.Duration(rnd.IntN(300))*time.Millisecond, mayFail && rnd.IntN(8) == 0
		mu.Unlock()
		time.Sleep(delay) // like a program that cannot be cancelled
		if fails {
			return fault.New(fault.Provider, "broken").Retryable(0)
		}
		return nil
	}}
}

// randomConversation is a finished conversation of a random caller with a randomModel.
type randomConversation struct {
	*fakePhone
	runResult
	seed             uint64
	model            *randomModel
	refunds          *refunds
	spoken, typed    []string // all words of the caller
	cancelled        []string // words that waited for an answer when the client cancelled it
	hangsUp          bool     // before the end
	voiceMayFail     bool
	speculationIsOff bool
}

const randomFiller = "Filling in."

// runRandom holds the conversation of a seed.
func runRandom(t *testing.T, seed uint64) *randomConversation {
	rnd := rand.New(rand.NewPCG(seed, 1))
	c := &randomConversation{seed: seed, model: &randomModel{seed: seed}, refunds: &refunds{},
		hangsUp: seed%10 == 9, voiceMayFail: seed%5 == 3, speculationIsOff: seed%8 == 5}
	agent := &dialog.Agent{
		Greeting: "Hello, how can I help you today?", Model: modelFunc(c.model.reply),
		Silence:     dialog.Silence{Wait: time.Minute},
		Filler:      dialog.Filler{Texts: []string{randomFiller}},
		Speculation: dialog.Speculation{Disabled: c.speculationIsOff},
		Tools:       newRegistry(t, map[string]func(context.Context) (string, error){"lookup": slowLookup, "refund_write": c.refunds.run}),
		Endpointer: func() dialog.Endpointer {
			return eagerEndpointer{ear.NewEndpointer(""), rand.New(rand.NewPCG(seed, 2))}
		},
		Synthesizer: unreliableSynthesizer(seed, c.voiceMayFail),
	}
	if seed%4 == 1 {
		agent.Recognizer = &batchRecognizer{delay: 150 * time.Millisecond}
	}
	c.fakePhone, c.runResult = voiceCall(t, agent, Options{}, func(p *fakePhone) {
		p.recognizer.sendsPartials = seed%4 != 2 && seed%4 != 1
		p.recognizer.truncatesPartials = seed%3 == 0
		if seed%4 == 3 {
			p.recognizer.fail = func(try int) error {
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

// act is the caller, who at the end waits for the answer or has hung up before.
func (c *randomConversation) act(p *fakePhone, rnd *rand.Rand) {
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
			c.cancelled = append(c.cancelled, c.pendingWords(p)...)
			p.send(dialog.Heard{Kind: dialog.CancelReply})
		case 4:
			text := fmt.Sprintf("Be brief, %d.", i)
			p.send(dialog.Heard{Kind: dialog.Update, Update: &dialog.AgentUpdate{Instructions: &text}})
		default:
			c.speak(p, rnd, i)
		}
		if c.hangsUp && rnd.IntN(6) == 0 {
			return
		}
	}
	if !c.hangsUp {
		p.wait(30 * time.Second)
	}
}

// pendingWords returns what the caller has said since the latest reply started.
func (c *randomConversation) pendingWords(p *fakePhone) (pending []string) {
	for _, e := range p.eventsOf(dialog.CallerSaid, dialog.ReplyStarted) {
		if e.Kind == dialog.ReplyStarted {
			pending = nil
		} else {
			pending = append(pending, strings.Fields(e.Text)...)
		}
	}
	return pending
}

// speak says a few words, sometimes with pauses, and sometimes types meanwhile.
func (c *randomConversation) speak(p *fakePhone, rnd *rand.Rand, i int) {
	var text []string
	for j := range 1 + rnd.IntN(5) {
		w := fmt.Sprintf("word%d", 100*i+j)
		text, c.spoken = append(text, w), append(c.spoken, w)
		for rnd.IntN(3) == 0 {
			text = append(text, "-")
		}
	}
	rest := p.mic.queue(strings.Join(text, " "), 200*time.Millisecond)
	if rnd.IntN(8) == 0 {
		at := time.Duration(rnd.Int64N(int64(rest)))
		p.wait(at)
		text := fmt.Sprintf("typed%d", 100+i)
		p.types(text)
		c.typed = append(c.typed, text)
		rest -= at
	}
	p.wait(rest)
}

func TestRandomConversationsLoseNothingAndSayOneThingAtATime(t *testing.T) {
	seen := map[string]int{}
	for seed := range *seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := runRandom(t, seed)
			c.checkReplies(t)
			c.checkTurns(t)
			c.checkHistory(t)
			c.checkUtterances(t)
			c.checkAudio(t)
			c.checkGuesses(t)
			c.checkEffects(t)
			c.count(seen)
		})
	}
	t.Logf("%d conversations: %v", *seeds, seen)
	for _, what := range []string{"guesses used", "guesses discarded", "effects", "fillers", "interruptions", "failures"} {
		if *seeds >= 60 && seen[what] == 0 {
			t.Errorf("%s never happened", what)
		}
	}
}
