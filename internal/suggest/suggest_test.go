package suggest

import (
	"fmt"
	"testing"
)

func TestNearestFindsMistypedWords(t *testing.T) {
	known := []string{"serve", "call", "archive", "config", "health", "LIMITS_CALLS", "LIMITS_CALLS_TOTAL"}
	for word, want := range map[string]string{
		"serv": "serve", "sevre": "serve", "cal": "call", "arhcive": "archive", "LIMIT_CALLS": "LIMITS_CALLS",
		"LIMTS_CALLS_TOTAL": "LIMITS_CALLS_TOTAL", "dance": "", "": "", "x": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func ExampleDidYouMean() {
	fmt.Printf("unknown command %q%s\n", "serv", DidYouMean("serv", []string{"serve", "call"}))
	// Output: unknown command "serv", did you mean "serve"?
}
