package blackbox

import (
	"os"
	"testing"
)

// wanted is the variable that chooses the size of the suite, and everything its value for all of it:
//
//	BETANET_FAULTS=all go test -race ./internal/blackbox
//
// Without it only what takes less than a minute runs, build included. That has every fault of the table.
const (
	wanted     = "BETANET_FAULTS"
	everything = "all"
)

func whole() bool { return os.Getenv(wanted) == everything }

// inTheWholeSuiteOnly skips a test that takes too long for every day.
func inTheWholeSuiteOnly(t *testing.T) {
	t.Helper()
	if !whole() {
		t.Skip("only with " + wanted + "=" + everything)
	}
}
