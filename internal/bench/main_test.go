package bench

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// crewVariable is set in the environment of the process that holds the callers.
const crewVariable = "FRONTDESK_BENCH_CREW"

func TestMain(m *testing.M) {
	if os.Getenv(crewVariable) != "" {
		if err := runCrew(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "callers:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
