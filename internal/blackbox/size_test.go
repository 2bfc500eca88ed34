package blackbox

import (
	"os"
	"testing"
)

// BETANET_FAULTS=all runs the whole suite:
//
//	BETANET_FAULTS=all go test -race ./internal/blackbox
//
// Without it only what takes less than a minute runs, build included. That has every fault of the table.
func whole() bool { return os.Getenv("BETANET_FAULTS") == "all" }

// inTheWholeSuiteOnly skips a test that takes too long for every run.
func inTheWholeSuiteOnly(t *testing.T) {
	t.Helper()
	if !whole() {
		t.Skip("only with BETANET_FAULTS=all")
	}
}
