//go:build !linux

package blackbox

import "testing"

func limitedByKernel(t *testing.T, _ int) surroundings {
	t.Helper()
	t.Skip("there are no control groups")
	return surroundings{}
}
