package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/require"
)

var killSeeds = flag.Int("killseeds", 6, "random moments at which a node is killed while it opens a ticket, for each store")

// TestNoNumberIsSaidWithoutItsTicket kills the node at random moments around the caller's yes.
// A few callers share a node, because the gate limits the tickets of an address.
func TestNoNumberIsSaidWithoutItsTicket(t *testing.T) {
	const batch = 6
	for first := 0; first < *killSeeds; first += batch {
		last := min(first+batch, *killSeeds)
		t.Run(fmt.Sprint("SQLite ", first), func(t *testing.T) {
			t.Parallel()
			killAroundTheYes(t, noVoice, first, last)
		})
		t.Run(fmt.Sprint("Postgres ", first), func(t *testing.T) {
			t.Parallel()
			_, _, shared := cluster(t)
			killAroundTheYes(t, shared, first, last)
		})
	}
}

// killAroundTheYes has a caller open a ticket for each seed. The node dies from before the yes
// arrives until after the number was said; then the caller resumes the session.
func killAroundTheYes(t *testing.T, settings func(*exec.Cmd), first, last int) {
	s := start(t, settings)
	opened, told, unsure := 0, 0, 0
	for seed := first; seed < last; seed++ {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		c := s.openText(t, s.token(t))
		c.begin(t, true)
		subject := fmt.Sprint("printer ", 100+seed, " stopped working")
		c.answers(t, "Please open a ticket: my "+subject+".")
		c.answers(t, "ann@example.org", "Shall I do that?")
		message := event{"type": "message", "role": "user", "content": []any{event{"type": "input_text", "text": "Yes."}}}
		require.NoError(t, c.sendEvent(event{"type": "conversation.item.create", "item": message}))
		require.NoError(t, c.sendEvent(event{"type": "response.create"}))
		text := c.hearUntil(t, seed, random)
		s.kill()
		heard := numbersIn(text + c.rest())
		s.run(t, "127.0.0.1:0", settings)
		tickets := s.ticketsAbout(t, subject)
		if len(tickets) > 1 || len(heard) > 0 && !slices.Equal(heard, tickets) {
			t.Errorf("seed %d: the caller heard %v, and the tickets are %v", seed, heard, tickets)
		}

		again := s.openText(t, c.resume)
		again.begin(t, false)
		rest := again.heardWithin(t, time.Second)
		after := s.ticketsAbout(t, subject)
		heard = numbersIn(strings.Join(heard, " ") + " " + rest)
		switch {
		case seed%3 == 2 && len(tickets) == 0:
			t.Errorf("seed %d: no ticket was opened before the number was to be heard: %q", seed, text)
		case len(after) > 1 || len(tickets) > 0 && !slices.Equal(after, tickets):
			t.Errorf("seed %d: one yes opened the tickets %v and %v", seed, tickets, after)
		case len(heard) > 0 && !slices.Equal(heard, after) || len(after) > 0 && strings.Contains(rest, "didn't work"):
			t.Errorf("seed %d: the tickets are %v, and the caller hears %v and %q", seed, after, heard, rest)
		case len(heard) > 0:
			again.answers(t, "What is the status of ticket "+heard[0]+"?", heard[0]+" is open")
			told++
		case len(after) > 0 && strings.Contains(rest, "can't tell whether that was done"):
			unsure++
		case len(after) > 0:
			t.Errorf("seed %d: nobody tells the caller of %v: %q", seed, after, rest)
		}
		opened += len(after)
	}
	t.Logf("%d kills: %d tickets; %d callers heard their number, %d that nobody knows", last-first, opened, told, unsure)
}

// hearUntil returns what the caller hears until the moment of a seed: after some time, after
// some events, or when the number was said.
func (c *client) hearUntil(t *testing.T, seed int, random *rand.Rand) (heard string) {
	t.Helper()
	if seed%3 == 0 {
		time.Sleep(time.Duration(random.IntN(20000)) * time.Microsecond)
		return ""
	}
	for range random.IntN(10) + 100*(seed%3-1) {
		e, err := c.next()
		require.NoError(t, err)
		delta, _ := e["delta"].(string)
		heard += delta
		if ticketID.MatchString(heard) || e.text("type") == "response.done" {
			break
		}
	}
	return heard
}

// heardWithin returns what the caller hears until a reply has ended, at most for d.
func (c *client) heardWithin(t *testing.T, d time.Duration) (heard string) {
	t.Helper()
	late := time.After(d)
	for {
		select {
		case e, isOpen := <-c.events:
			if !isOpen {
				t.Fatalf("%v: %v", errConnectionEnded, c.err)
			}
			delta, _ := e["delta"].(string)
			heard += delta
			if e.text("type") == "response.done" {
				return heard
			}
		case <-late:
			return heard
		}
	}
}

// rest returns what arrived until the connection ended.
func (c *client) rest() (heard string) {
	for e := range c.events {
		delta, _ := e["delta"].(string)
		heard += delta
	}
	return heard
}

// numbersIn returns the ticket numbers in a text, each once.
func numbersIn(text string) []string {
	numbers := ticketID.FindAllString(text, -1)
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// ticketsAbout returns the numbers of the open tickets with a subject.
func (s *server) ticketsAbout(t *testing.T, subject string) (numbers []string) {
	t.Helper()
	for line := range strings.Lines(s.tickets(t, "ls", "--status", "open", "--json")) {
		if strings.Contains(strings.ToLower(line), subject) {
			numbers = append(numbers, ticketID.FindString(line))
		}
	}
	return numbers
}
