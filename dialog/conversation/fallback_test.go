package conversation

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

func TestFallbackGoesToTheNextModel(t *testing.T) {
	broken := fault.New(fault.Provider, "broken")
	for _, tt := range []struct {
		name    string
		model   dialog.Model
		reply   string
		notices string
	}{
		{"the first works", Fallback(answering("A."), answering("B.")), "A.", ""},
		{"the first fails", Fallback(failing("", broken), answering("B.")), "B.", "model_replaced"},
		{"the first hangs", Fallback(hanging(""), answering("B.")), "B.", "model_replaced"},
		{"the first says nothing", Fallback(inTurn(modelFunc(func(context.Context, dialog.Prompt, func(dialog.Chunk, error) bool) {})), answering("B.")), "B.", "model_replaced"},
		{"two fail", Fallback(failing("", broken), hanging(""), answering("C.")), "C.", "model_replaced"},
		{"too late to change", Fallback(failing("Half", broken), answering("B.")), "Half " + apologies[0], "model_lost"},
		{"all fail", Fallback(failing("", broken), failing("", broken)), apologies[0], "model_lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := converse(t, &dialog.Agent{Model: tt.model}, Options{}, func(c *caller) {
				c.types("one")
				c.wait(time.Minute)
			})
			if got := c.replies(); len(got) != 1 || got[0] != tt.reply {
				t.Errorf("replies %q", got)
			}
			if got := c.notices(); got != tt.notices {
				t.Errorf("notices %q", got)
			}
		})
	}
}

func TestAFailedModelRestsBeforeItIsAskedAgain(t *testing.T) {
	asked := 0
	first := modelFunc(func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		asked++
		yield(dialog.Chunk{}, errors.New("broken"))
	})
	c, _ := converse(t, &dialog.Agent{Model: Fallback(first, answering("B."))}, Options{}, func(c *caller) {
		for range 3 {
			c.types("one")
			synctest.Wait()
		}
		if asked != 1 {
			t.Errorf("the broken model was asked %d times in a row", asked)
		}
		c.wait(fallbackPause)
		c.types("two")
		synctest.Wait()
	})
	if asked != 2 || c.notices() != "model_replaced" {
		t.Errorf("asked %d times, notices %q", asked, c.notices())
	}
}
