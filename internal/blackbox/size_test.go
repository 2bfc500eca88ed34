package blackbox

import (
	"os"
	"testing"
)

// wholeSuite reports whether all tests run, as with
//
//	BETANET_FAULTS=all go test -race ./internal/blackbox
//
// Otherwise slow tests are skipped, but every fault of the table still runs.
func wholeSuite() bool { return os.Getenv("BETANET_FAULTS") == "all" }

// skipUnlessWholeSuite skips a test that is too slow for every run.
func skipUnlessWholeSuite(t *testing.T) {
	t.Helper()
	if !wholeSuite() {
		t.Skip("only with BETANET_FAULTS=all")
	}
}
