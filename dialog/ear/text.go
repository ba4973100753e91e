package ear

import (
	"context"

	"frontdesk/dialog"
)

// Text is the Ear of a line's Inputs: what the client types, presses and asks for.
type Text <-chan dialog.Heard

// Listen implements dialog.Ear.
func (in Text) Listen(ctx context.Context, heard chan<- dialog.Heard) error {
	for {
		select {
		case h, ok := <-in:
			if !ok {
				return nil
			}
			select {
			case heard <- h:
			case <-ctx.Done():
				return ctx.Err()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
