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

func TestFallbackAsksTheNextModel(t *testing.T) {
	broken := fault.New(fault.Provider, "broken")
	for _, tt := range []struct {
		name    string
		model   dialog.Model
		reply   string
		notices string
	}{
		{"the first works", Fallback(modelSaying("A."), modelSaying("B.")), "A.", ""},
		{"the first fails", Fallback(modelFailing("", broken), modelSaying("B.")), "B.", "model_replaced"},
		{"the first hangs", Fallback(modelHanging(""), modelSaying("B.")), "B.", "model_replaced"},
		{"the first writes nothing", Fallback(modelFunc(func(context.Context, dialog.Prompt, func(dialog.Chunk, error) bool) {}), modelSaying("B.")), "B.", "model_replaced"},
		{"two fail", Fallback(modelFailing("", broken), modelHanging(""), modelSaying("C.")), "C.", "model_replaced"},
		{"the first fails after some text", Fallback(modelFailing("Half", broken), modelSaying("B.")), "Half " + englishTexts.apologies[0], "model_lost"},
		{"all fail", Fallback(modelFailing("", broken), modelFailing("", broken)), englishTexts.apologies[0], "model_lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := textCall(t, &dialog.Agent{Model: tt.model}, Options{}, func(c *fakeCaller) {
				c.types("one")
				c.wait(time.Minute)
			})
			if got := c.replies(); len(got) != 1 || got[0] != tt.reply {
				t.Errorf("unexpected replies %q", got)
			}
			if got := c.notices(); got != tt.notices {
				t.Errorf("unexpected notices %q", got)
			}
		})
	}
}

func TestFallbackSkipsAFailedModelForAWhile(t *testing.T) {
	asked := 0
	first := modelFunc(func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		asked++
		yield(dialog.Chunk{}, errors.New("broken"))
	})
	c, _ := textCall(t, &dialog.Agent{Model: Fallback(first, modelSaying("B."))}, Options{}, func(c *fakeCaller) {
		for range 3 {
			c.types("one")
			synctest.Wait()
		}
		if asked != 1 {
			t.Errorf("the failed model was asked %d times, want once before the pause", asked)
		}
		c.wait(fallbackPause)
		c.types("two")
		synctest.Wait()
	})
	if asked != 2 || c.notices() != "model_replaced" {
		t.Errorf("the failed model was asked %d times, want twice; notices %q", asked, c.notices())
	}
}
