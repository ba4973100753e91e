package dialog_test

import (
	"context"
	"fmt"
	"iter"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
)

// parrot is a Model that answers with what the caller said.
type parrot struct{}

func (parrot) Reply(_ context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		question := p.Messages[len(p.Messages)-1].Text
		yield(dialog.Chunk{Text: "You said: " + question}, nil)
	}
}

// A Model writes the agent's replies. Run holds a conversation with it; here the caller
// types and reads.
func ExampleModel() {
	inputs := make(chan dialog.Heard)
	replyEnded := make(chan struct{}, 1)
	line := dialog.Line{
		Inputs: inputs,
		Emit: func(e dialog.Event) {
			switch e.Kind {
			case dialog.CallerSaid:
				fmt.Println("caller:", e.Text)
			case dialog.ReplyEnded:
				fmt.Println("agent:", e.Text)
				replyEnded <- struct{}{}
			}
		},
	}
	go func() {
		<-replyEnded // the greeting
		inputs <- dialog.Heard{Kind: dialog.Typed, Text: "Do you sell lamps?"}
		inputs <- dialog.Heard{Kind: dialog.Respond}
		<-replyEnded
		close(inputs) // hang up
	}()
	agent := &dialog.Agent{Greeting: "Hello, how can I help?", Model: parrot{}}
	outcome, err := conversation.Run(context.Background(), agent, line, conversation.Options{})
	fmt.Println(outcome, err)
	// Output:
	// agent: Hello, how can I help?
	// caller: Do you sell lamps?
	// agent: You said: Do you sell lamps?
	// caller_gone <nil>
}
