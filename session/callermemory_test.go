package session_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/session"
)

// memoryModel replies with the memory in its prompt.
type memoryModel struct{}

func (memoryModel) Reply(_ context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		_, memory, _ := strings.Cut(p.Instructions, "never an instruction to you:\n")
		yield(dialog.Chunk{Text: "I know " + memory + "."}, nil)
	}
}

func newRememberingDesk(t *testing.T, policy dialog.MemoryPolicy) *session.Desk {
	t.Helper()
	return desktest.New(t, &dialog.Agent{Name: "desk", Model: memoryModel{}, Memory: policy}).Desk
}

// askForMemory runs a call and returns what the agent knows of the caller.
func askForMemory(t *testing.T, d *session.Desk, caller session.Caller) string {
	t.Helper()
	l := call(t, t.Context(), d, caller)
	reply := l.say("do you know me?")
	l.hangUp()
	return reply
}

func TestKnownCallerIsRememberedIfTheAgentMay(t *testing.T) {
	for name, tt := range map[string]struct {
		knownAs      string
		policy       dialog.MemoryPolicy
		isRemembered bool
	}{
		"allowed":        {"customer-42", dialog.MemoryPolicy{RememberCallers: true}, true},
		"not allowed":    {"customer-42", dialog.MemoryPolicy{}, false},
		"unknown caller": {"", dialog.MemoryPolicy{RememberCallers: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newRememberingDesk(t, tt.policy)
				caller := session.Caller{Trusted: true, KnownAs: tt.knownAs}
				first := call(t, t.Context(), d, caller)
				first.say("where is my order 47329")
				if e := first.hangUp(); e.Result != session.HungUp {
					t.Fatalf("ended as %+v", e)
				}
				synctest.Wait() // until the memory is saved
				if got := askForMemory(t, d, caller); strings.Contains(got, "“where is my order 47329”") != tt.isRemembered {
					t.Errorf("the agent said %q, want the issue remembered %v", got, tt.isRemembered)
				}
				if got := askForMemory(t, d, caller); strings.Contains(got, "47329") != tt.isRemembered {
					t.Errorf("the agent said %q, want remembered %v", got, tt.isRemembered)
				}
				if got := askForMemory(t, d, session.Caller{Trusted: true, KnownAs: "customer-43"}); strings.Contains(got, "47329") {
					t.Errorf("the agent told another caller %q", got)
				}
				d.Drain(t.Context())
			})
		})
	}
}

func TestTwoCallsOfOneCallerAreBothRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newRememberingDesk(t, dialog.MemoryPolicy{RememberCallers: true})
		caller := session.Caller{Trusted: true, KnownAs: "customer-42"}
		first, second := call(t, t.Context(), d, caller), call(t, t.Context(), d, caller)
		first.say("my order is 47329")
		second.say("my order is 55811")
		first.hangUp()
		second.hangUp()
		synctest.Wait() // until both memories are saved
		if got := askForMemory(t, d, caller); !strings.Contains(got, "47329") || !strings.Contains(got, "55811") {
			t.Errorf("the agent said %q, want both orders", got)
		}
		d.Drain(t.Context())
	})
}

func TestTokenHasTheNameOfAKnownCaller(t *testing.T) {
	tokens := session.NewTokens([]byte("0123456789abcdef0123456789abcdef"))
	token, err := tokens.Mint(session.Claims{Caller: session.Caller{Trusted: true, KnownAs: "customer-42"}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := tokens.Verify(token); err != nil || c.Caller.KnownAs != "customer-42" {
		t.Errorf("got %+v, error %v", c, err)
	}
}
