package conversation

import (
	"context"
	"iter"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// modelFunc is a Model made of a function that yields each chunk.
type modelFunc func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool)

func (f modelFunc) Reply(ctx context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) { f(ctx, p, yield) }
}

// echoModel answers with what the caller said last.
var echoModel = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	yield(dialog.Chunk{Text: "You said: " + lastUser(p.Messages) + "."}, nil)
})

// lastUser returns the text of the caller's last message.
func lastUser(messages []dialog.Message) string {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == dialog.User {
			return messages[i].Text
		}
	}
	return ""
}

// longReplyModel writes a reply that takes some seconds to say.
var longReplyModel = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	yield(dialog.Chunk{Text: "About " + lastUser(p.Messages) + ". one two three four five six seven eight nine ten eleven twelve. The end."}, nil)
})

// modelSaying returns a model that writes text at once.
func modelSaying(text string) modelFunc {
	return func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		yield(dialog.Chunk{Text: text}, nil)
	}
}

// modelFailing returns a model that writes text, if there is any, and then fails.
func modelFailing(text string, err error) modelFunc {
	return func(_ context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if text == "" || yield(dialog.Chunk{Text: text}, nil) {
			yield(dialog.Chunk{}, err)
		}
	}
}

// modelHanging returns a model that writes text, if there is any, and then nothing until it
// is cancelled.
func modelHanging(text string) modelFunc {
	return func(ctx context.Context, _ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if text == "" || yield(dialog.Chunk{Text: text}, nil) {
			<-ctx.Done()
			yield(dialog.Chunk{}, ctx.Err())
		}
	}
}

// wordByWordModel returns a model that writes text a word at a time and records its prompts.
func wordByWordModel(text string, pause time.Duration, prompts *[]dialog.Prompt) modelFunc {
	return func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		*prompts = append(*prompts, p)
		for _, w := range strings.SplitAfter(text, " ") {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			if !yield(dialog.Chunk{Text: w}, nil) {
				return
			}
		}
	}
}

// modelsInTurn returns a model that asks each of models once, and then only the last one.
func modelsInTurn(models ...dialog.Model) modelFunc {
	i := 0
	return func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		m := models[min(i, len(models)-1)]
		i++
		for c, err := range m.Reply(ctx, p) {
			if !yield(c, err) {
				return
			}
		}
	}
}

// delayedModel waits before each reply and records how it was asked.
type delayedModel struct {
	delay time.Duration
	reply func(p dialog.Prompt, yield func(dialog.Chunk, error) bool) // nil: as echoModel

	mu    sync.Mutex
	asked []string // the caller's last words in each prompt
}

func (m *delayedModel) model() modelFunc {
	return func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		m.mu.Lock()
		m.asked = append(m.asked, lastUser(p.Messages))
		m.mu.Unlock()
		select {
		case <-time.After(m.delay):
		case <-ctx.Done():
			return
		}
		if m.reply != nil {
			m.reply(p, yield)
			return
		}
		echoModel(ctx, p, yield)
	}
}

// toolCallingModel calls the tools that the caller's text names, and then tells the last
// result.
var toolCallingModel = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	last := p.Messages[len(p.Messages)-1]
	if last.Role == dialog.User {
		if !yield(dialog.Chunk{Text: "Let me see."}, nil) {
			return
		}
		for _, name := range strings.Fields(last.Text) {
			if !yield(dialog.Chunk{Call: &tools.Call{ID: "call_same", Name: name}}, nil) {
				return
			}
		}
		return
	}
	if last.Result == nil {
		yield(dialog.Chunk{Text: "Nothing new."}, nil)
		return
	}
	yield(dialog.Chunk{Text: "It says " + string(last.Result.Output) + "."}, nil)
})
