package mouth_test

import (
	"fmt"
	"slices"

	"frontdesk/dialog/mouth"
)

// A model's text comes in chunks of any length. The first clause is short, so that the
// agent can start to speak while the model still writes.
func ExampleClauses() {
	chunks := []string{"Let me check th", "at for you, it takes a second. Your order ", "T-1042 left at 9 a.m. today", "."}
	for clause := range mouth.Clauses(slices.Values(chunks)) {
		fmt.Printf("%q\n", clause)
	}
	// Output:
	// "Let me check that for you, "
	// "it takes a second. "
	// "Your order T-1042 left at 9 a.m. today."
}
