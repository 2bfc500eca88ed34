package simulation_test

import (
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/simulation"
)

// While a service was down, its name had no address for a moment. The upstream came back with
// a different API until the service responded, so the fleet's counters missed the messages
// since the last document.
func TestReplayOfAReturnBeforeTheFirstResponse(t *testing.T) {
	replay(
		t, 26, 6*time.Hour,
		simulation.Episode{Start: 13698201220883, Length: 2567094550714, Kind: "refused", Target: 19, Variant: 12664647437704437757},  // 3h48m18s to 4h31m5s
		simulation.Episode{Start: 14228610004446, Length: 34336514095, Kind: "names change", Target: 19, Variant: 802216564596914518}, // 3h57m9s to 3h57m43s
	)
}
