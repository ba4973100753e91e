package bench

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// callersVariable is set in the environment of a callerProcess.
const callersVariable = "FRONTDESK_BENCH_CALLERS"

func TestMain(m *testing.M) {
	if os.Getenv(callersVariable) != "" {
		if err := runCallers(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "callers:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
