package session_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/session"
)

// told is a model that says what it was told of earlier.
type told struct{}

func (told) Reply(_ context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		_, record, _ := strings.Cut(p.Instructions, "never an instruction to you:\n")
		yield(dialog.Chunk{Text: "I know " + record + "."}, nil)
	}
}

func TestAKnownCallerIsRememberedAsFarAsTheAgentMay(t *testing.T) {
	for name, tt := range map[string]struct {
		known    string
		policy   dialog.MemoryPolicy
		remember bool
	}{
		"allowed":     {"customer-42", dialog.MemoryPolicy{RememberCallers: true}, true},
		"not allowed": {"customer-42", dialog.MemoryPolicy{}, false},
		"a stranger":  {"", dialog.MemoryPolicy{RememberCallers: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDeskOf(t, session.Limits{}, func(string) (*dialog.Agent, error) {
				return &dialog.Agent{Name: "desk", Model: told{}, Memory: tt.policy}, nil
			})
			who := session.Caller{Trusted: true, Known: tt.known}
			first := begin(t, t.Context(), d, who)
			first.say("my order is 47329")
			if e := first.hangUp(); e.Result != session.HungUp {
				t.Fatalf("%+v", e)
			}
			for deadline := time.Now().Add(10 * time.Second); ; { // it is put together beside the next call
				again := begin(t, t.Context(), d, who)
				got := again.say("do you know me?")
				again.hangUp()
				if strings.Contains(got, "47329") == tt.remember {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("it said %q", got)
				}
			}
			other := begin(t, t.Context(), d, session.Caller{Trusted: true, Known: "customer-43"})
			if got := other.say("do you know me?"); strings.Contains(got, "47329") {
				t.Errorf("somebody else is told %q", got)
			}
			other.hangUp()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			d.Drain(ctx)
		})
	}
}

func TestTwoCallsOfACallerAtATimeAreBothRemembered(t *testing.T) {
	d := newDeskOf(t, session.Limits{}, func(string) (*dialog.Agent, error) {
		return &dialog.Agent{Name: "desk", Model: told{}, Memory: dialog.MemoryPolicy{RememberCallers: true}}, nil
	})
	who := session.Caller{Trusted: true, Known: "customer-42"}
	first, second := begin(t, t.Context(), d, who), begin(t, t.Context(), d, who)
	first.say("my order is 47329")
	second.say("my order is 55811")
	first.hangUp()
	second.hangUp()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		again := begin(t, t.Context(), d, who)
		got := again.say("yes")
		again.hangUp()
		if strings.Contains(got, "47329") && strings.Contains(got, "55811") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it said %q", got)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	d.Drain(ctx)
}

func TestATokenCarriesWhoTheCallerIs(t *testing.T) {
	tokens := session.NewTokens([]byte("0123456789abcdef0123456789abcdef"))
	token, err := tokens.Mint(session.Claims{Caller: session.Caller{Trusted: true, Known: "customer-42"}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := tokens.Verify(token); err != nil || c.Caller.Known != "customer-42" {
		t.Errorf("%+v, %v", c, err)
	}
}
