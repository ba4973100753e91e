// Package require stops a test whose preparation fails. Only tests import it. It imports
// nothing of Frontdesk.
package require

import "testing"

// NoError stops the test, and prints err, unless err is nil.
func NoError(t testing.TB, err error) {
	if err != nil {
		t.Helper() // only now, because it is slow and benchmarks call NoError in their loops
		t.Fatal(err)
	}
}
