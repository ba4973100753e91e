package ear

import (
	"context"

	"frontdesk/dialog"
)

// textEar is the ear of a line's inputs: what the client types and presses.
type Text <-chan dialog.Heard

// Listen implements Ear.
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
